#!/usr/bin/env bash
# p11-kit's own programs see the rings by a .module file alone, without a variable; and OpenSC's self-test of a token passes on a ring.
. "$(dirname "$0")/lib.sh"
need p11-kit p11tool pkcs11-tool jq setpriv cmake

consumer 'p11-kit' p11-kit 'every p11-kit application, by the .module file'
instance_up
outside_ca_make "$scratch/ca"
owner_up
server_certificate web ec:p256
server_certificate rsa rsa:2048
server_ring WEB rsa # the first key is tried with every mechanism
signet ring connect START1/WEB START1/web >/dev/null

# p11-kit reads a user's own file only for users that are not root.
as_user() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid "$(id -u "$(server_user)")" --regid "$(id -g "$(server_user)")" --clear-groups \
            env -u P11_KIT_SERVER_ADDRESS HOME="$scratch/home" XDG_CONFIG_HOME="$scratch/home/.config" "$@"
    else
        env -u P11_KIT_SERVER_ADDRESS HOME="$scratch/home" XDG_CONFIG_HOME="$scratch/home/.config" "$@"
    fi
}

say 'the .module file, as installed and as printed: nothing but the socket'"'"'s place differs'
cmake --install "$build" --prefix "$scratch/prefix" >"$scratch/install.log" 2>&1 || fail "cmake --install: $(tail -n 3 "$scratch/install.log")"
installed=$scratch/prefix/share/p11-kit/modules/signet.module
program=$(sed -nE 's/^ExecStart=([^ ]+) .*/\1/p' "$scratch/prefix/lib/systemd/system/signetd.service")
[ "$program" = "$scratch/prefix/sbin/signetd" ] || fail "the installed unit starts $program"
expect_text '^signetd ' "$program" --version
expect_text 'token_label: START1/WEB' "$scratch/prefix/bin/signet" ring show START1/WEB
provision gnutls START1/WEB "$scratch/gnutls"
printed=$scratch/gnutls/etc/pkcs11/modules/signet.module
diff <(grep -v '^#' "$installed") <(sed 's|path=.*|path=/run/signet/pkcs11.sock|' "$printed") ||
    fail 'the installed file and the printed one differ'

say 'p11-kit list-modules'
mkdir -p "$scratch/home/.config/pkcs11/modules"
as_user p11-kit list-modules >"$scratch/without" 2>&1
! grep -q 'START1/WEB' "$scratch/without" || fail 'the ring is there without its file'
# The installed one, at the socket of this instance.
sed "s|path=/run/signet/pkcs11.sock|${P11_KIT_SERVER_ADDRESS#unix:}|" "$installed" >"$scratch/home/.config/pkcs11/modules/signet.module"
expect_text 'token: START1/WEB' as_user p11-kit list-modules

say 'p11tool without --provider'
as_user p11tool --list-all 'pkcs11:token=START1%2FWEB' >"$scratch/list" 2>&1 || fail "p11tool: $(tail -n 3 "$scratch/list")"
[ "$(grep -c 'Type: Private key' "$scratch/list")" -eq 2 ] || fail "p11tool shows other than two private keys: $(cat "$scratch/list")"

say 'pkcs11-tool --test, all that SoftHSM passes itself: RSA raw, PKCS#1 v1.5, with SHA-1; decryption'
status=0
pkcs11-tool --module "$client_module" --token-label START1/WEB --test >"$scratch/test" 2>"$scratch/test.log" || status=$?
sed -n '/^Verify/,/^Decryption/p' "$scratch/test" >"$scratch/verify"
for mechanism in RSA-X-509 RSA-PKCS SHA1-RSA-PKCS; do
    grep -q "^ *$mechanism: OK" "$scratch/verify" || fail "$mechanism: $(cat "$scratch/test" "$scratch/test.log")"
done
sed -n '/^Decryption/,$p' "$scratch/test" >"$scratch/decrypt"
for mechanism in RSA-PKCS RSA-X-509; do
    grep -q "^ *$mechanism: OK" "$scratch/decrypt" || fail "decryption by $mechanism: $(cat "$scratch/test" "$scratch/test.log")"
done
# OAEP with SHA-256 is where it ends: SoftHSM 2.6.1 has it with SHA-1 only, and so has a ring of its keys.
if [ "$status" -ne 0 ]; then
    tail -n 2 "$scratch/test.log" | finds 'C_Decrypt.* CKR_ARGUMENTS_BAD\|C_Decrypt.* CKR_MECHANISM_PARAM_INVALID' ||
        fail "it stopped elsewhere: $(cat "$scratch/test.log")"
    tail -n 2 "$scratch/test" | finds 'RSA-PKCS-OAEP' || fail "it stopped elsewhere: $(cat "$scratch/test")"
fi
