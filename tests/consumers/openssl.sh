#!/usr/bin/env bash
# OpenSSL's pkcs11 engine on a ring: requests, a server, and a curl client that authenticates with a ring's key.
. "$(dirname "$0")/lib.sh"
need openssl curl nginx jq

consumer 'OpenSSL (s_server, s_client, req), curl' openssl 'server and client key, by libp11'"'"'s engine'
instance_up
outside_ca_make "$scratch/ca"
owner_up
client_certificate rsa:2048
client_certificate ec:p256 client-ec
for type in ec:p256 rsa:2048; do
    server_certificate "${type%:*}" "$type"
    server_ring "RING-${type%:*}" "${type%:*}"
    provision openssl "START1/RING-${type%:*}" "$scratch/${type%:*}"
done

# printed RING COMMAND [SED SCRIPT]: the printed command, in that ring's directory and the printed environment.
printed() {
    local environment
    mapfile -t environment < <(provisioned_environment "$scratch/$1")
    (cd "$scratch/$1" && export "${environment[@]}" && eval "$(provisioned_example "$scratch/$1" ". ./signet-pair.sh && $2" | sed "${3-}")")
}

# certificates FILE: those in it, in PEM; of what s_client prints, those that the server sent.
certificates() {
    sed -n '/^Server certificate$/q; /-BEGIN CERTIFICATE-/,/-END CERTIFICATE-/p' "$1"
}

say 'the request of the client carries its extension'
expect_text 'TLS Web Client Authentication' openssl req -in "$scratch/client.csr" -noout -text -verify

for label in ec rsa; do
    say "$label: openssl req"
    printed "$label" 'openssl req' >"$scratch/req.log" 2>&1 || fail "$(tail -n 4 "$scratch/req.log")"
    expect_text 'verify OK' openssl req -in "$scratch/$label/example.csr" -noout -verify
    port=$(free_port)
    printed "$label" 'openssl s_server' "s/-accept 8443/-accept $port -www -Verify 5 -verify_return_error -CAfile signet-trust.pem/" \
        >"$scratch/s_server-$label.log" 2>&1 &
    children+=("$!")
    wait_for 15 listening "$port"
    for version in 1.2 1.3; do
        say "$label, TLS $version: s_server, s_client and curl, each with a key of a ring"
        for client in client-ec client; do
            echo 'GET / HTTP/1.0' | printed "$client" 'openssl s_client' \
                "s/HOST:PORT/localhost:$port/; s/\$/ -tls${version/./_} -verify_return_error -ign_eof -showcerts/" >"$scratch/s_client.log" 2>&1 ||
                fail "s_client as $client: $(tail -n 5 "$scratch/s_client.log")"
            grep -q 'Verify return code: 0 (ok)' "$scratch/s_client.log" || fail 'the chain does not verify'
            grep -q 'HTTP/1.0 200 ok' "$scratch/s_client.log" || fail "s_server does not answer $client"
        done
        cmp <(certificates "$scratch/s_client.log") <(certificates "$scratch/$label/signet-chain.pem") ||
            fail "the server sends something else than its chain, each certificate once: $(grep -A 1 '^ *[0-9] s:' "$scratch/s_client.log")"
        expect_text 'TLSv'"$version" curl_with_client_certificate --tlsv$version --tls-max $version "https://localhost:$port/"
        expect_failure '35|55|56' "$refused_text" curl -sS --cacert "$scratch/ca/root.pem" \
            --tlsv$version --tls-max $version "https://localhost:$port/"
    done
done

say 'nginx demands a client certificate; curl has it from the ring'
port=$(free_port)
nginx_up "$scratch/nginx" "$port" RING-ec "ssl_verify_client on;" "ssl_verify_depth 3;" "ssl_client_certificate $scratch/ca/root.pem;"
expect_text 'served from RING-ec' curl_with_client_certificate "https://localhost:$port/"
expect_text '400 No required SSL certificate' curl -sS --cacert "$scratch/ca/root.pem" "https://localhost:$port/"

say 'the key of the client is rolled over, to and fro, by the printed watch: whoever connects every 100 ms sees no failure'
watch_as_printed "$scratch/client"
connect_for_ever "$scratch/connections" curl_with_client_certificate -f "https://localhost:$port/" &
connecting=$!
children+=("$connecting")
wait_for 20 test -s "$scratch/connections"
roll_over client client-2
to_and_fro client 5
wait_for 10 holds_certificate "$scratch/client/signet-chain.pem" "$scratch/client-2.pem"
sleep 0.5
end_tree "$connecting"
all_connected "$scratch/connections" 3
# Right after the old key's last use it is not destroyed; of uses within one second nobody knows which came first.
is_used_and_finished() {
    expect_text 'served from RING-ec' curl_with_client_certificate "https://localhost:$port/"
    signet rollover finish START1/client
}
wait_for 20 is_used_and_finished
expect_text 'served from RING-ec' curl_with_client_certificate "https://localhost:$port/"
