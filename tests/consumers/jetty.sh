#!/usr/bin/env bash
# Debian's Jetty serves HTTPS with key and trust store of rings, with the start.d/ssl.ini that "signet provision jetty" prints.
. "$(dirname "$0")/lib.sh"
need java curl jq
need_jetty

consumer 'Jetty' jetty9 'server key and trust store'
instance_up
outside_ca_make "$scratch/ca"
owner_up
for type in ec:p256 rsa:2048; do
    server_certificate "${type%:*}" "$type"
    server_ring "RING-${type%:*}" "${type%:*}"
done
client_certificate ec:p256

declare -A port
for label in ec rsa mutual; do
    port[$label]=$(free_port)
done
for label in ec rsa; do
    provision jetty "START1/RING-$label" "$scratch/$label"
    jetty_up "$scratch/$label" "${port[$label]}"
done
provision jetty START1/RING-rsa "$scratch/mutual"
jetty_up "$scratch/mutual" "${port[mutual]}" jetty.sslContext.needClientAuth=true
for label in ec rsa mutual; do
    wait_for 60 listening "${port[$label]}"
done

for label in ec rsa; do
    for version in 1.2 1.3; do
        say "$label, TLS $version"
        expect_text 'Error 404 - Not Found' curl -sS --cacert "$scratch/ca/root.pem" --tlsv$version --tls-max $version \
            "https://localhost:${port[$label]}/"
    done
    expect_text 'Verify return code: 0 \(ok\)' openssl s_client -connect "localhost:${port[$label]}" -CAfile "$scratch/ca/root.pem" \
        -verify_return_error -servername localhost </dev/null
done

say 'client certificates, trusted by the ring'
for version in 1.2 1.3; do
    expect_text 'Error 404 - Not Found' curl_with_client_certificate --tlsv$version --tls-max $version "https://localhost:${port[mutual]}/"
    expect_refused_without_certificate "$scratch/mutual/jetty.log" curl -sS --cacert "$scratch/ca/root.pem" \
        --tlsv$version --tls-max $version "https://localhost:${port[mutual]}/"
done

say 'no key file, no PIN'
! find "$scratch/ec" -name '*.p12' -o -name '*.jks' -o -name keystore | finds . || fail 'there is a key store file'
! grep -rqF "$(cat "$instance/pin")" "$scratch/ec" || fail 'the PIN is in the directory of Jetty'
