#!/usr/bin/env bash
# OpenSSL's pkcs11 engine on a ring: requests, a server, and a curl client that authenticates with a ring's key.
. "$(dirname "$0")/lib.sh"
need openssl curl nginx

instance_up
outside_ca_make "$scratch/ca"
owner_up
server_certificate web ec:p256
server_ring WEB web
signet cert generate START1/client --subject 'CN=client,O=Example' --key rsa:2048 --eku clientAuth >/dev/null
signet cert request START1/client --out "$scratch/client.csr" >/dev/null
outside_ca_sign "$scratch/ca" "$scratch/client.csr" "$scratch/client.pem"
signet cert add START1/client "$scratch/client.pem" "$scratch/ca/int.pem" "$scratch/ca/root.pem" >/dev/null
server_ring CLIENT client

say 'the request of the client carries its extension'
expect_text 'TLS Web Client Authentication' openssl req -in "$scratch/client.csr" -noout -text -verify

provisioned_openssl_conf CLIENT >"$scratch/openssl.cnf"
export OPENSSL_CONF=$scratch/openssl.cnf
say 'openssl req with a ring'"'"'s key'
openssl req -new -engine pkcs11 -keyform engine -key 'pkcs11:token=START1%2FCLIENT;object=client;type=private' \
    -subj /CN=engine -config "$scratch/ca/int.cnf" -out "$scratch/engine.csr" 2>"$scratch/req.log" || fail "$(tail -n 4 "$scratch/req.log")"
expect_text 'verify OK' openssl req -in "$scratch/engine.csr" -noout -verify

say 'nginx demands a client certificate; curl has it from the ring'
port=$(free_port)
nginx_up "$scratch/nginx" "$port" WEB "ssl_verify_client on;" "ssl_verify_depth 3;" "ssl_client_certificate $scratch/ca/root.pem;"
cat "$scratch/client.pem" "$scratch/ca/int.pem" >"$scratch/client.chain"
expect_text 'served from WEB' curl -sS --cacert "$scratch/ca/root.pem" --engine pkcs11 --key-type ENG \
    --key 'pkcs11:token=START1%2FCLIENT;object=client;type=private' --cert "$scratch/client.chain" "https://localhost:$port/"
expect_text '400 No required SSL certificate' curl -sS --cacert "$scratch/ca/root.pem" "https://localhost:$port/"
