#!/usr/bin/env bash
# Apache serves TLS 1.2 and 1.3 with RSA and EC keys of rings, as printed by "signet provision apache"; its children run as another user.
. "$(dirname "$0")/lib.sh"
need apache2 curl jq

consumer 'Apache httpd' apache2-bin 'server key'
instance_up
outside_ca_make "$scratch/ca"
owner_up
for type in ec:p256 rsa:2048; do
    server_certificate "${type%:*}" "$type"
    server_ring "RING-${type%:*}" "${type%:*}"
done
client_certificate ec:p256

declare -A port
for label in ec rsa; do
    dir=$scratch/$label
    port[$label]=$(free_port)
    provision apache "START1/RING-$label" "$dir"
    apache_up "$dir" "${port[$label]}"
    for version in 1.2 1.3; do
        say "$label, TLS $version"
        expect_text "served by $label" curl -sS --cacert "$scratch/ca/root.pem" --tlsv$version --tls-max $version \
            "https://localhost:${port[$label]}/"
    done
    expect_text 'Verify return code: 0 \(ok\)' openssl s_client -connect "localhost:${port[$label]}" -CAfile "$scratch/ca/root.pem" \
        -verify_return_error -servername localhost </dev/null
done

say 'many handshakes at once'
seq 20 | xargs -P 8 -I{} curl -sS -o /dev/null --cacert "$scratch/ca/root.pem" "https://localhost:${port[rsa]}/" ||
    fail 'a handshake of twenty failed'

say 'a graceful restart keeps the key'
kill -USR1 "$(cat "$scratch/ec/apache.pid")"
sleep 1
expect_text 'served by ec' curl -sS --retry 5 --retry-connrefused --cacert "$scratch/ca/root.pem" "https://localhost:${port[ec]}/"

say 'client certificates'
dir=$scratch/mutual
mutual=$(free_port)
provision apache START1/RING-ec "$dir"
signet ring export START1/RING-ec --format pem --out "$dir/trust.pem" >/dev/null
apache_up "$dir" "$mutual" 'SSLVerifyClient require' 'SSLVerifyDepth 5' "SSLCACertificateFile $dir/trust.pem"
expect_text 'served by mutual' curl_with_client_certificate "https://localhost:$mutual/"
# curl hears of it when it writes (55) or when it reads (56), whichever comes first
expect_failure '55|56' "$refused_text" curl -sS --cacert "$scratch/ca/root.pem" --tlsv1.3 "https://localhost:$mutual/"

say 'no PIN in what Apache reads'
pin=$(cat "$instance/pin")
! grep -rqF "$pin" "$scratch/ec" || fail 'the PIN is in the directory of Apache'
