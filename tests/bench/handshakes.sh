#!/usr/bin/env bash
# TLS handshakes a second of nginx with a P-256 key: behind a ring, in a file, and on SoftHSM directly (PIN in nginx's configuration).
# Prints one line each: SUBJECT HANDSHAKES-PER-SECOND, for every round.
#
#   SIGNET_BIN=… tests/bench/handshakes.sh ROUNDS SECONDS
# shellcheck source=tests/consumers/lib.sh
. "$(dirname "$0")/../consumers/lib.sh"
need nginx openssl softhsm2-util pkcs11-tool
rounds=${1:-3}
seconds=$(awk -v s="${2:-2}" 'BEGIN { print int(s) + (s > int(s)) }') # openssl s_time knows whole ones
engine_module=/usr/lib/softhsm/libsofthsm2.so
clients=4

instance_up
outside_ca_make "$scratch/ca"
owner_up
server_certificate ec ec:p256
server_ring RING ec
declare -A port

ring_server() {
    port[ring]=$(free_port)
    nginx_up "$scratch/ring" "${port[ring]}" RING
}

# plain_server SUBJECT CERTIFICATE KEY [LINE]: the same server with another key.
plain_server() {
    local subject=$1 dir=$scratch/$1
    port[$subject]=$(free_port)
    mkdir -p "$dir"
    {
        nginx_top "$dir" | sed 's/^user .*/user root;/'
        printf '    server { listen 127.0.0.1:%s ssl; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate %s; ssl_certificate_key "%s";\n' \
            "${port[$subject]}" "$2" "$3"
        echo "        location / { return 200 ''; } }"
        echo '}'
    } >"$dir/nginx.conf"
    [ -f "$dir/openssl.cnf" ] || : >"$dir/openssl.cnf"
    nginx_start "$dir"
    wait_for 15 listening "${port[$subject]}"
}

# With as many certificates as the ring's server sends: clients take longer over a chain than over a single one.
file_server() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$scratch/file.key" -out "$scratch/file.csr" \
        -subj /O=Example/CN=localhost 2>/dev/null
    outside_ca_sign "$scratch/ca" "$scratch/file.csr" "$scratch/leaf.pem"
    cat "$scratch/leaf.pem" "$scratch/ca/int.pem" "$scratch/ca/root.pem" | certificates "$(sent "${port[ring]}")" >"$scratch/file.pem"
    plain_server file "$scratch/file.pem" "$scratch/file.key"
    [ "$(sent "${port[file]}")" -eq "$(sent "${port[ring]}")" ] || fail 'the servers send chains of different lengths'
}

# sent PORT: how many certificates a server sends.
sent() {
    openssl s_client -connect "127.0.0.1:$1" -showcerts </dev/null 2>/dev/null | grep -c 'BEGIN CERTIFICATE'
}

# certificates COUNT: the first of those on standard input.
certificates() {
    awk -v left="$1" '/BEGIN/ && left-- <= 0 { exit } { print }'
}

softhsm_server() {
    local dir=$scratch/softhsm pin=1234
    mkdir -p "$dir/tokens"
    printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$dir" >"$dir/softhsm2.conf"
    export SOFTHSM2_CONF=$dir/softhsm2.conf
    softhsm2-util --init-token --free --label direct --so-pin 12345678 --pin "$pin" >/dev/null
    softhsm2-util --import "$scratch/file.key" --token direct --label ec --id 01 --pin "$pin" >/dev/null
    provisioned_openssl_conf RING | sed "s|^MODULE_PATH.*|MODULE_PATH = $engine_module|" >"$dir/openssl.cnf"
    plain_server softhsm "$scratch/file.pem" "engine:pkcs11:pkcs11:token=direct;object=ec;type=private?pin-value=$pin"
    unset SOFTHSM2_CONF
}

# handshakes PORT: a second, by several clients.
handshakes() {
    local i pids=()
    for i in $(seq "$clients"); do
        openssl s_time -connect "127.0.0.1:$1" -new -time "$seconds" -tls1_3 >"$scratch/time.$i" 2>&1 &
        pids+=("$!")
    done
    wait "${pids[@]}" || fail "a client failed: $(tail -n 3 "$scratch/time.1")"
    cat "$scratch"/time.* | awk -v clients="$clients" '
        / real seconds/ { done += $1; took += $4 }
        END { if (!took) exit 1; printf "%.0f\n", clients * done / took }'
}

ring_server
file_server
softhsm_server
for _ in $(seq "$rounds"); do
    for subject in file softhsm ring; do
        rate=$(handshakes "${port[$subject]}")
        echo "$subject $rate"
    done
done
