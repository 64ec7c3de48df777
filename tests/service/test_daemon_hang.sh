#!/usr/bin/env bash
# Rings or control that is stopped is found within its deadline, killed and started again, and the log says what it was at. Nobody is killed
# who comes by again in time.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"

instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web
sed -i 's/^administrators/silence_deadline_s = 12\n&/' "$instance/signet.conf"
restart
clients_attach WEB web 3
clients_expect sign ok 3

# hung PROCESS: how often the log says that it hangs.
hung() {
    logged "event=process_hangs process=$1 .*in=silence"
}
is_hung() {
    [ "$(hung "$1")" -gt "$2" ]
}
# within SECONDS BEGIN
within() {
    [ $((SECONDS - $2)) -le $(($1 * ${SIGNET_PATIENCE:-1})) ] || fail "it took $((SECONDS - $2)) s, not $1"
}
# Somebody new attaches and signs.
attaches() {
    [ "$(echo sign | timeout 60 "$DAEMON_CLIENT" "$client_module" START1/WEB web 1 2>&1 | tail -n 1)" = 'ok ' ]
}

say 'rings is frozen: those attached sign on, and somebody new waits until there is another one'
rings=$(pids_of signet-rings)
begin=$SECONDS
kill -STOP "$rings"
clients_expect sign ok 3
attaches || fail 'nobody can attach'
within 12 "$begin"
[ "$(hung signet-rings)" -eq 1 ] || fail 'the log does not say that rings hangs'
[ "$(pids_of signet-rings)" != "$rings" ] || fail 'rings is the same'
[ "$(logged 'process_hangs process=signet-rings .*limit_ms=3000 state=T .*no program can attach.*hint="Something stopped it')" -eq 1 ] ||
    fail "the log does not say what it was at: $(grep process_hangs "$instance/signetd.log")"
expect_ready
clients_attach WEB web 3
clients_expect sign ok 3

say 'rings is stopped for a moment, and goes on'
rings=$(pids_of signet-rings)
kill -STOP "$rings"
sleep 1
kill -CONT "$rings"
sleep 5
[ "$(pids_of signet-rings)" = "$rings" ] || fail 'rings was killed'
clients_expect sign ok 3
