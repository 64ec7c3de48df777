#!/usr/bin/env bash
# What somebody may see and do who is no administrator: with no owner themselves only, with an owner that owner's, and no more.
# shellcheck source=tests/support/as-root.sh
. "$(dirname "$0")/../support/as-root.sh"
as_root "$0" "$@"
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
need setpriv

stranger=daemon
id=$(id -u "$stranger")
signet() {
    if [ -n "${as-}" ] && [ "$1" != dev ]; then # cleaning up is not the stranger's
        setpriv --reuid "$id" --regid "$(id -g "$stranger")" --clear-groups "$SIGNET_BIN" "$@"
    else
        "$SIGNET_BIN" "$@"
    fi
}
instance_up
signet owner add START1 >/dev/null
signet owner add START2 >/dev/null
ring_with_key WEB web
signet cert generate START2/mail --subject CN=mail --key ec:p256 >/dev/null
signet ring add START2/MAIL >/dev/null
remember

# lists WORD…: whose things the listing names, in order, once each.
lists() {
    signet "$@" --json | sed -n 's/.*"owner": "\(.*\)",*/\1/p' | sort -u | tr '\n' ' '
}
expect_lists() {
    local expected=$1 got
    shift
    got=$(lists "$@")
    [ "$got" = "$expected" ] || fail "'$*' lists '$got', not '$expected'"
}
may_not() {
    refused 4 not_authorised 'not authorised' "$@"
    grep -q '"hint": *"[^"]' "$scratch/refused" || fail "no remedy is named: $(cat "$scratch/refused")"
}
# What an administrator alone may do.
may_not_administer() {
    may_not owner add START3
    may_not owner attach START1 "$stranger"
    may_not owner attach START2 "$stranger"
    may_not owner detach START1 "$stranger"
    ! signet token list --json | finds '"name"' || fail 'a token is shown to somebody who may see none'
    may_not token show SERVED
    may_not token login softhsm
    may_not cert add CERTAUTH "$scratch/other.pem"
    may_not cert generate CERTAUTH/mine --subject CN=mine
    may_not cert generate START2/mine --subject CN=mine
    may_not cert show START2/mail
    may_not cert export START2/mail
    may_not cert chain START2/mail
    may_not cert request START2/mail
    may_not cert alter START2/mail --notrust
    may_not cert delete START2/mail
    may_not cert show START2/none # whether it exists is not for them to know
    may_not ring show START2/MAIL
    may_not ring add START2/NEW
    may_not ring delete START2/MAIL
    may_not ring export START2/MAIL --format pem --out "$scratch/none.pem"
    may_not provision nginx --ring START2/MAIL
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 30 -subj '/CN=other' -keyout "$scratch/other.key" \
    -out "$scratch/other.pem" 2>/dev/null
chmod 644 "$scratch/other.pem"

say 'with no owner: themselves, and nothing else'
as=stranger
signet status --json >"$scratch/status"
grep -q "\"uid\": $id" "$scratch/status" || fail 'the status does not say who is calling'
grep -q '"administrator": false' "$scratch/status" || fail 'a stranger is an administrator'
grep -q '"owners": \[\]' "$scratch/status" || fail 'a stranger has owners'
! grep -qE '"tokens"|"store"|"private_keys"' "$scratch/status" || fail "a stranger sees $(cat "$scratch/status")"
expect_lists '' owner list
expect_lists '' cert list
expect_lists '' ring list
may_not cert list START1
may_not ring list START1
may_not cert show START1/web
may_not cert generate START1/mine --subject CN=mine
may_not_administer
as='' expect_unchanged 'a stranger'

say 'with an owner: that owner'"'"'s, to look at'
as='' signet owner attach START1 "$stranger" >/dev/null
as='' remember
signet status --json >"$scratch/status"
grep -A1 '"owners"' "$scratch/status" | finds START1 || fail "an attached user does not see its owner: $(cat "$scratch/status")"
expect_lists 'START1 ' owner list
expect_lists 'START1 ' cert list
expect_lists 'START1 ' ring list
expect_text 'CN=web' signet cert show START1/web
expect_text 'BEGIN CERTIFICATE' signet cert export START1/web
expect_text 'web' signet ring show START1/WEB
expect_text 'START1/WEB' signet provision nginx --ring START1/WEB

say 'and not to change'
may_not cert generate START1/mine --subject CN=mine
may_not cert request START1/web
may_not cert add START1/web "$scratch/other.pem"
may_not cert alter START1/web --notrust
may_not cert delete START1/web
may_not cert delete START1/web --force
may_not ring add START1/NEW
may_not ring delete START1/WEB
may_not ring connect START1/WEB START1/web
may_not ring remove START1/WEB START1/web
may_not_administer
as='' expect_unchanged 'an attached user'

say 'whatever they say of themselves'
refused 4 not_authorised 'not authorised' owner add ROOT
got=$(setpriv --reuid "$id" --regid "$(id -g "$stranger")" --clear-groups curl -s --unix-socket "$SIGNET_SOCKET" \
    -H 'X-Uid: 0' -H 'Authorization: Basic cm9vdDo=' -d '{"owner": "ROOT"}' -w '\n%{http_code}' http://root@signet/v1/owner/add)
printf '%s\n' "${got%$'\n'*}" >"$scratch/refused"
got=${got##*$'\n'}
[ "$got" -eq 403 ] || fail "HTTP answered $got"
expect_code not_authorised 'owner add by HTTP'
as='' expect_unchanged 'a stranger with headers'
