#!/usr/bin/env bash
# NSS: a ring as a module of its database, a server and a client with its keys, by the commands that "signet provision nss" prints.
. "$(dirname "$0")/lib.sh"
need modutil certutil selfserv tstclnt curl jq

consumer 'NSS (selfserv, tstclnt, certutil, modutil)' libnss3-tools 'server and client key'
instance_up
outside_ca_make "$scratch/ca"
owner_up
for type in ec:p256 rsa:2048; do
    server_certificate "${type%:*}" "$type"
    server_ring "RING-${type%:*}" "${type%:*}"
    provision nss "START1/RING-${type%:*}" "$scratch/${type%:*}"
done
client_certificate ec:p256
client_certificate rsa:2048 client-rsa
provision nss START1/CLIENT "$scratch/mine-ec"
provision nss START1/CLIENT-RSA "$scratch/mine-rsa"
mapfile -t environment < <(provisioned_environment "$scratch/ec")
export "${environment[@]}"

db=$scratch/db
mkdir "$db"
certutil -N -d "sql:$db" --empty-password

# printed RING COMMAND [SED SCRIPT]: the printed command on our database and port.
printed() {
    provisioned_example "$scratch/$1" "$2" | sed "s|sql:DIR|sql:$db|; ${3-}"
}

say 'the module is added, the ring is seen'
eval "$(printed ec modutil)" >"$scratch/modutil.log" 2>&1 || fail "modutil: $(cat "$scratch/modutil.log")"
for label in ec rsa; do
    eval "$(printed "$label" 'certutil -L')" >"$scratch/list" 2>"$scratch/list.log" || fail "certutil -L: $(cat "$scratch/list.log")"
    grep -qE "^START1/RING-$label:$label .*u" "$scratch/list" || fail "the certificate with its key is not listed: $(cat "$scratch/list")"
    eval "$(printed "$label" 'certutil -K')" >"$scratch/keys" 2>"$scratch/keys.log" || fail "certutil -K: $(cat "$scratch/keys.log")"
    grep -qE "[0-9a-f]{40} +$label" "$scratch/keys" || fail "the key is not listed: $(cat "$scratch/keys")"
done
number=0
for file in "$scratch"/ec/signet-trust/*; do
    number=$((number + 1))
    certutil -A -d "sql:$db" -t CT,C, -n "anchor $number" -i "$file"
done

say 'nothing can be deleted from a ring'
certutil -F -d "sql:$db" -n START1/RING-ec:ec >"$scratch/delete.log" 2>&1 || true # it says that all went well
certutil -K -d "sql:$db" -h START1/RING-ec >"$scratch/keys" 2>/dev/null
grep -qE "[0-9a-f]{40} +ec" "$scratch/keys" || fail 'the key is gone'

for label in ec rsa; do
    port=$(free_port)
    eval "$(printed "$label" selfserv "s/-p 8443/-p $port/") -r -r" >"$scratch/selfserv-$label.log" 2>&1 &
    children+=("$!")
    wait_for 15 listening "$port"
    for version in 1.2 1.3; do
        say "$label, TLS $version: selfserv demands a certificate, curl has it from a ring"
        expect_text 'EOF' curl_with_client_certificate --http0.9 --tlsv$version --tls-max $version "https://localhost:$port/"
        printf 'GET / HTTP/1.0\r\n\r\n' >"$scratch/get"
        for mine in ec rsa; do
            say "$label, TLS $version: tstclnt with a ring's $mine key"
            eval "$(printed "mine-$mine" tstclnt "s/HOST/localhost/; s/PORT/$port/; s/tls1.2:tls1.3/tls$version:tls$version/")" -A "$scratch/get" \
                >"$scratch/tstclnt.log" 2>&1 || fail "tstclnt: $(tail -n 5 "$scratch/tstclnt.log")"
            grep -q '200 OK' "$scratch/tstclnt.log" || fail "selfserv did not answer: $(tail -n 5 "$scratch/tstclnt.log")"
        done
    done
    expect_failure '35|56' 'alert' curl -sS --http0.9 --tls-max 1.2 --cacert "$scratch/ca/root.pem" "https://localhost:$port/"
done
