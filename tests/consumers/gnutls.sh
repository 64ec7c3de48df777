#!/usr/bin/env bash
# A GnuTLS server with a ring's key, a GnuTLS client with a ring's anchors.
. "$(dirname "$0")/lib.sh"
need gnutls-serv gnutls-cli openssl curl

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
signet ring export START1/TRUST --format pem --out "$scratch/trust.pem" >/dev/null

for label in ec rsa; do
    port=$(free_port)
    signet ring export "START1/RING-$label" --format pem --chain --out "$scratch/$label.chain" >/dev/null
    gnutls-serv --provider "$client_module" --port "$port" --echo --quiet --x509certfile "$scratch/$label.chain" \
        --x509keyfile "pkcs11:token=START1%2FRING-$label;object=$label;type=private" >"$scratch/$label.log" 2>&1 &
    children+=("$!")
    wait_for 15 listening "$port"
    for version in 1.2 1.3; do
        say "$label, TLS $version"
        echo hello | gnutls-cli --x509cafile "$scratch/trust.pem" --priority "NORMAL:-VERS-ALL:+VERS-TLS$version" \
            --port "$port" localhost >"$scratch/cli.log" 2>&1 || fail "gnutls-cli: $(tail -n 4 "$scratch/cli.log")"
        grep -q 'The certificate is trusted' "$scratch/cli.log" || fail 'the certificate is not trusted'
    done
done

# The client encrypts the premaster secret, and the key in the token decrypts it. (nginx cannot: OpenSSL 3.0 refuses the padding of this
# exchange for every key of an engine.)
say 'the RSA key exchange of TLS 1.2'
port=$(free_port)
gnutls-serv --provider "$client_module" --port "$port" --http --quiet --x509certfile "$scratch/rsa.chain" \
    --priority 'NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA' \
    --x509keyfile 'pkcs11:token=START1%2FRING-rsa;object=rsa;type=private' >"$scratch/exchange.log" 2>&1 &
children+=("$!")
wait_for 15 listening "$port"
expect_text 'SSL connection using TLSv1.2 / AES128-GCM-SHA256' curl -sSv -o /dev/null --cacert "$scratch/trust.pem" --tls-max 1.2 \
    --ciphers AES128-GCM-SHA256 "https://localhost:$port/"
expect_failure 35 'handshake failure' curl -sS --cacert "$scratch/trust.pem" --tls-max 1.2 --ciphers ECDHE-RSA-AES128-GCM-SHA256 \
    "https://localhost:$port/"
