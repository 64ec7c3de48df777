#!/usr/bin/env bash
# A token process that is frozen is found within seconds, killed and replaced: clients wait, and see no error. A machine that was
# paused as a whole kills nobody.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"

instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web
sed -i 's/^\[token softhsm\]/&\nprocesses = 2/' "$instance/signet.conf"
restart
clients_attach WEB web 4
clients_expect sign ok 4

hangs() {
    logged 'event=process_hangs .*in=silence'
}

for process in 1 2; do
    say "process $process is frozen while clients sign"
    before=$(hangs)
    begin=$SECONDS
    kill -STOP "$(pids_of "signet-token0.$process")"
    while [ "$(hangs)" -eq "$before" ]; do
        clients_expect sign ok 4
        in_time 20 "$begin" || fail 'a frozen process is not found'
    done
    clients_expect sign ok 4
    in_time 20 "$begin" || fail "it took $((SECONDS - begin)) s"
    expect_ready
done

say 'both, and who asks about the ring is told without waiting'
freeze_both() {
    # shellcheck disable=SC2046 # one word for each process
    kill -STOP $(pids_of signet-token0.1) $(pids_of signet-token0.2)
}
longest=0
is_told() {
    local from=$EPOCHREALTIME took
    signet ring check START1/WEB --json >"$scratch/checked" || true
    took=$(((${EPOCHREALTIME/./} - ${from/./}) / 1000))
    longest=$((took > longest ? took : longest))
    grep -q 'token \\"softhsm\\" does not answer' "$scratch/checked"
}
# On a machine that stands still meanwhile they may have been replaced.
is_told_of_frozen() {
    ! is_ready || freeze_both
    is_told
}
wait_for 20 is_told_of_frozen
[ "$longest" -lt "$(patiently 2000)" ] || fail "an answer took $longest ms"
expect_ready
clients_expect sign ok 4
! is_told || fail 'it is told still'

say 'both, and the one that serves the operations'
# shellcheck disable=SC2046 # one word for each process
kill -STOP $(pids_of signet-token0)
begin=$SECONDS
clients_expect sign ok 4
in_time 20 "$begin" || fail "it took $((SECONDS - begin)) s"
expect_ready

say 'the one that serves the operations, under an operation'
kill -STOP "$(pids_of signet-token0.0)"
begin=$SECONDS got=0
signet cert generate START1/other --subject CN=other --key ec:p256 >"$scratch/generate.log" 2>&1 || got=$?
[ "$got" -eq 0 ] || [ "$got" -eq 6 ] || fail "an operation ended with $got: $(cat "$scratch/generate.log")"
in_time 20 "$begin" || fail "it took $((SECONDS - begin)) s"
expect_ready
[ "$got" -eq 0 ] || signet cert generate START1/other --subject CN=other --key ec:p256 >/dev/null
expect_keys_agree
clients_expect sign ok 4

say 'everything stands still for a while, and nobody is blamed'
before=$(logged 'event=process_hangs')
master=$(cat "$instance/signetd.pid")
mapfile -t still < <(pids_of signet-token0)
kill -STOP "$master" "${still[@]}"
sleep 7
kill -CONT "$master"
begin=$SECONDS
sleep 0.5
kill -CONT "${still[@]}"
woken=$((SECONDS - begin))
sleep 4
[ "$(logged 'event=process_hangs')" -eq "$before" ] || [ "$woken" -ge 3 ] || fail 'a process was killed for a pause of the machine'
clients_expect sign ok 4
