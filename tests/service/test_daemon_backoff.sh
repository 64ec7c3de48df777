#!/usr/bin/env bash
# Control or rings dies again and again: whoever asks learns at once that it did and when it is started again; a death now and then costs nobody
# anything; clients of rings stay attached, and a watch goes on by itself.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"

instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web
signet cert generate START1/other --subject CN=other --key ec:p256 >/dev/null
clients_attach WEB web 2
clients_expect sign ok 2
"$SIGNET_BIN" watch START1/WEB >"$scratch/watch.out" 2>"$scratch/watch.log" &
children+=("$!")
watch_begun "$!" "$scratch/watch.log"

say 'one that has lived for a while is there again at once'
for _ in 1 2 3; do
    sleep 2.5
    kill_all signet-control
    start=$(date +%s%N)
    signet status >/dev/null || fail 'status'
    took=$((($(date +%s%N) - start) / 1000000))
    [ "$took" -lt "$(patiently 2000)" ] || fail "status took $took ms"
done

# waits: control is down, and its next start is so far away that a busy machine gets two commands done before.
waits() {
    [ -z "$(pids_of signet-control)" ] || {
        kill_all signet-control
        return 1
    }
    signet status --json >"$scratch/refused" 2>&1 && return 1
    grep -qE 'is started again in ([5-9]|[1-9][0-9]) s' "$scratch/refused"
}

is_told_at_once() {
    waits || return 1
    (
        trap - EXIT
        start=$(date +%s%N)
        refused 7 control_restarting 'ended again and again, the last time with signal 9, and is started again in [0-9]+ s' status
        took=$((($(date +%s%N) - start) / 1000000))
        [ "$took" -lt "$(patiently 1000)" ] || fail "the refusal took $took ms"
        grep -q 'process=signet-control' "$scratch/refused" || fail "no hint at the log: $(cat "$scratch/refused")"
        refused 7 control_restarting 'is started again in' owner add LATER
    ) 2>"$scratch/untold"
}

say 'one that dies again and again is waited for, and that is said at once'
wait_for 60 is_told_at_once

say 'and then everything is as before'
wait_for 60 signet status
expect_ready
clients_expect sign ok 2
signet ring connect START1/WEB START1/other >/dev/null
watched() {
    grep -q 'START1/WEB' "$scratch/watch.out"
}
wait_for 20 watched

# rings_waits: rings is down, and the status says in how many seconds it is started again.
rings_waits() {
    [ -z "$(pids_of signet-rings)" ] || {
        kill_all signet-rings
        return 1
    }
    signet status --json >"$scratch/status"
    grep -qE '"starts_in_s": [1-9]' "$scratch/status"
}

say 'rings dies again and again: the status says so, and when it is started again'
signet status --json >"$scratch/status"
grep -qE '"state": "serving"' "$scratch/status" || fail "rings does not serve: $(cat "$scratch/status")"
grep -qE '"restarts": 0' "$scratch/status" || fail "rings was started again already: $(cat "$scratch/status")"
wait_for 60 rings_waits
for words in '"state": "restarting"' '"state": "degraded"' '"restarts": [1-9]' 'no program can attach to a ring: signet-rings has died again and again and is started again in [1-9]'; do
    grep -qE -- "$words" "$scratch/status" || fail "the status does not say '$words': $(cat "$scratch/status")"
done
[ "$(logged 'event=start_postponed process=signet-rings starts_in_ms=[1-9].*no program can attach')" -ge 1 ] || fail 'the log does not say when rings is started again'
[ "$(logged 'event=start_postponed process=signet-control starts_in_ms=[1-9].*no command is answered')" -ge 1 ] || fail 'the log does not say when control was started again'
rings_serves() {
    signet status --json >"$scratch/status"
    grep -q '"state": "serving"' "$scratch/status"
}
wait_for 60 rings_serves
expect_ready
clients_attach WEB web 2
clients_expect sign ok 2
