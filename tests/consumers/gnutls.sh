#!/usr/bin/env bash
# A GnuTLS server with a ring's key, a GnuTLS client with a ring's anchors.
. "$(dirname "$0")/lib.sh"
need gnutls-serv gnutls-cli certtool p11tool openssl curl jq

consumer 'GnuTLS (gnutls-serv, gnutls-cli, certtool, p11tool)' gnutls-bin 'server and client key'
instance_up
outside_ca_make "$scratch/ca"
owner_up
signet ring add START1/TRUST >/dev/null
for type in ec:p256 rsa:2048; do
    label=${type%:*}
    server_certificate "$label" "$type"
    server_ring "RING-$label" "$label"
done
signet ring connect START1/TRUST 'CERTAUTH/Outside Root' >/dev/null

client_certificate ec:p256 client-ec
client_certificate rsa:2048 client-rsa
for label in ec rsa; do
    provision gnutls "START1/RING-$label" "$scratch/$label" START1/TRUST
    provision gnutls "START1/CLIENT-${label^^}" "$scratch/mine-$label" START1/TRUST
done
# printed RING COMMAND [SED SCRIPT]: the printed command, to be run in that ring's directory.
printed() {
    echo "cd '$scratch/$1' && $(provisioned_example "$scratch/$1" "$2" | sed "${3-}")"
}

# A request, and no end before its answer.
ask() {
    printf 'GET / HTTP/1.0\r\n\r\n'
    for _ in $(seq 100); do
        ! grep -qs 'HTTP/1.0 200 OK' "$scratch/cli.log" || break
        sleep 0.1
    done
}

for label in ec rsa; do
    port=$(free_port)
    (eval "$(printed "$label" gnutls-serv "s/--port 8443/--port $port --quiet --require-client-cert --x509cafile signet-trust.pem/; s/^/exec /")") >"$scratch/$label.log" 2>&1 &
    children+=("$!")
    wait_for 15 listening "$port"
    for version in 1.2 1.3; do
        for mine in ec rsa; do
            say "$label, TLS $version, both with a key of a ring, the client's is $mine"
            rm -f "$scratch/cli.log"
            (eval "$(printed "mine-$mine" gnutls-cli "s/ HOST/ localhost/; s/PORT/$port/; s/^gnutls-cli/& --priority NORMAL:-VERS-ALL:+VERS-TLS$version/")") \
                < <(ask) >"$scratch/cli.log" 2>&1 || fail "gnutls-cli: $(tail -n 4 "$scratch/cli.log")"
            grep -q 'The certificate is trusted' "$scratch/cli.log" || fail 'the certificate is not trusted'
            grep -q 'HTTP/1.0 200 OK' "$scratch/cli.log" || fail 'the server does not answer'
        done
    done
    say "$label: without a certificate"
    expect_failure '35|56' 'alert' curl -sS --cacert "$scratch/ca/root.pem" --tls-max 1.2 "https://localhost:$port/"
    say "$label: p11tool, certtool"
    (eval "$(printed "$label" p11tool)") >"$scratch/p11tool" 2>&1 || fail "p11tool: $(tail -n 3 "$scratch/p11tool")"
    grep -q 'Type: Private key' "$scratch/p11tool" || fail "p11tool lists no key: $(cat "$scratch/p11tool")"
    printf 'cn = "certtool"\n' >"$scratch/$label/request.cfg"
    (eval "$(printed "$label" certtool)") >"$scratch/certtool.log" 2>&1 || fail "certtool: $(tail -n 3 "$scratch/certtool.log")"
    expect_text 'verify OK' openssl req -in "$scratch/$label/request.pem" -noout -verify
done

# The client encrypts the premaster secret, and the key in the token decrypts it. (nginx cannot: OpenSSL 3.0 refuses the padding of this
# exchange for every key of an engine.)
say 'the RSA key exchange of TLS 1.2'
port=$(free_port)
gnutls-serv --provider "$client_module" --port "$port" --http --quiet --x509certfile "$scratch/rsa/signet-chain.pem" \
    --priority 'NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA' \
    --x509keyfile "$(jq -r .pkcs11_uri "$scratch/rsa/provision.json")" >"$scratch/exchange.log" 2>&1 &
children+=("$!")
wait_for 15 listening "$port"
expect_text 'SSL connection using TLSv1.2 / AES128-GCM-SHA256' curl -sSv -o /dev/null --cacert "$scratch/rsa/signet-trust.pem" --tls-max 1.2 \
    --ciphers AES128-GCM-SHA256 "https://localhost:$port/"
expect_failure 35 'handshake failure' curl -sS --cacert "$scratch/rsa/signet-trust.pem" --tls-max 1.2 --ciphers ECDHE-RSA-AES128-GCM-SHA256 \
    "https://localhost:$port/"
