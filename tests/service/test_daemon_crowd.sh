#!/usr/bin/env bash
# Clients that come in a crowd, say nothing, send garbage, stop half-way or close half of the connection: who is one too many is
# refused and counted, and those who behave do not notice any of it.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
need python3

instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web
sed -i 's|^token_user = .*|&\nconnections_per_user_max = 12|' "$instance/signet.conf"
restart
ring_socket=$(sed -n 's/^rings_socket = "\(.*\)"/\1/p' "$instance/signet.conf")

# crowd KIND COUNT: so many misbehaving connections, held for as long as this runs; it says when they are there.
crowd() {
    python3 -u - "$ring_socket" "$1" "$2" <<'PY'
import os, socket, sys, time
path, kind, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
held = []
def send(connection, body):
    connection.sendall((1).to_bytes(4, "big") + (0).to_bytes(4, "big") + len(body).to_bytes(4, "big") + body)
def call(connection, number, signature, arguments):
    send(connection, number.to_bytes(4, "big") + len(signature).to_bytes(4, "big") + signature + arguments)
def greet(connection):  # as p11-kit's client does
    protocol = b"PRIVATE-GNOME-KEYRING-PKCS11-PROTOCOL-V-1"
    connection.sendall(b"\0")
    call(connection, 1, b"ayyay", b"\1" + len(protocol).to_bytes(4, "big") + protocol + b"\0\1" + (1).to_bytes(4, "big") + b"\0")
    connection.recv(1, socket.MSG_WAITALL)
    connection.recv(4096)
for number in range(count):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    held.append(connection)
    try:
        if kind == "garbage":
            connection.sendall(os.urandom(4096))
        elif kind == "half":
            connection.sendall(b"\0" + (1).to_bytes(4, "big") + (64).to_bytes(4, "big") + (4096).to_bytes(4, "big"))
            connection.shutdown(socket.SHUT_WR)
        elif kind == "slow":
            connection.sendall(b"\0")
        elif kind in ("greedy", "late"):
            greet(connection)
            if kind == "greedy":  # a request of 12 MB
                connection.sendall((2).to_bytes(4, "big") + (0).to_bytes(4, "big") + (12000000).to_bytes(4, "big"))
                connection.sendall(bytes(12000000))
            elif number % 2 == 0:  # one that does not end
                connection.sendall((2).to_bytes(4, "big") + (0).to_bytes(4, "big") + (3000000).to_bytes(4, "big"))
                connection.sendall(bytes(1000))
            else:  # one whose answer nobody reads: a session of any slot, and a MiB of random numbers
                call(connection, 10, b"uu", (4711).to_bytes(8, "big") + (4).to_bytes(8, "big"))
                session = connection.recv(4096)[-8:]
                call(connection, 64, b"ufy", session + (1 << 20).to_bytes(4, "big"))
        elif kind == "length":
            connection.sendall(b"\0" + (1).to_bytes(4, "big") + (0).to_bytes(4, "big") + (0xfffffff0).to_bytes(4, "big"))
    except OSError:
        pass  # refused while it was speaking
print("there")
end = time.time() + 120 * int(os.environ.get("SIGNET_PATIENCE", "1"))
while time.time() < end and os.getppid() != 1:
    for connection in held:
        try:
            if kind == "slow":
                connection.send(b"\0", socket.MSG_DONTWAIT)
        except OSError:
            pass
    time.sleep(0.2)
PY
}
start_crowd() {
    crowd "$@" >"$scratch/crowd" &
    crowd_pid=$!
    children+=("$crowd_pid")
    wait_for 20 grep -q there "$scratch/crowd"
}
# connections COUNT: as many processes serve clients
connections() {
    [ "$(pgrep -c -P "$(pids_of signet-rings)" || true)" -eq "$1" ]
}
# end_crowd COUNT: until only so many connections are left
end_crowd() {
    end_tree "$crowd_pid"
    wait "$crowd_pid" 2>/dev/null || true
    : >"$scratch/crowd"
    wait_for 30 connections "$1"
}
refused_clients() {
    signet status --json | sed -n '/"refused_clients"/,/\]/s/.*"count": \([0-9]*\).*/\1/p'
}

# expect_first_to_go PID SCORE: it has inherited this score, and what it has made for clients goes before all others when memory runs out
expect_first_to_go() {
    local pid first=$(($2 + 500 < 1000 ? $2 + 500 : 1000))
    [ "$(cat "/proc/$1/oom_score_adj")" = "$2" ] || fail "the process that accepts clients has the score $(cat "/proc/$1/oom_score_adj"), not $2"
    pgrep -P "$1" >/dev/null || fail 'no process serves a client'
    for pid in $(pgrep -P "$1"); do
        [ "$(cat "/proc/$pid/oom_score_adj")" = "$first" ] || fail "a client's process has the score $(cat "/proc/$pid/oom_score_adj"), not $first"
    done
}
own_score=$(cat /proc/self/oom_score_adj)

say 'too many of one user'
[ -z "$(refused_clients)" ] || fail 'somebody was refused before'
start_crowd silent 40
is_refused() { [ "$(refused_clients)" = 28 ]; }
wait_for 10 is_refused
expect_first_to_go "$(pids_of signet-rings)" "$own_score"
signet status --json | finds '"reason": "too_many_of_this_user"' || fail 'status does not say why'
grep "event=ring_client_refused reason=too_many_of_this_user limit=12 uid=$(id -u) " "$instance/signetd.log" >/dev/null ||
    fail 'the log does not say who was refused'
[ "$(logged ring_client_refused)" -lt 14 ] || fail 'the log has a line for each of them'
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
    signet owner attach START1 daemon >/dev/null
    got=$(echo sign | timeout "$(patiently 20)" setpriv --reuid daemon --regid daemon --clear-groups "$DAEMON_CLIENT" "$client_module" START1/WEB web 4 2>&1 | tail -n 1)
    [ "$got" = 'ok ok ok ok ' ] || fail "another user got '$got'"
fi
end_crowd 0
[ "$(logged ring_client_ended)" -eq 0 ] || fail 'who came and went is said to have been given up'

for kind in garbage half slow length silent; do
    say "$kind beside clients that sign"
    clients_attach WEB web 2
    start_crowd "$kind" 8
    begin=$SECONDS
    for _ in $(seq 50); do
        clients_expect sign ok 2
    done
    signet cert show START1/web >/dev/null
    in_time 10 "$begin" || fail "100 signatures took $((SECONDS - begin)) s"
    end_crowd 2
    clients_detach
    wait_for 30 connections 0
done

# With a sanitizer memory has no limit: a length that is only claimed is waited for. And each process takes more.
most=60000
if ! grep -qa __asan_init "$SIGNETD_BIN"; then
    most=6000
    grep -q 'event=ring_client_ended reason=not_the_protocol' "$instance/signetd.log" || fail 'the log does not say that somebody speaks something else'
fi
! grep 'event=ring_client_ended' "$instance/signetd.log" | grep -v not_the_protocol || fail 'who came and went is said to have been given up'

# Everything that they took is given back.
clients_attach WEB web 12
clients_expect sign ok 12

say 'requests without end: neither memory nor a place for long'
clients_detach
wait_for 30 connections 0
start_crowd greedy 8
wait_for 10 connections 0 # while the clients are still there
end_crowd 0
# given_up REASON LIMIT COUNT LINES: the log says that so many were, in so many lines at most: one a second
given_up() {
    grep -E "event=ring_client_ended reason=$1 limit=$2 uid=$(id -u) pid=[0-9]+ count=[0-9]+" "$instance/signetd.log" |
        sed 's/.*count=//' | awk -v all="$3" -v lines="$4" '{ sum += $1 } END { exit !(sum == all && NR <= lines) }'
}
wait_for 5 given_up request_too_long 4194304 8 5

say 'requests that do not end, and answers that nobody reads'
start_crowd late 8
sleep 1
connections 8 || fail 'a request that is not whole yet, or an answer not read yet, was cut at once'
for pid in $(pgrep -P "$(pids_of signet-rings)"); do
    kept=$(sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$pid/status")
    [ "$kept" -lt "$most" ] || fail "a client that does not read makes its process keep $kept kB"
done
wait_for 50 connections 0
end_crowd 0
wait_for 5 given_up request_too_late 30000 4 4
wait_for 5 given_up answer_not_read 30000 4 4

say 'who goes first when memory runs out, where everything is one ordinary user'\''s, and where the service itself is no favourite'
theirs=$scratch/theirs
as_user=()
if [ "$(id -u)" -eq 0 ]; then
    need setpriv
    install -d -o daemon -g daemon "$theirs"
    as_user=(setpriv --reuid daemon --regid daemon --clear-groups env "HOME=$theirs")
fi
mkdir -p "$theirs"
down_theirs() {
    "${as_user[@]}" "$SIGNET_BIN" dev down "$theirs/dev" >/dev/null
}
for more in 0 200 700; do
    score=$((own_score + more < 1000 ? own_score + more : 1000))
    (
        echo "$score" >/proc/self/oom_score_adj
        exec "${as_user[@]}" "$SIGNET_BIN" dev up "$theirs/dev" >"$scratch/up.log" 2>&1
    ) || fail "dev up: $(cat "$scratch/up.log")"
    ring_socket=$(sed -n 's/^rings_socket = "\(.*\)"/\1/p' "$theirs/dev/signet.conf")
    start_crowd silent 3
    children+=("$(cat "$theirs/dev/signetd.pid")")
    rings=$(instance=$theirs/dev && pids_of signet-rings)
    is_served() { [ "$(pgrep -c -P "$rings" || true)" -eq 3 ]; }
    wait_for 10 is_served
    expect_first_to_go "$rings" "$score"
    end_tree "$crowd_pid"
    down_theirs
done
[ "$(grep -c '^OOMPolicy=continue$' "$(dirname "$0")/../../service/daemon/signetd.service.in")" -eq 1 ] || fail 'systemd would stop all for one client'
! grep -q oom_score_not_set "$theirs/dev/signetd.log" || fail 'the log says that it could not be done'
