#!/usr/bin/env bash
# stunnel in front of a plain server, TLS 1.2 and 1.3, RSA and EC, with the configuration that "signet provision stunnel" prints.
. "$(dirname "$0")/lib.sh"
need stunnel4 curl jq nginx

consumer 'stunnel' stunnel4 'server key'
instance_up
outside_ca_make "$scratch/ca"
owner_up
for type in ec:p256 rsa:2048; do
    server_certificate "${type%:*}" "$type"
    server_ring "RING-${type%:*}" "${type%:*}"
done
client_certificate ec:p256

# Something that answers, behind it.
plain=$(free_port)
mkdir -p "$scratch/plain"
{
    nginx_top "$scratch/plain"
    echo "server { listen 127.0.0.1:$plain; location / { return 200 'behind stunnel'; } }"
    echo "}"
} >"$scratch/plain/nginx.conf"
nginx -p "$scratch/plain" -c "$scratch/plain/nginx.conf" -g 'daemon off;' >"$scratch/plain/out.log" 2>&1 &
children+=("$!")
wait_for 15 listening "$plain"

declare -A port
for label in ec rsa; do
    dir=$scratch/$label
    port[$label]=$(free_port)
    provision stunnel "START1/RING-$label" "$dir"
    stunnel_up "$dir" "${port[$label]}"
    for version in 1.2 1.3; do
        say "$label, TLS $version"
        expect_text 'behind stunnel' curl -sS --cacert "$scratch/ca/root.pem" --tlsv$version --tls-max $version \
            "https://localhost:${port[$label]}/"
    done
done

say 'many handshakes at once'
seq 20 | xargs -P 8 -I{} curl -sS -o /dev/null --cacert "$scratch/ca/root.pem" "https://localhost:${port[rsa]}/" ||
    fail 'a handshake of twenty failed'

say 'client certificates'
mutual=$(free_port)
dir=$scratch/mutual
provision stunnel START1/RING-ec "$dir"
jq -r '.commands[]' "$dir/provision.json" | grep -q 'signet-trust' && fail 'the anchors, which only client certificates want, are among the commands'
signet ring export START1/RING-ec --format pem --out "$dir/etc/stunnel/signet-trust.pem" >/dev/null
stunnel_up "$dir" "$mutual" 'verifyChain = yes' "CAfile = $dir/etc/stunnel/signet-trust.pem"
expect_text 'behind stunnel' curl_with_client_certificate "https://localhost:$mutual/"
# Refused: curl hears of it when it writes (55) or when it reads (56), whichever comes first.
expect_failure '55|56' 'certificate required|handshake failure|getpeername' curl -sS --cacert "$scratch/ca/root.pem" "https://localhost:$mutual/"
expect_text 'peer did not return a certificate' cat "$dir/stunnel.log"
