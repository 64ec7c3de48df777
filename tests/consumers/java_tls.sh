#!/usr/bin/env bash
# A Java server and a Java client that know of no ring: key store and trust store come from rings by system properties alone, as printed by
# "signet provision java". Mutual authentication, TLS 1.2 and 1.3, RSA and EC; curl against the server too.
. "$(dirname "$0")/lib.sh"
need java javac curl jq

consumer 'Java, any program by system properties' openjdk-17-jdk-headless 'server and client key, trust store'
instance_up
outside_ca_make "$scratch/ca"
owner_up
signet ring add START1/TRUST >/dev/null
for type in ec:p256 rsa:2048; do
    server_certificate "${type%:*}" "$type"
    server_ring "RING-${type%:*}" "${type%:*}"
done
signet ring connect START1/TRUST 'CERTAUTH/Outside Root' >/dev/null
client_certificate ec:p256
javac -d "$scratch/classes" "$here/DefaultTls.java"

# java_with DIR ARGUMENT…: the printed command in the printed environment, with our program in the place of PROGRAM.
java_with() {
    local dir=$1 command environment
    shift
    eval "command=($(provisioned_example "$dir" 'java '))"
    unset 'command[-1]'
    mapfile -t environment < <(provisioned_environment "$dir")
    (cd "$dir" && exec env -u P11_KIT_SERVER_ADDRESS "${environment[@]}" "${command[@]}" -cp "$scratch/classes" DefaultTls "$@")
}

for label in ec rsa; do
    dir=$scratch/$label
    provision java "START1/RING-$label" "$dir" START1/TRUST
    java_with "$dir" pair TLSv1.2 TLSv1.3 >"$scratch/pair.log" 2>&1 || fail "java: $(tail -n 5 "$scratch/pair.log")"
    for version in 1.2 1.3; do
        say "$label, TLS $version: a server and a client, key and anchors of two rings"
        grep -q "^TLSv$version verified CN=localhost, O=Example, chain of 3: client CN=localhost" "$scratch/pair.log" ||
            fail "TLS $version: $(cat "$scratch/pair.log")"
    done
done

say 'a client with a trust store alone: a ring of trust anchors'
provision java START1/TRUST "$scratch/trust"
port=$(free_port)
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout "$scratch/plain.key" -out "$scratch/plain.csr" 2>/dev/null
outside_ca_sign "$scratch/ca" "$scratch/plain.csr" "$scratch/plain.pem"
openssl s_server -accept "$port" -cert "$scratch/plain.pem" -key "$scratch/plain.key" -cert_chain "$scratch/ca/int.pem" -www \
    >"$scratch/www.log" 2>&1 &
children+=("$!")
wait_for 20 listening "$port"
java_with "$scratch/trust" connect localhost "$port" TLSv1.3 >"$scratch/trust.log" 2>&1 || fail "java: $(tail -n 5 "$scratch/trust.log")"
grep -q '^TLSv1.3 verified CN=localhost' "$scratch/trust.log" || fail "another answer: $(cat "$scratch/trust.log")"

say 'curl with and without a client certificate'
port=$(free_port)
java_with "$scratch/rsa" serve "$port" >"$scratch/serve.log" 2>&1 &
children+=("$!")
wait_for 20 listening "$port"
for version in 1.2 1.3; do
    expect_text 'client CN=client' curl_with_client_certificate --tlsv$version --tls-max $version "https://localhost:$port/"
    expect_failure '35|55|56' "$refused_text" curl -sS --cacert "$scratch/ca/root.pem" \
        --tlsv$version --tls-max $version "https://localhost:$port/"
done

say 'a trust store that does not hold the root'
signet ring add START1/NOTHING >/dev/null
signet ring connect START1/NOTHING START1/client --default >/dev/null
provision java START1/RING-ec "$scratch/untrusting" START1/NOTHING
java_with "$scratch/untrusting" pair TLSv1.3 >"$scratch/untrusting.log" 2>&1 && fail 'a server of an unknown CA was trusted'
grep -q 'PKIX path building failed\|trustAnchors parameter must be non-empty' "$scratch/untrusting.log" ||
    fail "another failure: $(head -n 3 "$scratch/untrusting.log")"
