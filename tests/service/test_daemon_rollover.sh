#!/usr/bin/env bash
# A roll-over in stages, seen by clients that are attached: who holds the old key signs with it until the end, who looks anew finds
# the new one first; every process of the service may be killed in between; of two people who do the same at once, one does it.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
need p11tool

not_permitted=0x68 handle_invalid=0x60
instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web
ring_with_key OTHER other
clients_attach WEB web 4

# rollover VERB WORD…: as quietly as it must succeed.
rollover() {
    signet rollover "$@" >"$scratch/rollover.log" 2>&1 || fail "'rollover $*' ended with $?: $(cat "$scratch/rollover.log")"
}

# says TEXT: in what the last roll-over printed
says() {
    grep -qF -- "$1" "$scratch/rollover.log" || fail "not said: $1: $(cat "$scratch/rollover.log")"
}

# default_is LABEL: of START1/WEB, which shows nothing else.
default_is() {
    local shown
    shown=$(signet ring show START1/WEB --json | sed -n 's/^ *"label": "\(.*\)",*/\1/p')
    [ "$shown" = "$1" ] || fail "the ring shows '$shown', not '$1'"
}

# private_keys LABEL…: those that somebody who attaches now finds, in this order, looking for private keys alone.
private_keys() {
    local found
    found=$(p11tool --provider "$client_module" --list-privkeys 'pkcs11:token=START1%2FWEB' 2>"$scratch/p11tool.log" |
        sed -n 's/^[[:blank:]]*Label: *//p' | tr '\n' ' ')
    [ "$found" = "$* " ] || fail "a new client finds the keys $found, not $*"
}

# certificates LABEL…: likewise.
certificates() {
    local found
    found=$(pkcs11-tool --module "$client_module" --token-label START1/WEB -O --type cert 2>"$scratch/pkcs11-tool.log" |
        sed -n 's/^ *label: *//p' | tr '\n' ' ')
    [ "$found" = "$* " ] || fail "a new client finds the certificates $found, not $*"
}

say 'out of order'
remember
refused 3 rollover_not_started 'no roll-over' rollover switch START1/web
refused 3 rollover_not_started 'no roll-over' rollover finish START1/web
refused 3 rollover_not_started 'no roll-over' rollover undo START1/web
refused 3 same_certificate 'another label' rollover start START1/web --label web
refused 2 certificate_not_found 'no certificate' rollover start START1/none
refused 2 certificate_not_found 'no certificate' rollover plan START1/none
rollover plan START1/web --label web-2
says 'replace START1/web by START1/web-2 in START1/WEB'
rollover start START1/web --label web-2 --dry-run
expect_unchanged 'refusals, a plan and a dry run'

say 'started: the old key is the one that is found'
rollover start START1/web --label web-2
clients_expect find 1 4
clients_expect sign ok 4
default_is web
remember
refused 3 rollover_under_way 'has been started' rollover start START1/web --label web-3
refused 3 rollover_under_way 'is under way' rollover start START1/web-2
refused 3 rollover_under_way 'has been started' cert rollover START1/web --label web-2 --force
refused 3 rollover_not_switched 'still use' rollover finish START1/web
refused 3 rollover_not_started 'is the new one' rollover switch START1/web-2
refused 3 placeholder 'self-signed' rollover switch START1/web
refused 3 rollover_under_way 'is under way' cert delete START1/web-2
refused 3 rollover_under_way 'is under way' cert delete START1/web --disconnect
expect_unchanged 'refusals'

say 'a service that comes back knows where it stands'
restart
rollover list
says 'web-2'
says 'started'
clients_attach WEB web 4

# signs_by_id: somebody who attaches now and names the CKA_ID of web's key, as a server's child does
id_of_web=$(pkcs11-tool --module "$client_module" --token-label START1/WEB -O --type privkey 2>/dev/null | sed -n 's/^ *ID: *//p')
head -c 32 /dev/urandom >"$scratch/hash"
signs_by_id() {
    rm -f "$scratch/signature"
    pkcs11-tool --module "$client_module" --token-label START1/WEB --sign --mechanism ECDSA --id "$id_of_web" --input-file "$scratch/hash" \
        --output-file "$scratch/signature" >"$scratch/pkcs11-tool.log" 2>&1 && [ -s "$scratch/signature" ]
}
signs_by_id || fail "the key is not found by its CKA_ID: $(cat "$scratch/pkcs11-tool.log")"

say 'switched: new look-ups find the new key first, who holds the old one signs on'
rollover switch START1/web --self-signed
clients_expect sign ok 4
clients_expect find 1 4
clients_expect sign ok 4
default_is web-2
private_keys web-2 web
certificates web-2
signs_by_id || fail "the old key is not given to who knows its CKA_ID: $(cat "$scratch/pkcs11-tool.log")"

say 'and after the death of every process'
for name in signet-control signet-token0.1 signet-token0.0; do
    kill_all "$name"
    wait_for 20 is_ready
    clients_expect sign ok 4
    clients_expect find 1 4
    clients_expect sign ok 4
done

say 'what is taken away is taken away all the same'
signet cert alter START1/web --notrust >/dev/null 2>&1
clients_expect sign "$not_permitted" 4
! signs_by_id || fail 'a key that was taken away signs by its CKA_ID'
signet cert alter START1/web --trust >/dev/null 2>&1
clients_expect sign ok 4
signet ring remove START1/WEB START1/web-2 >/dev/null
clients_expect sign "$not_permitted" 4
signet ring connect START1/WEB START1/web-2 --default >/dev/null 2>&1
clients_expect sign ok 4

say 'who still uses the old key is seen'
last_used() {
    signet rollover list --json | sed -n 's/.*"old_last_used": "\(.*\)",*/\1/p'
}
used_later() {
    [[ "$(last_used)" > "$1" ]]
}
sleep 6
before=$(last_used)
[ -n "$before" ] || fail 'no use of the old key is told'
sleep 1
clients_expect sign ok 4
wait_for 10 used_later "$before"

say 'undone: who has found the new key meanwhile signs on too'
exec {old_out}<&"${CLIENTS[0]}" {old_in}>&"${CLIENTS[1]}"
CLIENTS_PID=
clients_attach WEB web-2 2
clients_expect sign ok 2
rollover undo START1/web
default_is web
clients_expect find 1 2
clients_expect sign ok 2
echo find >&"$old_in"
read -r -t "$(patiently 30)" line <&"$old_out"
[ "$line" = '1 1 1 1' ] || fail "after undo the first clients find $line"
echo sign >&"$old_in"
read -r -t "$(patiently 30)" line <&"$old_out"
[ "$line" = 'ok ok ok ok' ] || fail "after undo the first clients sign: $line"
private_keys web web-2
certificates web

say 'switched again and finished: the old key is gone, the new one stays'
rollover switch START1/web --self-signed
echo sign >&"$old_in"
read -r -t "$(patiently 30)" line <&"$old_out"
[ "$line" = 'ok ok ok ok' ] || fail "after the second switch the first clients sign: $line"
remember
refused 3 key_in_use 'was used at' rollover finish START1/web
refused 3 key_in_use 'through START1/WEB' rollover finish START1/web --dry-run
expect_unchanged 'a refused end'
rollover plan START1/web
says 'changed: no'
rollover finish START1/web --force
says 'destroyed the key of START1/web'
says 'fail until they load that of START1/web-2'
! signs_by_id || fail 'a key that is gone signs by its CKA_ID'
clients_expect find 1 2
clients_expect sign ok 2
echo sign >&"$old_in"
read -r -t "$(patiently 30)" line <&"$old_out"
[ "$line" = "$not_permitted $not_permitted $not_permitted $not_permitted" ] || fail "after finish the first clients sign: $line"
echo find >&"$old_in"
read -r -t "$(patiently 30)" line <&"$old_out"
echo sign >&"$old_in"
read -r -t "$(patiently 30)" line <&"$old_out"
[ "$line" = "$handle_invalid $handle_invalid $handle_invalid $handle_invalid" ] || fail "then: $line"
exec {old_in}>&- {old_out}<&-
refused 3 rollover_not_started 'no roll-over' rollover finish START1/web
refused 3 rollover_not_started 'no roll-over' rollover undo START1/web
expect_keys_agree

say 'undone before the switch: the key that was made is gone'
rollover start START1/web-2 --label web-3
clients_expect sign ok 2
rollover undo START1/web-2
says 'deleted START1/web-3 and its private key'
clients_expect sign ok 2
refused 2 certificate_not_found 'no certificate' cert show START1/web-3
expect_keys_agree

# both WORD…: two people at once; one succeeds, the other is told why not.
both() {
    local code=$1 first=0 second=0
    shift
    signet "$@" --json >"$scratch/first" 2>&1 &
    local pid=$!
    signet "$@" --json >"$scratch/second" 2>&1 || second=$?
    wait "$pid" || first=$?
    case $first-$second in
    0-3) grep -q "\"$code\"" "$scratch/second" || fail "the second was told $(cat "$scratch/second")" ;;
    3-0) grep -q "\"$code\"" "$scratch/first" || fail "the first was told $(cat "$scratch/first")" ;;
    *) fail "'$*' by two ended with $first and $second" ;;
    esac
}

say 'two people at once'
both rollover_under_way rollover start START1/web-2 --label web-4
expect_keys_agree
signet rollover switch START1/web-2 --self-signed >"$scratch/first" 2>&1 &
first=$!
rollover switch START1/web-2 --self-signed
wait "$first" || fail "the other switch: $(cat "$scratch/first")"
cat "$scratch/first" "$scratch/rollover.log" >"$scratch/both"
[ "$(grep -c '^replaced START1/web-2 by START1/web-4' "$scratch/both")" -eq 1 ] || fail "replaced not once: $(cat "$scratch/both")"
grep -q 'had been switched already' "$scratch/both" || fail 'the second was not told'
clients_expect sign ok 2
refused 3 key_in_use 'was used at' rollover finish START1/web-2
both rollover_not_started rollover finish START1/web-2 --force
clients_expect sign "$not_permitted" 2
default_is web-4
expect_keys_agree
