#!/usr/bin/env bash
# The processes that hold the vendor's module are killed, again and again, while nginx serves: no client sees an error.
. "$(dirname "$0")/lib.sh"
need nginx curl openssl

instance_up
outside_ca_make "$scratch/ca"
owner_up
server_certificate web ec:p256
server_ring WEB web
port=$(free_port)
nginx_up "$scratch/nginx" "$port" WEB

# Those of this instance: its directory stands in their command line.
token_processes() {
    local pid
    for pid in $(pgrep -f "$instance/signet.conf"); do
        if grep -q '^signet-token' "/proc/$pid/comm" 2>/dev/null; then echo "$pid"; fi
    done
}
[ -n "$(token_processes)" ] || fail 'there is no token process'

# Full handshakes, one after the other, until told to stop; every failure is a line.
client() {
    while [ ! -e "$scratch/stop" ]; do
        if curl -sS --max-time "$(patiently 20)" -o /dev/null --cacert "$scratch/ca/root.pem" "https://localhost:$port/" 2>>"$scratch/errors.log"; then
            echo >>"$scratch/served.$1"
        fi
    done
}
: >"$scratch/errors.log"
clients=()
for number in 1 2 3; do
    client "$number" &
    clients+=("$!")
done
children+=("${clients[@]}")

served() {
    cat "$scratch"/served.* 2>/dev/null | wc -l
}
wait_for 20 test -s "$scratch/served.1"
killed=0
for _ in $(seq 12); do
    before=$(served)
    for pid in $(token_processes); do
        kill -9 "$pid" && killed=$((killed + 1))
    done
    end=$((SECONDS + $(patiently 20)))
    until [ "$(served)" -ge $((before + 6)) ]; do
        [ "$SECONDS" -lt "$end" ] || fail 'nobody is served any more'
        sleep 0.1
    done
done
touch "$scratch/stop"
wait "${clients[@]}"
echo "killed $killed processes, served $(served) handshakes"
[ "$killed" -ge 12 ] || fail "only $killed processes were there to kill"
[ ! -s "$scratch/errors.log" ] || fail "$(wc -l <"$scratch/errors.log") clients saw an error: $(head -n 3 "$scratch/errors.log")"
