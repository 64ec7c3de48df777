#!/usr/bin/env bash
# One Unix user connects to the rings a thousand times at once, and again and again beyond what it may: what that costs another user, who
# attaches and signs meanwhile, is less than a second. Two such users keep no third one out, and an eighth of the places is root's.
# shellcheck source=tests/support/as-root.sh
. "$(dirname "$0")/../support/as-root.sh"
AS_ROOT_SECONDS=280 as_root "$0" "$@"
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
need python3 setpriv pgrep

instance_up
signet owner add START1 >/dev/null
for user in daemon games sys; do
    signet owner attach START1 "$user" >/dev/null
done
ring_with_key WEB web
max=1600 per_user=1000 limit_ms=$(patiently 1000)
if grep -qa __asan_init "$SIGNETD_BIN"; then # each process takes a hundred times as much
    max=160 per_user=100 limit_ms=$(patiently 2000)
fi
sed -i "s|^token_user = .*|&\nconnections_max = $max\nconnections_per_user_max = $per_user|" "$instance/signet.conf"
restart
ring_socket=$(sed -n 's/^rings_socket = "\(.*\)"/\1/p' "$instance/signet.conf")

# as USER COMMAND…
as() {
    local user=$1
    shift
    setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
}

# storm USER COUNT: so many clients at once, each of which greets and initialises; whoever is refused or loses its connection comes again.
# Says how many it has when all have come once.
storm() {
    python3 -u - "$ring_socket" "$1" "$2" <<'PY'
import os, pwd, select, socket, struct, sys, time
path, user, count = sys.argv[1], pwd.getpwnam(sys.argv[2]), int(sys.argv[3])
os.setgroups([])
os.setgid(user.pw_gid)
os.setuid(user.pw_uid)
handshake = b"PRIVATE-GNOME-KEYRING-PKCS11-PROTOCOL-V-1"
body = struct.pack(">II", 1, 5) + b"ayyay" + b"\1" + struct.pack(">I", len(handshake)) + handshake + b"\0\1" + struct.pack(">I", 1) + b"\0"
greeting = b"\0" + struct.pack(">III", 1, 0, len(body)) + body
poller, held = select.poll(), {}
def come():
    client = socket.socket(socket.AF_UNIX)
    try:
        client.connect(path)
        client.sendall(greeting)
    except OSError:
        pass
    held[client.fileno()] = client
    poller.register(client.fileno(), select.POLLIN)
for _ in range(count):
    come()
print("there")
end = time.time() + 120 * int(os.environ.get("SIGNET_PATIENCE", "1"))
while time.time() < end and os.getppid() != 1:
    for fd, _ in poller.poll(100):
        try:
            lost = held[fd].recv(4096) == b""
        except OSError:
            lost = True
        if lost:
            poller.unregister(fd)
            held.pop(fd).close()
            come()
PY
}

# storm_begins USER COUNT, and storm_ends
storm_begins() {
    : >"$scratch/storm"
    storm "$@" >"$scratch/storm" 2>"$scratch/storm.log" &
    storm_pid=$!
    children+=("$storm_pid")
}
storm_ends() {
    end_tree "$storm_pid"
    wait "$storm_pid" 2>/dev/null || true
    wait_for 60 nobody_is_served
}
has_come() { grep -q there "$scratch/storm"; }
served() { pgrep -c -P "$(pids_of signet-rings)" || true; }
nobody_is_served() { [ "$(served)" -eq 0 ]; }
is_served() { [ "$(served)" -ge "$1" ]; }

# attach_and_sign USER: the milliseconds that it took, the program's own start with them.
attach_and_sign() {
    local begin got
    begin=$(date +%s%3N)
    got=$(echo sign | as "$1" timeout "$(patiently 60)" "$DAEMON_CLIENT" "$client_module" START1/WEB web 1 2>&1 | tail -n 1)
    [ "$got" = 'ok ' ] || fail "$1 got '$got'"
    echo $(($(date +%s%3N) - begin))
}

# watch_others TIMES: the slowest of so many.
watch_others() {
    local slowest=0 took
    for _ in $(seq "$1"); do
        took=$(attach_and_sign daemon)
        [ "$took" -le "$slowest" ] || slowest=$took
    done
    echo "$slowest"
}

quiet=$(watch_others 5)
for count in $((per_user / 2)) $((2 * per_user)); do
    say "$count clients of one user"
    storm_begins games "$count"
    slowest=$(watch_others 10)
    wait_for 60 has_come
    wait_for 60 is_served $((count < per_user ? count : per_user))
    after=$(watch_others 5)
    say "slowest of another user: $quiet ms before, $slowest ms in the storm, $after ms beside those who stay"
    [ "$slowest" -lt "$limit_ms" ] || fail "another user waited $slowest ms"
    [ "$after" -lt "$limit_ms" ] || fail "another user waited $after ms"
    storm_ends
done
signet status --json | finds '"reason": "too_many_of_this_user"' || fail 'status does not say that clients were refused'

say 'two users keep no third one out'
storm_begins games $per_user
storms=("$storm_pid")
wait_for 60 is_served $per_user
storm_begins daemon $per_user
storms+=("$storm_pid")
wait_for 60 is_served $((max - max / 4))
[ "$(served)" -le $((max - max / 4)) ] || fail "$(served) are served"
attach_and_sign sys >/dev/null

say 'an eighth of the places is root'"'"'s and the service'"'"'s'
for user in bin man lp mail; do
    storm_begins "$user" $((max / 16))
    storms+=("$storm_pid")
done
wait_for 60 is_served $((max - max / 8))
for _ in $(seq 5); do
    attach_and_sign root >/dev/null
done
got=$(echo sign | as sys timeout "$(patiently 60)" "$DAEMON_CLIENT" "$client_module" START1/WEB web 1 2>&1 | tail -n 1) || true
[ "$got" != 'ok ' ] || fail 'the places of root were given away'
is_no_more_served() { [ "$(served)" -le $((max - max / 8)) ]; } # the places of those who have left are free
wait_for 10 is_no_more_served
signet status --json | finds '"reason": "too_many"' || fail 'status does not say that clients were refused'
for storm_pid in "${storms[@]}"; do
    end_tree "$storm_pid"
done
storm_ends
