#!/usr/bin/env bash
# The same questions by the PKCS#11 specification to SoftHSM itself, in process, and to a ring, through p11-kit's client: nothing that
# SoftHSM passes may fail on the ring, but what is listed here, with the reason.
. "$(dirname "$0")/lib.sh"
: "${CONFORMANCE:?set it to the conformance program}"

instance_up
outside_ca_make "$scratch/ca"
owner_up
signet cert generate START1/rsa --subject CN=localhost --key rsa:2048 --usage handshake --usage dataencrypt >/dev/null
signet cert generate START1/ec --subject CN=localhost --key ec:p256 >/dev/null
for label in rsa ec; do
    signet cert request "START1/$label" --out "$scratch/$label.csr" >/dev/null
    outside_ca_sign "$scratch/ca" "$scratch/$label.csr" "$scratch/$label.pem"
    signet cert add "START1/$label" "$scratch/$label.pem" "$scratch/ca/int.pem" "$scratch/ca/root.pem" >/dev/null
done
signet ring add START1/ALL >/dev/null
signet ring connect START1/ALL START1/rsa --default >/dev/null
signet ring connect START1/ALL START1/ec >/dev/null

# The token with the same keys, a copy of it, so that the service is not disturbed.
cp -a "$instance/token" "$scratch/token"
chmod -R u+w "$scratch/token"
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$scratch/token" >"$scratch/softhsm2.conf"
module=$(sed -n 's/^module = "\(.*\)"/\1/p' "$instance/signet.conf")
SOFTHSM2_CONF=$scratch/softhsm2.conf "$CONFORMANCE" "$module" signet "$(cat "$instance/pin")" >"$scratch/softhsm" ||
    fail 'the checks did not run on SoftHSM'
"$CONFORMANCE" "$client_module" START1/ALL 123456 >"$scratch/ring" || fail 'the checks did not run on the ring'

# What may fail on the ring although SoftHSM passes it: "GROUP: CHECK # reason".
cat >"$scratch/excused" <<'LIST'
signatures: SHA224_RSA_PKCS       # p11-kit's client (0.24.1) does not know the mechanism and refuses it before it asks
signatures: SHA256_RSA_PKCS_PSS   # likewise
searches: without room            # p11-kit's client asks for no handles then, and gets none
random numbers: into nothing      # p11-kit's client asks for no bytes then, and gets none
sessions: on no slot              # Signet: it opens, as an empty one, for libp11 0.4.12 waits for ever on one that is refused
slots: information of no slot     # Signet: a ring may go after it was listed, and libp11 0.4.12 has no slot at all when one is refused
token: information of no token    # likewise
LIST

# What SoftHSM fails and a ring does not.
cat >"$scratch/better" <<'LIST'
decryption: bad padding           # SoftHSM: CKR_GENERAL_ERROR
decryption: a number too large    # likewise
encryption in parts: has ended    # SoftHSM: CKR_OPERATION_ACTIVE
decryption in parts: has ended    # likewise
how OAEP begins: no source        # SoftHSM encrypts, and does not decrypt
how OAEP begins: a source that is none # likewise
LIST

say "checks that SoftHSM passes: $(grep -c '^ok' "$scratch/softhsm") of $(wc -l <"$scratch/softhsm"); a ring: $(grep -c '^ok' "$scratch/ring")"
[ "$(wc -l <"$scratch/softhsm")" -eq "$(wc -l <"$scratch/ring")" ] || fail 'not the same checks'
[ "$(grep -c '^ok' "$scratch/softhsm")" -ge 300 ] || fail 'SoftHSM passes too few of them: is this the right token?'
paste -d '|' "$scratch/softhsm" "$scratch/ring" | sed -n 's/^ok [^|]*|not \(.*\): 0x[0-9a-f]*$/\1/p' | sort -u >"$scratch/failed"
cut -d '#' -f 1 "$scratch/excused" | sed 's/ *$//;/^$/d' | sort -u >"$scratch/expected"
unexcused=$(comm -23 "$scratch/failed" "$scratch/expected")
[ -z "$unexcused" ] || fail "a ring fails what SoftHSM passes: $unexcused
$(grep '^not' "$scratch/ring")"
cut -d '#' -f 1 "$scratch/better" | sed 's/ *$//' | while read -r check; do
    ! grep -F "not $check: " "$scratch/ring" || fail "a ring fails: $check"
    [ "$(grep -cFx "ok $check" "$scratch/ring")" -ge 1 ] || fail "no such check: $check"
done
# An excuse that nobody needs any more is not kept.
case $(pkg-config --modversion p11-kit-1) in
0.24.*) ;;
*) exit 0 ;; # a later client knows more mechanisms
esac
needless=$(comm -13 "$scratch/failed" "$scratch/expected")
[ -z "$needless" ] || fail "these do not fail any more: $needless"
# The page says how many, of Debian 12's SoftHSM.
[ "$(softhsm2-util --version)" = 2.6.1 ] || exit 0
told=$(tr '\n' ' ' <"$here/../../docs/consumers.md" |
    sed -n 's/.* asks \([0-9]*\) questions by PKCS#11 .* SoftHSM 2\.6\.1 passes \([0-9]*\) of them, a ring \([0-9]*\)\. .*/\1 \2 \3/p')
counted="$(wc -l <"$scratch/ring") $(grep -c '^ok' "$scratch/softhsm") $(grep -c '^ok' "$scratch/ring")"
[ "$told" = "$counted" ] || fail "docs/consumers.md says «$told» (asked, passed by SoftHSM, by a ring), it was $counted"
