#!/usr/bin/env bash
# Logins that fail: what says nothing of the PIN is tried again by itself until it works; whatever may have counted as a wrong PIN
# is tried once, by all processes together, until an operator says so. Meanwhile the status says what is missing.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
: "${WRAP_MODULE:?set it to the misbehaving module}"
need jq

orders=$scratch/orders
: >"$orders"
order() {
    printf '%s\n' "$@" >"$orders"
}
logins() {
    wc -l <"$scratch/logins"
}
# token KEY: of the token in the status
token() {
    signet status --json | jq -r ".tokens[0].$1"
}
is_serving() { # STATE COUNT, without being asked for
    [ "$(token state)" = "$1" ] && [ "$(token processes)" -eq "$2" ]
}
is_told() { # TEXT: a process that has gone is missing already; its successor's login comes a moment later
    [[ $(token problem) == *"$1"* ]]
}

instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web
sed -i "0,/^label = .*/s||&\nenvironment = WRAP_ORDERS=$orders\nenvironment = WRAP_LOG=$scratch/logins|" "$instance/signet.conf"
sed -i "/^processes = /d;s|^module = .*|module = \"$WRAP_MODULE\"\nprocesses = 2|" "$instance/signet.conf"
restart
expect_ready
clients_attach WEB web 2
clients_expect sign ok 2

say 'a process whose login failed is told of while it is missing, and comes back by itself'
order 'C_Login failed once'
kill_all signet-token0.1
wait_for 20 is_serving ready 1
wait_for 20 is_told CKR_FUNCTION_FAILED
[ "$(condition)" = degraded ] || fail "with a process missing the service is $(condition)"
expect_text 'processes_configured: 2' signet status
expect_text 'problem: 1 of 2 processes serve rings, process 1 does not: .*CKR_FUNCTION_FAILED' signet status
[ "$(logged 'event=token_failed token="softhsm" process=1 why="token \\"softhsm\\": .*CKR_FUNCTION_FAILED')" -eq 1 ] ||
    fail 'the log does not say what failed, or its quotes are not escaped'
[ "$(logged 'event=login_failed .*hint="The PIN is not at fault; the login is tried again by itself')" -eq 1 ] || fail 'the log has another hint'
[ "$(logged 'event=login_failed .*Correct the PIN')" -eq 0 ] || fail 'the log sends the operator after the PIN'
clients_expect sign ok 2
wait_for 30 is_ready
[ "$(token problem)" = null ] || fail "the problem stays: $(token problem)"

say 'so does the one that serves the operations'
order 'C_Login memory once'
kill_all signet-token0.0
wait_for 20 is_token failed
refused 6 token_unavailable 'CKR_HOST_MEMORY' cert generate START1/late --subject CN=late
clients_expect sign ok 2
wait_for 30 is_ready
signet cert generate START1/late --subject CN=late >/dev/null

say 'a token that is silent once the PIN was good: the PIN is not held for refused'
refused_before=$(logged event=token_waits_for_operator)
order 'C_Login silent once'
kill_all signet-token0.1
wait_for 20 is_serving ready 1
wait_for 20 is_told 'changed by another process'
expect_text 'problem: 1 of 2 processes serve rings, process 1 does not: .*changed by another process' signet status
wait_for 30 is_ready
[ "$(logged event=token_waits_for_operator)" -eq "$refused_before" ] || fail 'a good PIN waits for an operator'

say 'nobody serves, though operations work: the status does not call that ready'
order 'C_Login failed once' 'C_Login failed once'
kill_all signet-token0.1
kill_all signet-token0.2
wait_for 20 is_serving failed 0
kill_all signet-token0.0
sleep 1
[ "$(logged 'event=token_ready token="softhsm" process=0')" -ge 4 ] || fail 'the process for the operations did not become ready'
is_serving failed 0 || fail "the token is $(token state) with $(token processes) processes"
[ "$(token ready)" = false ] || fail 'a token that serves nobody is ready'
[[ $(token problem) == *'0 of 2 processes'*CKR_FUNCTION_FAILED* ]] || fail "the problem of the others is gone: $(token problem)"
[ "$(condition)" = degraded ] || fail "the service is $(condition)"
wait_for 30 is_ready

say 'as long as it lasts, with a pause, and not a second longer than that'
before=$(logins)
order 'C_Login error always'
kill_all signet-token0
wait_for 20 is_serving failed 0
clients_expect sign 0x30 2
clients_are_logged() {
    [ "$(logged 'event=ring_use_failed code=token_unavailable text="the token of the processes signet-token0 is not available: signet status')" -ge 1 ]
}
wait_for 5 clients_are_logged
sleep 14
tries=$(($(logins) - before))
{ [ "$tries" -ge 6 ] && [ "$tries" -le 9 ]; } || fail "3 processes tried $tries times in 15 s"
order ''
wait_for 60 is_ready
clients_expect sign ok 2

say 'also with a PIN that was never accepted'
order 'C_Login failed always'
touch "$instance/pin" # another PIN, for all that anybody knows
restart
[ "$(token_state)" = failed ] || fail "the token is $(token_state)"
order ''
wait_for 60 is_ready
clients_attach WEB web 2
clients_expect sign ok 2

say 'what may have counted as a wrong PIN is tried once, though it was accepted before'
for refusal in incorrect expired odd arguments; do
    before=$(logins)
    order "C_Login $refusal once"
    kill_all signet-token0.1
    wait_for 20 is_serving ready 1
    wait_for 20 is_told 'until an operator says: signet token login softhsm'
    clients_expect sign ok 2
    kill_all signet-token0
    wait_for 20 is_serving waiting_for_operator 0
    sleep "$([ "$refusal" = odd ] && echo 11 || echo 1)" # who failed would be tried again by then
    kill_all signet-control
    wait_for 20 is_serving waiting_for_operator 0
    [ "$(logins)" -eq $((before + 1)) ] || fail "$refusal: the PIN was sent $(($(logins) - before)) times"
    signet token login softhsm >/dev/null
    wait_for 20 is_ready
    clients_attach WEB web 2
    clients_expect sign ok 2
done
for hint in 'code=pin_incorrect .*hint="Correct the PIN in ' 'code=pin_expired .*hint="Set a new PIN with' \
    'code=token_error .*hint="This may have counted as a wrong PIN' 'code=arguments_bad .*hint="This may have counted as a wrong PIN'; do
    [ "$(logged "event=login_failed $hint")" -eq 1 ] || fail "the log does not say: $hint"
done

say 'also by an operator, who is told what to do'
order 'C_Login expired once' 'C_Login incorrect once'
kill_all signet-token0.0
wait_for 20 is_token waiting_for_operator
refused 6 token_unavailable 'CKR_PIN_INCORRECT' token login softhsm
grep -q '"hint": *"Correct the PIN in .*/pin, then: signet token login softhsm' "$scratch/refused" || fail "it is told $(cat "$scratch/refused")"
order 'C_Login odd once'
refused 6 token_unavailable '0x80000042' token login softhsm
grep -q '"hint": *"This may have counted as a wrong PIN' "$scratch/refused" || fail "it is told $(cat "$scratch/refused")"
order ''
signet token login softhsm >/dev/null
wait_for 20 is_ready
