#!/usr/bin/env bash
# A served token is a PKCS#11 token: an administrator's programs see it and sign with it, others see nothing, and what is
# unbound is gone.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
need pkcs11-tool openssl jq

instance_up
signet owner add START1 >/dev/null
signet cert generate START1/web --subject CN=web --key ec:p256 >/dev/null
signet cert generate START1/site --subject CN=site --key ec:p256 >/dev/null
signet cert export START1/web --out "$scratch/web.pem" >/dev/null
openssl x509 -in "$scratch/web.pem" -pubkey -noout >"$scratch/web.pub"
head -c 1000 /dev/urandom >"$scratch/data"
openssl dgst -sha256 -binary "$scratch/data" >"$scratch/hash"

slots() {
    pkcs11-tool --module "$client_module" -L 2>&1
}
tool() {
    pkcs11-tool --module "$client_module" --token-label FTP.SERVER "$@"
}
sign() {
    local id
    id=$(tool -O --type privkey 2>/dev/null | awk '/ID:/ { print $2; exit }')
    [ -n "$id" ] && tool --sign --id "$id" --mechanism ECDSA --signature-format openssl -i "$scratch/hash" -o "$scratch/sig" \
        >"$scratch/sign.log" 2>&1
}

say 'an administrator sees it'
! slots | finds FTP.SERVER || fail 'a token that does not exist is seen'
signet token add ftp.server >/dev/null
expect_text 'token label *: FTP.SERVER' slots
signet token bind FTP.SERVER START1/web --default >/dev/null
signet token bind FTP.SERVER START1/site --usage site >/dev/null
tool -O >"$scratch/objects" 2>&1
[ "$(grep -c '^Certificate Object' "$scratch/objects")" -eq 2 ] || fail "not two certificates: $(cat "$scratch/objects")"
[ "$(grep -c '^Private Key Object' "$scratch/objects")" -eq 1 ] || fail "not one private key: $(cat "$scratch/objects")"

say 'and signs with it'
sign || fail "no signature: $(cat "$scratch/sign.log")"
expect_text 'Verified OK' openssl dgst -sha256 -verify "$scratch/web.pub" -signature "$scratch/sig" "$scratch/data"

say 'which is shown at once: how often, when last, by whom'
shown=$(signet token show FTP.SERVER --json)
me=$(id -un)
jq -e --arg me "$me" --argjson uid "$(id -u)" '.items[] | select(.label == "web") | .uses == 1 and .last_user == $me and
    (.used_by | map({uid, user, uses})) == [{uid: $uid, user: $me, uses: 1}]' <<<"$shown" >/dev/null || fail "it shows $shown"
jq -e '.items[] | select(.label == "site") | has("uses") | not' <<<"$shown" >/dev/null || fail "a certificate without a key is used: $shown"
expect_text "^1 .*START1 +web .* 1 +20[-0-9]+T[:0-9]+Z +$me\$" signet token show FTP.SERVER
expect_text '^last_used_in: FTP.SERVER$' signet cert show START1/web
signet ring list --json | jq -e '.items == []' >/dev/null || fail 'a served token is no ring'

if [ "$(id -u)" -eq 0 ]; then
    say 'others see nothing, although the certificate is theirs'
    need setpriv
    stranger=daemon
    signet owner attach START1 "$stranger" >/dev/null
    as_stranger() {
        setpriv --reuid "$(id -u "$stranger")" --regid "$(id -g "$stranger")" --clear-groups "$@"
    }
    as_stranger pkcs11-tool --module "$client_module" -L >"$scratch/theirs" 2>&1 || true
    ! grep -q FTP.SERVER "$scratch/theirs" || fail "a stranger sees $(cat "$scratch/theirs")"
    ! as_stranger pkcs11-tool --module "$client_module" --token-label FTP.SERVER -O >"$scratch/theirs" 2>&1 ||
        fail "a stranger looks into it: $(cat "$scratch/theirs")"
fi

say 'what is unbound is gone at once'
signet token unbind FTP.SERVER START1/web >/dev/null
! sign || fail 'a key signs that is bound no longer'
tool -O >"$scratch/objects" 2>&1
[ "$(grep -c '^Certificate Object' "$scratch/objects")" -eq 1 ] || fail "not one certificate: $(cat "$scratch/objects")"

say 'after a restart it is there as it was'
signet token bind FTP.SERVER START1/web >/dev/null
restart
sign || fail "no signature: $(cat "$scratch/sign.log")"
expect_text 'Verified OK' openssl dgst -sha256 -verify "$scratch/web.pub" -signature "$scratch/sig" "$scratch/data"
refused 3 token_not_empty 'bound in token FTP.SERVER' token delete FTP.SERVER
signet token delete FTP.SERVER --force >/dev/null
! slots | finds FTP.SERVER || fail 'a deleted token is seen'
expect_keys_agree
