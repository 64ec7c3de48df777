#!/usr/bin/env bash
# What programs that are attached see of their ring: a change at their next search, and never in the middle of one. A ring's slot and
# serial number are its own, whoever looks, and stay.
# shellcheck source=tests/support/as-root.sh
. "$(dirname "$0")/../support/as-root.sh"
as_root "$0" "$@"
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
need setpriv pkcs11-tool

instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web
signet cert generate START1/other --subject CN=other --key ec:p256 >/dev/null
signet cert generate CERTAUTH/Root --subject CN=Root --usage certsign >/dev/null
clients_attach WEB web 2

# sees CERTIFICATE…: whoever searches now finds these, in this order.
sees() {
    local list
    list=$(IFS=, && echo "$*")
    clients_expect certificates "${list:-none}" 2
}
change() {
    signet "$@" >"$scratch/change.log" 2>&1 || fail "'$*' ended with $?: $(cat "$scratch/change.log")"
}
renew() {
    local before
    before=$(as_seen "START1/$1" user)
    change cert request "START1/$1" --out "$scratch/$1.csr"
    change cert generate "START1/$1" --from-request "$scratch/$1.csr" --signed-by CERTAUTH/Root
    [ "$(as_seen "START1/$1" user)" != "$before" ] || fail "START1/$1 was not renewed"
}

say 'a renewal under the same key'
sees "$(as_seen START1/web user)"
renew web
web=$(as_seen START1/web user)
sees "$web"
clients_expect sign ok 2 # with the handle from before
clients_expect find 1 2

say 'a trust anchor comes, is distrusted, comes back as another, and goes'
root=$(as_seen CERTAUTH/Root authority+trusted)
change ring connect START1/WEB CERTAUTH/Root
sees "$web" "$root"
change cert alter CERTAUTH/Root --notrust
sees "$web"
change cert alter CERTAUTH/Root --trust
sees "$web" "$root"
change ring connect START1/WEB CERTAUTH/Root --usage site
sees "$web" "${root/authority/other}"
change ring remove START1/WEB CERTAUTH/Root
sees "$web"

say 'the default comes first'
other=$(as_seen START1/other user)
change ring connect START1/WEB START1/other
sees "$web" "$other"
change ring connect START1/WEB START1/other --default
sees "$other" "$web"
change ring connect START1/WEB START1/web --default
sees "$web" "$other"

say 'a search that has begun goes on over what was there: less of it'
change ring connect START1/WEB CERTAUTH/Root
sees "$web" "$other" "$root"
clients_expect begin "$web" 2
change ring connect START1/WEB START1/other --default
change ring remove START1/WEB START1/web
change cert alter CERTAUTH/Root --notrust
sees "$other" # in another session
clients_expect rest "$other,$root" 2
clients_expect begin "$other" 2
clients_expect rest none 2

say 'more, and another certificate of the same key'
clients_expect begin "$other" 2
change ring connect START1/WEB START1/web
change cert alter CERTAUTH/Root --trust
clients_expect rest none 2
clients_expect begin "$other" 2
renew web
clients_expect rest "$root,$web" 2
web=$(as_seen START1/web user)
sees "$other" "$root" "$web"

say 'the whole ring'
clients_expect begin "$other" 2
change ring delete START1/WEB
sees
clients_expect rest "$root,$web" 2
clients_expect begin none 2
clients_expect rest none 2
clients_detach

# ---- slots ----

# The two see each other's rings where a profile says so.
declare -A theirs=([daemon]=START1 [www-data]=START2) slots
change owner add START2
for user in "${!theirs[@]}"; do
    change owner attach "${theirs[$user]}" "$user"
done
# add RING: and remember where it is
add() {
    change ring add "$1"
    slots[$1]=$(signet ring show "$1" --json | sed -n 's/.*"slot": *\([0-9]*\).*/\1/p')
}
for ring in START2/A START1/B START2/C START1/D START2/E; do
    add "$ring"
done
change authority define RDATALIB START2.C.LST --uacc read
change authority define RDATALIB START1.D.LST --uacc read
[ "$(printf '%s\n' "${slots[@]}" | sort -u | wc -l)" -eq 5 ] || fail "two rings have one slot: ${slots[*]}"

# shown_to USER: label, slot and serial number of every ring.
shown_to() {
    setpriv --reuid "$1" --regid "$(id -g "$1")" --clear-groups pkcs11-tool --module "$client_module" -L 2>"$scratch/pkcs11-tool.log" |
        sed -n 's/^Slot [0-9]* (\(0x[0-9a-f]*\)):.*/\1/p;s/^ *\(token label\|serial num\) *: *//p' | paste -d ' ' - - - | sort -k 2
}
# expect_shown USER RING…: each where it has always been.
expect_shown() {
    local user=$1 ring got
    shift
    got=$(shown_to "$user")
    for ring in "$@"; do
        printf '0x%x %s %d\n' "${slots[$ring]}" "$ring" "${slots[$ring]}"
    done | sort -k 2 >"$scratch/expected"
    [ "$got" = "$(cat "$scratch/expected")" ] || fail "$user is shown $got, not $(cat "$scratch/expected") $(cat "$scratch/pkcs11-tool.log")"
}

say 'a ring has its slot and serial number, whoever looks'
expect_shown daemon START1/B START1/D START2/C
expect_shown www-data START1/D START2/A START2/C START2/E

say 'after a restart too'
restart
expect_shown daemon START1/B START1/D START2/C
expect_shown www-data START1/D START2/A START2/C START2/E

say 'and when others have gone, the first and the last'
change ring delete START2/A
change ring delete START2/E
expect_shown daemon START1/B START1/D START2/C
expect_shown www-data START1/D START2/C
restart
expect_shown daemon START1/B START1/D START2/C
expect_shown www-data START1/D START2/C

say 'a new ring gets a slot that none has had; who may see more sees it beside the others'
for ring in START1/F START2/F; do
    add "$ring"
done
[ "$(printf '%s\n' "${slots[@]}" | sort -u | wc -l)" -eq 7 ] || fail "two rings have had one slot: ${slots[*]}"
change owner attach START2 daemon
expect_shown daemon START1/B START1/D START1/F START2/C START2/F
expect_shown www-data START1/D START2/C START2/F
