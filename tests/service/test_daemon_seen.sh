#!/usr/bin/env bash
# What programs that are attached see of their ring: a change at their next search, and never in the middle of one.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"

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
