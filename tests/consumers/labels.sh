#!/usr/bin/env bash
# Two certificates of one label in a ring, of two owners, whose keys the servers' root may both use: what is printed names the right one.
. "$(dirname "$0")/lib.sh"
need nginx apache2 stunnel4 openssl gnutls-serv curl jq

instance_up
outside_ca_make "$scratch/ca"
owner_up
signet owner add START2 >/dev/null
server_certificate web ec:p256
signet cert generate START2/web --subject CN=localhost --san dns:localhost --key ec:p256 >/dev/null

# Before it and behind it: no place in the ring tells them apart.
server_ring BEFORE web
signet ring add START1/BEHIND >/dev/null
signet ring connect START1/BEHIND START2/web >/dev/null 2>&1
signet ring connect START1/BEHIND START1/web --default >/dev/null
signet ring connect START1/BEHIND 'CERTAUTH/Outside Intermediate' >/dev/null
signet ring connect START1/BEHIND 'CERTAUTH/Outside Root' >/dev/null
signet ring connect START1/BEFORE START2/web >/dev/null 2>&1

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

# Only with the key of START1/web does anybody believe the chain of START1/web.
expect_served() {
    curl -sS -o /dev/null --cacert "$scratch/ca/root.pem" "https://localhost:$1/" 2>"$scratch/curl.log" || fail "$2: $(cat "$scratch/curl.log")"
}
# in_environment PROGRAM: with what is printed for it, in the background.
in_environment() {
    local environment
    mapfile -t environment < <(provisioned_environment "$scratch/$1")
    env "${environment[@]}" "${@:2}"
}

for ring in BEFORE BEHIND; do
    for program in openssl gnutls apache stunnel; do
        provision "$program" "START1/$ring" "$scratch/$ring-$program"
    done

    say "$ring: the key is named by its id, not by the label that two have"
    id=$(openssl x509 -in "$scratch/web.pem" -noout -ocspid | sed -n 's/^ *Public key OCSP hash: //p' | sed 's/../%&/g')
    uri=$(jq -r .pkcs11_uri "$scratch/$ring-openssl/provision.json")
    [ "$uri" = "pkcs11:token=START1%2F$ring;id=$id;type=private" ] || fail "the printed URI is $uri"

    say "$ring: openssl signs with the key that is named"
    in_environment "$ring-openssl" openssl req -new -engine pkcs11 -keyform engine -key "$uri" -subj /CN=x -out "$scratch/x.csr" \
        >"$scratch/req.log" 2>&1 || fail "openssl req: $(tail -n 3 "$scratch/req.log")"
    [ "$(openssl req -in "$scratch/x.csr" -noout -pubkey)" = "$(openssl x509 -in "$scratch/web.pem" -noout -pubkey)" ] || fail 'openssl took another key'

    say "$ring: gnutls-serv"
    port=$(free_port)
    in_environment "$ring-gnutls" gnutls-serv --provider "$client_module" --port "$port" --http --quiet \
        --x509certfile "$scratch/$ring-gnutls/signet-chain.pem" --x509keyfile "$uri" >"$scratch/gnutls.log" 2>&1 &
    children+=("$!")
    wait_for 15 listening "$port"
    expect_served "$port" gnutls-serv

    say "$ring: nginx, Apache, stunnel"
    port=$(free_port)
    nginx_up "$scratch/$ring-nginx" "$port" "$ring"
    expect_served "$port" nginx
    port=$(free_port)
    apache_up "$scratch/$ring-apache" "$port"
    expect_served "$port" Apache
    port=$(free_port)
    stunnel_up "$scratch/$ring-stunnel" "$port"
    expect_served "$port" stunnel
done

say 'programs that know labels only: told before'
signet provision tomcat --ring START1/BEFORE 2>&1 >/dev/null | finds 'warning: tomcat finds its certificate by the label, and START2/web has the same' ||
    fail 'nobody is warned'
signet provision nginx --ring START1/BEFORE 2>"$scratch/nginx.err" >/dev/null
[ ! -s "$scratch/nginx.err" ] || fail "nginx is warned: $(cat "$scratch/nginx.err")"
signet ring check START1/BEFORE --json | jq -e '.items | any(.code == "same_label" and .certificate == "START2/web")' >/dev/null ||
    fail 'ring check does not tell'
