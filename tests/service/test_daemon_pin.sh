#!/usr/bin/env bash
# A PIN that the token refuses is tried once, by all token processes together and across restarts, until an operator says so.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
need jq

instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web
clients_attach WEB web 2
clients_expect sign ok 2
cp -p "$instance/pin" "$scratch/pin"
pin_file=$scratch/pin
wrong_pin() {
    (umask 077 && echo "$1" >"$instance/pin")
}
mend_pin() {
    rm -f "$instance/pin"
    cp -p "$scratch/pin" "$instance/pin"
}
# The token processes write a line for each login that they tried.
tries() {
    logged 'event=login_failed.*CKR_PIN_INCORRECT\|event=login_failed.*0xa0'
}
expect_waiting() {
    [ "$(condition)" = degraded ] || fail "the service is $(condition)"
    [ "$(token_state)" = waiting_for_operator ] || fail "the token is $(token_state)"
    expect_text 'signet token login softhsm' signet token list
}

say 'a token that is ready is not logged in again'
before=$(logged event=logged_in)
signet token login softhsm >/dev/null
[ "$(logged event=logged_in)" -eq "$before" ] || fail 'token login logged in again'
clients_expect sign ok 2

say 'what was accepted before may be tried by every successor'
kill_all signet-control
wait_for 20 is_ready
clients_expect sign ok 2
remember

say 'a wrong PIN is tried once, by all processes together'
wrong_pin not-the-pin-1
restart
[ "$(tries)" -eq 1 ] || fail "the wrong PIN was tried $(tries) times"
expect_waiting
refused 6 token_unavailable 'PIN.*signet token login softhsm' cert generate START1/none --subject CN=none
refused 6 token_unavailable 'PIN' cert request START1/web
expect_unchanged 'a wrong PIN'
ring_is_told() {
    local got=0
    signet ring check START1/WEB --json >"$scratch/checked" || got=$?
    [ "$got" -eq 3 ] || fail "ring check ended with $got: $(cat "$scratch/checked")"
    jq -e '.ok == false and (.items[] | select(.code == "token_unavailable") |
        .severity == "error" and .certificate == "START1/web" and (.text | contains("token \"softhsm\" '"$1"'")))' "$scratch/checked" >/dev/null ||
        fail "ring check says $(cat "$scratch/checked")"
    signet explain "$(id -u)" use START1/WEB --json | jq -e '.items[] | select(.certificate == "START1/web") |
        .outcome == "token_unavailable" and .remedy == "signet token login softhsm"' >/dev/null || fail 'explain does not say it'
    signet provision nginx --ring START1/WEB 2>&1 >/dev/null | finds "^warning: no program can use the key of START1/web now: token \"softhsm\" $1" ||
        fail 'provision does not warn'
}
ring_is_told 'waits for an operator'

say 'nor after a restart, nor by a successor'
restart
kill_all signet-control
wait_for 20 is_token waiting_for_operator
sleep 0.5
[ "$(tries)" -eq 1 ] || fail "the wrong PIN was tried $(tries) times"
expect_waiting

say 'a program that uses a ring sees its certificate, and is told at once that it cannot sign'
started=$SECONDS
expect_failure 1 'CKR_DEVICE_ERROR|C_Sign' pkcs11-tool --module "$client_module" --token-label START1/WEB \
    --sign --label web --mechanism ECDSA -i "$client_module"
in_time 10 "$started" || fail 'signing with a token that waits took long to fail'

say 'an operator who has not mended it spends one try'
refused 6 token_unavailable 'PIN.*signet token login softhsm' token login softhsm
[ "$(tries)" -eq 2 ] || fail "the wrong PIN was tried $(tries) times"
wrong_pin not-the-pin-2
refused 6 token_unavailable 'PIN' token login softhsm
[ "$(tries)" -eq 3 ] || fail "the wrong PINs were tried $(tries) times"
expect_waiting

say 'mended, one command makes everything ready'
mend_pin
expect_text 'logged in to token "softhsm"' signet token login softhsm
wait_for 3 is_ready
! signet ring check START1/WEB --json | finds token_unavailable || fail 'ring check says it still'
! signet provision nginx --ring START1/WEB 2>&1 | finds 'now: token' || fail 'provision warns still'
expect_unchanged 'mending the PIN'
clients_attach WEB web 2
clients_expect sign ok 2
restart
expect_ready
[ "$(tries)" -eq 3 ] || fail 'the right PIN was refused'

say 'a PIN file that cannot be read'
chmod 644 "$instance/pin"
restart
[ "$(token_state)" = failed ] || fail "with an open PIN file the token is $(token_state)"
expect_text "$instance/pin" signet token list
refused 6 token_unavailable "$instance/pin" cert generate START1/none --subject CN=none
ring_is_told 'is not available'
chmod 600 "$instance/pin"
mv "$instance/pin" "$instance/pin.away"
refused 6 token_unavailable "$instance/pin" token login softhsm
refused 6 token_unavailable "$instance/pin" cert generate START1/none --subject CN=none
mv "$instance/pin.away" "$instance/pin"
expect_text 'logged in' signet token login softhsm
wait_for 3 is_ready
expect_unchanged 'an unreadable PIN'
[ "$(tries)" -eq 3 ] || fail 'an unreadable PIN counts as a try'

say 'one that becomes unreadable is missed by the next process only'
chmod 000 "$instance/pin"
clients_attach WEB web 1
clients_expect sign ok 1
kill_all signet-token0.0
wait_for 20 is_token failed
refused 6 token_unavailable "$instance/pin" cert generate START1/none --subject CN=none
clients_expect sign ok 1
chmod 600 "$instance/pin"
signet token login softhsm >/dev/null
expect_unchanged 'a PIN that was unreadable for a while'
expect_ready

say 'a token that is not configured'
refused 2 token_not_found 'no token .*other' token login other
