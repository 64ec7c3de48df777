#!/usr/bin/env bash
# haproxy with what "signet provision haproxy" prints: its key is a file, and it serves a ring's chain and trusts a ring's anchors.
. "$(dirname "$0")/lib.sh"
haproxy=$(command -v haproxy) || fail 'haproxy is not installed; scripts/setup installs it'
need curl jq openssl

consumer 'haproxy' haproxy 'trust anchors and chain; its key is a file'
instance_up
signet dev down "$instance" >/dev/null
sed -i 's/^\[token softhsm\]/&\nextractable_allowed = yes/' "$instance/signet.conf"
signet dev up "$instance" >/dev/null
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

# write_key ROOT: the printed command that brings the key of the token where haproxy wants it.
write_key() {
    PATH="$(dirname "$SIGNET_BIN"):$PATH" bash -c "$(provisioned_example "$1" '(umask ')"
}
expect_failure 4 'made without --extractable' write_key "$dir"
for left in signet.pem.key signet.pass signet.p12; do
    [ ! -e "$dir/etc/haproxy/$left" ] || fail "a command that failed leaves $left"
done

signet ring export START1/RING-ec --format pem --out "$dir/etc/haproxy/signet-trust.pem" >/dev/null
[ "$(jq -r '.watch | test("--chain")' "$dir/provision.json")" = false ] || fail 'a chain is kept beside a key file that does not follow'

say 'with a key of the token that was made to be exported, written by the printed command'
signet cert generate START1/free --subject 'CN=localhost,O=Example' --key ec:p256 --san dns:localhost --extractable >/dev/null
signet cert request START1/free --out "$scratch/free.csr" >/dev/null
outside_ca_sign "$scratch/ca" "$scratch/free.csr" "$scratch/free.pem"
signet cert add START1/free "$scratch/free.pem" >/dev/null
server_ring FREE free
free=$scratch/free
provision haproxy START1/FREE "$free"
! signet provision haproxy --ring START1/FREE 2>&1 >/dev/null | finds 'stays in token' || fail 'the key that may leave is said to stay'
write_key "$free" >"$scratch/write.log" 2>&1 || fail "the printed command: $(cat "$scratch/write.log")"
[ "$(cd "$free/etc/haproxy" && stat -c '%a %n' signet.p* | xargs)" = '644 signet.pem 600 signet.pem.key' ] ||
    fail "these files are there: $(ls -l "$free/etc/haproxy")"
port=$(free_port)
haproxy_conf "$free/etc/haproxy/signet.pem" '' >"$scratch/free.cfg"
"$haproxy" -db -f "$scratch/free.cfg" >"$scratch/free.log" 2>&1 &
children+=("$!")
wait_for 15 listening "$port"
expect_text 'served by haproxy' curl -sS --cacert "$scratch/ca/root.pem" "https://localhost:$port/"

say 'with a key from elsewhere, TLS 1.2 and 1.3, and client certificates that a ring vouches for'
for key in ec rsa; do
    option=(-newkey rsa:2048)
    [ "$key" = rsa ] || option=(-newkey ec -pkeyopt ec_paramgen_curve:P-256)
    own=$scratch/$key-own
    pem=$own/etc/haproxy/signet.pem
    mkdir -p "${pem%/*}"
    openssl req "${option[@]}" -noenc -subj /O=Example/CN=localhost -addext subjectAltName=DNS:localhost -keyout "$pem.key" \
        -out "$scratch/$key.csr" 2>"$scratch/req.log"
    outside_ca_sign "$scratch/ca" "$scratch/$key.csr" "$scratch/$key.crt"
    signet cert add "START1/$key-elsewhere" "$scratch/$key.crt" >/dev/null
    signet ring add "START1/OWN-$key" >/dev/null
    signet ring connect "START1/OWN-$key" "START1/$key-elsewhere" --default >/dev/null 2>&1
    provision haproxy "START1/OWN-$key" "$own" || fail 'a certificate whose key is elsewhere is refused'
    holds_certificate "$pem" "$scratch/$key.crt" || fail 'the chain does not begin with the certificate of the key file'
    expect_failure 3 'no private key here' signet provision nginx --ring "START1/OWN-$key"
    port=$(free_port)
    haproxy_conf "$pem" "s|crt $pem|crt $pem ca-file $dir/etc/haproxy/signet-trust.pem verify required|" >"$scratch/$key.cfg"
    "$haproxy" -db -f "$scratch/$key.cfg" >"$scratch/$key.log" 2>&1 &
    children+=("$!")
    wait_for 15 listening "$port"
    for version in 1.2 1.3; do
        say "$key, TLS $version"
        expect_text 'served by haproxy' curl_with_client_certificate --tlsv$version --tls-max $version "https://localhost:$port/"
        expect_failure '35|55|56' "$refused_text" curl -sS --cacert "$scratch/ca/root.pem" \
            --tlsv$version --tls-max $version "https://localhost:$port/"
    done
    say "$key: another default in the ring, with a key of the token: what is printed for the first goes on"
    signet ring connect "START1/OWN-$key" START1/ec --default >/dev/null
    while IFS= read -r command; do
        (cd "$own" && PATH="$(dirname "$SIGNET_BIN"):$PATH" bash -c "$command" >/dev/null)
    done < <(jq -r '.commands[]' "$own/provision.json")
    "$haproxy" -c -f "$scratch/$key.cfg" >"$scratch/check.log" 2>&1 || fail "haproxy: $(cat "$scratch/check.log")"
done
