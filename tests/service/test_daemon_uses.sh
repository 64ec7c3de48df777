#!/usr/bin/env bash
# Who uses a ring's key, how often and when last: counted for each ring and user, over the deaths of every process and restarts.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
need jq

instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web
signet ring add START1/TWO >/dev/null
signet ring connect START1/TWO START1/web --default >/dev/null
signet cert generate CERTAUTH/Root --subject CN=Root --usage certsign >/dev/null
signet ring connect START1/WEB CERTAUTH/Root >/dev/null
head -c 32 /dev/urandom >"$scratch/hash"

# signs RING [PREFIX…]: once.
signs() {
    local ring=$1
    shift
    "$@" pkcs11-tool --module "$client_module" --token-label "START1/$ring" --sign --label web --mechanism ECDSA \
        -i "$scratch/hash" 2>"$scratch/sign.log" | finds . || fail "no signature: $(cat "$scratch/sign.log")"
}

# uses RING NUMBER: so many stand in the listing.
uses() {
    [ "$(signet ring show "START1/$1" --json | jq '.items[] | select(.label == "web") | .uses')" = "$2" ]
}

expect_uses() {
    uses "$1" "$2" || fail "START1/$1 should have $2 uses: $(signet ring show "START1/$1" --json)"
}

sequences() {
    signet ring list --json | jq -c '[.items[] | .sequence]'
}

say 'a key that nobody has used'
expect_uses WEB 0
[ "$(signet ring show START1/WEB --json | jq -c '.items[] | select(.label == "web") | [.last_used, .last_user, .used_by]')" = '[null,null,[]]' ] ||
    fail "it says $(signet ring show START1/WEB --json)"
[ "$(signet ring show START1/WEB --json | jq '.items[] | select(.label == "Root") | .uses')" = null ] || fail 'a trust anchor is used'

say 'each ring and user for themselves, seen at once'
before=$(sequences)
since=$(date +%s)
for _ in 1 2 3; do signs WEB; done
signs TWO
expect_uses WEB 3
expect_uses TWO 1
me=$(id -un)
signet ring show START1/WEB >"$scratch/shown"
grep -E "^START1 +web .* 3 +20[-0-9]+T[:0-9]+Z +$me\$" "$scratch/shown" >/dev/null || fail "the listing says $(cat "$scratch/shown")"
last=$(signet ring show START1/WEB --json | jq -r '.items[0].last_used')
{ [ "$(date -d "$last" +%s)" -ge "$((since - 1))" ] && [ "$(date -d "$last" +%s)" -le "$(date +%s)" ]; } || fail "used last at $last"
[ "$(sequences)" = "$before" ] || fail 'counting is no change of a ring'
expected=3
if [ "$(id -u)" -eq 0 ]; then
    signet owner attach START1 www-data >/dev/null
    signs WEB setpriv --reuid www-data --regid www-data --clear-groups
    expected=4
    expect_uses WEB 4
    [ "$(signet ring show START1/WEB --json | jq -c '[.items[0].used_by[] | [.uid, .user, .uses]] | sort')" = \
        "[[0,\"root\",3],[$(id -u www-data),\"www-data\",1]]" ] || fail "used by $(signet ring show START1/WEB --json)"
fi

say 'what is refused is not counted'
! pkcs11-tool --module "$client_module" --token-label START1/WEB --sign --label web --mechanism RSA-PKCS -i "$scratch/hash" \
    >/dev/null 2>&1 || fail 'an EC key made an RSA signature'
expect_uses WEB "$expected"

say 'a killed token process takes no count along'
signs WEB
kill_all signet-token
expect_ready
expect_uses WEB $((expected + 1))
signs WEB
expect_uses WEB $((expected + 2))

say 'two seconds later control may be killed too'
sleep $((1 + ${SIGNET_PATIENCE:-1}))
kill_all signet-control
expect_ready
expect_uses WEB $((expected + 2))
signs WEB
expect_uses WEB $((expected + 3))

say 'a restart right after a use'
signs WEB
restart
expect_ready
expect_uses WEB $((expected + 4))
expect_uses TWO 1

say 'a client that stays attached'
clients_attach WEB web 4
clients_expect sign ok 4
clients_expect sign ok 4
expect_uses WEB $((expected + 12))

say 'counts go with the ring and stay with the key in the other'
clients_detach
signet ring delete START1/WEB >/dev/null
expect_uses TWO 1
signet ring add START1/WEB >/dev/null
signet ring connect START1/WEB START1/web --default >/dev/null
expect_uses WEB 0
