#!/usr/bin/env bash
# Clients that are attached and do nothing cost nothing: their processes do not even wake. One that leaves a request half sent is
# ended all the same, and the others work on.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"

instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web
clients_attach WEB web 3
clients_expect sign ok 3

# wakes: how often the connections' processes have been woken so far.
wakes() {
    local pid rings total=0 count
    rings=$(pids_of signet-rings)
    for pid in $(pgrep -P "$rings"); do
        count=$(sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' "/proc/$pid/status")
        total=$((total + count))
    done
    echo "$total"
}

say 'clients that do nothing'
[ "$(pgrep -c -P "$(pids_of signet-rings)")" -eq 3 ] || fail 'there are not three connections'
is_quiet() {
    local now
    now=$(wakes)
    sleep 1
    [ "$(wakes)" -eq "$now" ]
}
wait_for 10 is_quiet
before=$(wakes)
sleep 12
after=$(wakes)
[ "$after" -eq "$before" ] || fail "three idle connections woke $((after - before)) times in 12 s"
clients_expect sign ok 3
[ "$(wakes)" -gt "$after" ] || fail 'nothing was counted at all'
