#!/usr/bin/env bash
# A token that is there, logged in, and fails at every use: the log says what failed for whom, where, in which token; status,
# token list and ring check tell it, until a use succeeds again.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
: "${WRAP_MODULE:?set it to the misbehaving module}"
need jq

orders=$scratch/orders
: >"$orders"
instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web
sed -i "s|^module = .*|module = \"$WRAP_MODULE\"|; 0,/^label = .*/s||&\nenvironment = WRAP_ORDERS=$orders|" "$instance/signet.conf"
restart

state() {
    signet status --json | jq -r .state
}
# token FILTER: of the only token.
token() {
    signet token list --json | jq -r ".items[] | select(.kind == \"configured\") | $1"
}
warned() {
    signet ring check START1/WEB --json | jq -r '.items[] | select(.code == "token_uses_fail") | .severity'
}

say 'a token that is well has nothing to tell'
clients_attach WEB web 1
clients_expect sign ok 1
[ "$(state)" = ready ] || fail "the state is $(state)"
[ "$(token .failed_uses)" = null ] || fail 'a token that is well has failed'
[ -z "$(warned)" ] || fail 'ring check warns'

say 'each use fails, and everybody is told'
echo 'C_Sign failed always' >"$orders"
clients_expect sign 0x30 1
[ "$(token .failed_uses)" = 1 ] || fail "it says $(token .)"
clients_expect sign 0x30 1
[ "$(token '[.ready, .state, .failed_uses, .last_failure, .failing] | map(tostring) | join(" ")')" = 'true ready 2 CKR_FUNCTION_FAILED true' ] ||
    fail "it says $(token .)"
token .last_failure_at | finds "^$(date -u +%Y-)" || fail "it says $(token .)"
signet token list | finds 'CKR_FUNCTION_FAILED' || fail "people are not told: $(signet token list)"
[ "$(state)" = degraded ] || fail "the state is $(state)"
[ "$(warned)" = warning ] || fail "ring check says $(signet ring check START1/WEB --json)"
signet ring check START1/WEB >/dev/null || fail 'it is no error'
# is_told CODE TEXT: for wait_for
is_told() {
    grep -F "event=ring_use_failed code=$1 text=\"$2\"" "$instance/signetd.log" |
        grep -q " uid=$(id -u) pid=[1-9][0-9]* count=[1-9][0-9]* ring=\"START1/WEB\" token=\"softhsm\" hint=\"signet token list "
}
wait_for 5 is_told function_failed 'the token did not sign (CKR_FUNCTION_FAILED)'

say 'a use that succeeds ends it, and what was is remembered'
: >"$orders"
clients_expect sign ok 1
[ "$(state)" = ready ] || fail "the state is $(state)"
[ -z "$(warned)" ] || fail 'ring check warns still'
[ "$(token '[.failed_uses, .failing] | map(tostring) | join(" ")')" = '2 false' ] || fail "it says $(token .)"
kill_all signet-token0.1
clients_expect sign ok 1
[ "$(token .failed_uses)" = 2 ] || fail 'what a process counted is lost with it'

say 'who asks for what a key cannot do makes no token fail'
! pkcs11-tool --module "$client_module" --token-label START1/WEB --sign --label web --mechanism RSA-PKCS -i /dev/null -o /dev/null 2>/dev/null ||
    fail 'an EC key has signed with RSA'
[ "$(token .failed_uses)" = 2 ] || fail 'a wrong mechanism counts as a failure of the token'

say 'a key that the token does not hold for a while is missed, and found again by those who are attached'
sleep 1.1 # a client's failures are told once a second
printf '%s\n' 'C_SignInit handle always' 'C_FindObjects nothing always' >"$orders"
clients_expect sign 0x60 1
[ "$(token '[.failed_uses, .last_failure, .failing] | map(tostring) | join(" ")')" = '3 CKR_KEY_HANDLE_INVALID true' ] || fail "it says $(token .)"
[ "$(state)" = degraded ] || fail "the state is $(state)"
[ "$(warned)" = warning ] || fail "ring check says $(signet ring check START1/WEB --json)"
wait_for 5 is_told key_missing 'the token does not hold this key'
: >"$orders"
sleep 1.1 # it is searched for once a second
clients_expect sign ok 1
[ "$(state)" = ready ] || fail "the state is $(state)"

say 'a signature of the wrong length is kept from the client, and told'
echo 'C_Sign short always' >"$orders"
clients_expect sign 0x30 1
wait_for 5 is_told bad_signature "the token's signature has 1 bytes, not 64"
: >"$orders"
clients_expect sign ok 1
