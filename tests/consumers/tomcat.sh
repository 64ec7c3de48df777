#!/usr/bin/env bash
# Debian's Tomcat serves HTTPS with key and trust store of rings, with the <Connector> that "signet provision tomcat" prints.
#
#   tomcat.sh [quick]      quick: one server with each key, and no client certificates
. "$(dirname "$0")/lib.sh"
need java curl jq xmllint
need_tomcat

consumer 'Tomcat' tomcat10-common 'server key and trust store'
instance_up
outside_ca_make "$scratch/ca"
owner_up
for type in ec:p256 rsa:2048; do
    server_certificate "${type%:*}" "$type"
    server_ring "RING-${type%:*}" "${type%:*}"
done
client_certificate ec:p256

declare -A port pid
for label in ec rsa mutual; do
    port[$label]=$(free_port)
done
for label in ec rsa; do
    provision tomcat "START1/RING-$label" "$scratch/$label"
done
labels=(ec rsa)
[ "${1-}" != quick ] || labels=(rsa) # the other comes below
start() {
    tomcat_up "$scratch/$1" "${port[$1]}"
    pid[$1]=${children[-1]}
}
expect_served() {
    local version
    wait_for 60 listening "${port[$1]}"
    for version in 1.2 1.3; do
        say "$1, TLS $version"
        expect_text "served by $1" curl -sS --cacert "$scratch/ca/root.pem" --tlsv$version --tls-max $version \
            "https://localhost:${port[$1]}/index.txt"
    done
    expect_text 'Verify return code: 0 \(ok\)' openssl s_client -connect "localhost:${port[$1]}" -CAfile "$scratch/ca/root.pem" \
        -verify_return_error -servername localhost </dev/null
}
for label in "${labels[@]}"; do
    start "$label"
done
for label in "${labels[@]}"; do
    expect_served "$label"
done

say 'no key file, no PIN'
! find "$scratch/rsa" -name '*.p12' -o -name '*.jks' | finds . || fail 'there is a key store file'
! grep -rqF "$(cat "$instance/pin")" "$scratch/rsa" || fail 'the PIN is in the directory of Tomcat'

say 'a key that is rolled over: a start with the text of before is enough, whatever the new label is'
end_server "${pid[${labels[0]}]}"
roll_over ec ec-2
start ec
expect_served ec
curl -sS -o /dev/null -w '%{certs}' --cacert "$scratch/ca/root.pem" "https://localhost:${port[ec]}/index.txt" >"$scratch/served.pem" ||
    fail 'Tomcat does not serve with the new key'
holds_certificate "$scratch/served.pem" "$scratch/ec-2.pem" || fail 'Tomcat serves with another certificate'
[ "${1-}" != quick ] || exit 0

say 'client certificates, trusted by the ring'
provision tomcat START1/RING-rsa "$scratch/mutual"
tomcat_up "$scratch/mutual" "${port[mutual]}" 's/certificateVerification="none"/certificateVerification="required"/'
wait_for 60 listening "${port[mutual]}"
for version in 1.2 1.3; do
    expect_text 'served by mutual' curl_with_client_certificate --tlsv$version --tls-max $version "https://localhost:${port[mutual]}/index.txt"
    expect_refused_without_certificate "$scratch/mutual/tomcat.log" curl -sS --cacert "$scratch/ca/root.pem" \
        --tlsv$version --tls-max $version "https://localhost:${port[mutual]}/index.txt"
done
