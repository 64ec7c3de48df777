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
jq -r '.commands[]' "$dir/provision.json" | finds 'signet-trust' && fail 'the anchors, which only client certificates want, are among the commands'
signet ring export START1/RING-ec --format pem --out "$dir/etc/stunnel/signet-trust.pem" >/dev/null
stunnel_up "$dir" "$mutual" 'verifyChain = yes' "CAfile = $dir/etc/stunnel/signet-trust.pem"
expect_text 'behind stunnel' curl_with_client_certificate "https://localhost:$mutual/"
# Refused: curl hears of it when it writes (55) or when it reads (56), whichever comes first.
expect_failure '55|56' "$refused_text" curl -sS --cacert "$scratch/ca/root.pem" "https://localhost:$mutual/"
wait_for 10 grep -q 'peer did not return a certificate' "$dir/stunnel.log"

say 'a reload that stunnel refuses is noticed, and tried again'
watched=$(free_port)
dir=$scratch/watched
signet ring connect START1/RING-ec START1/rsa >/dev/null
provision stunnel START1/RING-ec "$dir"
stunnel_up "$dir" "$watched"
mkdir "$scratch/bin"
cat >"$scratch/bin/systemctl" <<SYSTEMCTL
#!/bin/bash
[ "\$*" = 'kill --signal=HUP stunnel@signet' ] && kill -HUP ${children[-1]}
SYSTEMCTL
chmod +x "$scratch/bin/systemctl"
sed -i "s|localhost:8443|localhost:$watched|" "$dir/etc/stunnel/signet-watch.sh"
watch_as_printed "$dir"
sleep 1
serves() {
    openssl s_client -connect "localhost:$watched" </dev/null 2>/dev/null | openssl x509 >"$scratch/served.pem" &&
        holds_certificate "$scratch/served.pem" "$scratch/$1.pem"
}
serves ec || fail 'the default is not served'
echo 'key = pkcs11:token=none;type=private' >"$dir/etc/stunnel/signet-pair/pair.conf.left"
signet ring connect START1/RING-ec START1/rsa --default >/dev/null
wait_for 20 grep -q 'it runs again in' "$dir/watch.log"
grep -q 'Failed to reload' "$dir/stunnel.log" || fail 'stunnel has not refused'
serves ec || fail 'stunnel serves something else after a reload that it refused'
rm "$dir/etc/stunnel/signet-pair/pair.conf.left"
wait_for 30 serves rsa

say 'the same after a new label, and with two keys of one label'
signet cert alter START1/rsa --label renamed >/dev/null
signet owner add START2 >/dev/null
signet cert generate START2/renamed --subject CN=other --key rsa:2048 >/dev/null
signet ring connect START1/RING-ec START2/renamed --usage personal >/dev/null 2>&1 || fail 'a namesake was refused'
sleep 5
lines=$(grep -c 'runs again' "$dir/watch.log")
wait_for 20 serves rsa
signet ring connect START1/RING-ec START1/ec --default >/dev/null
wait_for 20 serves ec
[ "$(grep -c 'runs again' "$dir/watch.log")" -eq "$lines" ] || fail "a reload was refused: $(cat "$dir/watch.log")"
