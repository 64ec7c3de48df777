#!/usr/bin/env bash
# haproxy with what "signet provision haproxy" prints: its key is a file, and it serves a ring's chain and trusts a ring's anchors.
. "$(dirname "$0")/lib.sh"
haproxy=$(PATH=$PATH:/usr/sbin command -v haproxy) || fail 'haproxy is not installed; scripts/setup installs it'
need curl jq openssl

consumer 'haproxy' haproxy 'trust anchors and chain; its key is a file'
instance_up
outside_ca_make "$scratch/ca"
owner_up
server_certificate ec ec:p256
server_ring RING-ec ec
client_certificate ec:p256
dir=$scratch/haproxy
provision haproxy START1/RING-ec "$dir"
[ "$(jq -r .key "$dir/provision.json")" = file ] || fail 'the text does not say that the key is a file'

say 'a build without engines: the reason for all this'
"$haproxy" -vv >"$scratch/version"
! grep -qiE 'built with (engine|pkcs ?11)|USE_ENGINE=1|\+ENGINE' "$scratch/version" || fail 'this haproxy has engines: write its text anew'

say 'the key of a ring is not to be had as a file: the chain alone does not start it'
port=$(free_port)
# haproxy_conf KEY-AND-CHAIN
haproxy_conf() {
    cat <<CONFIG
defaults
    timeout connect 5s
    timeout client 20s
    timeout server 20s
$(sed -E "s|bind :8443|bind 127.0.0.1:$port|; s|crt [^ ]*signet.pem|crt $1|; s|# to demand.*: bind :8443.*||; $2" "$dir/etc/haproxy/signet.cfg")
backend servers
    mode http
    http-request return status 200 content-type text/plain string "served by haproxy"
CONFIG
}
haproxy_conf "$dir/etc/haproxy/signet.pem" '' >"$scratch/keyless.cfg"
expect_failure 1 'private key|No Private Key' "$haproxy" -c -f "$scratch/keyless.cfg"

say 'with a key from elsewhere, TLS 1.2 and 1.3, and client certificates that a ring vouches for'
for key in ec rsa; do
    option=(-newkey rsa:2048)
    [ "$key" = rsa ] || option=(-newkey ec -pkeyopt ec_paramgen_curve:P-256)
    pem=$scratch/$key-elsewhere.pem
    openssl req "${option[@]}" -noenc -subj /O=Example/CN=localhost -addext subjectAltName=DNS:localhost -keyout "$pem.key" \
        -out "$scratch/$key.csr" 2>"$scratch/req.log"
    outside_ca_sign "$scratch/ca" "$scratch/$key.csr" "$scratch/$key.crt"
    cat "$scratch/$key.crt" "$scratch/ca/int.pem" >"$pem"
    port=$(free_port)
    haproxy_conf "$pem" "s|crt $pem|crt $pem ca-file $dir/etc/haproxy/signet-trust.pem verify required|" >"$scratch/$key.cfg"
    "$haproxy" -db -f "$scratch/$key.cfg" >"$scratch/$key.log" 2>&1 &
    children+=("$!")
    wait_for 15 listening "$port"
    for version in 1.2 1.3; do
        say "$key, TLS $version"
        expect_text 'served by haproxy' curl_with_client_certificate --tlsv$version --tls-max $version "https://localhost:$port/"
        expect_failure '35|56' 'certificate required|handshake failure' curl -sS --cacert "$scratch/ca/root.pem" \
            --tlsv$version --tls-max $version "https://localhost:$port/"
    done
done
