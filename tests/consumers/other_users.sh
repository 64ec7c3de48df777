#!/usr/bin/env bash
# What another Unix user sees: nothing, until an owner is attached; then that owner's rings; and nothing again after detaching.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool setpriv

stranger=daemon
as_stranger() {
    local id
    id=$(id -u "$stranger")
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid "$id" --regid "$(id -g "$stranger")" --clear-groups "$@"
    else
        sudo -n -u "$stranger" --preserve-env=P11_KIT_SERVER_ADDRESS,SIGNET_SOCKET "$@"
    fi
}
if ! as_stranger true 2>/dev/null; then
    fail 'only root, or a user with sudo that asks for no password, can become somebody else'
fi

instance_up
outside_ca_make "$scratch/ca"
owner_up
server_certificate web ec:p256
server_ring WEB web

tokens_of_stranger() {
    as_stranger pkcs11-tool --module "$client_module" -L 2>&1 | grep -c 'token label' || true
}

say 'the administrator sees the ring, a stranger does not'
pkcs11-tool --module "$client_module" -L | finds START1/WEB || fail 'the caller of dev up does not see the ring'
[ "$(tokens_of_stranger)" -eq 0 ] || fail 'a stranger sees a ring'
! as_stranger pkcs11-tool --module "$client_module" --token-label START1/WEB -O 2>/dev/null | finds web ||
    fail 'a stranger sees the ring'"'"'s content'

say 'nor may it administer'
expect_failure 4 'START1|owner' as_stranger "$SIGNET_BIN" owner attach START1 "$stranger"
expect_failure 4 'START1' as_stranger "$SIGNET_BIN" cert show START1/web
expect_failure 4 'START1' as_stranger "$SIGNET_BIN" cert generate START1/mine --subject CN=mine
expect_failure 4 'CERTAUTH' as_stranger "$SIGNET_BIN" cert add CERTAUTH "$scratch/ca/root.pem"

say 'attached, it sees that owner'"'"'s rings and uses the key'
signet owner attach START1 "$stranger" >/dev/null
[ "$(tokens_of_stranger)" -eq 1 ] || fail 'an attached user does not see its ring'
head -c 32 /dev/urandom >"$scratch/hash"
as_stranger pkcs11-tool --module "$client_module" --token-label START1/WEB --sign --label web --mechanism ECDSA \
    -i "$scratch/hash" 2>/dev/null | finds . || fail 'an attached user cannot sign'
expect_failure 4 'CERTAUTH' as_stranger "$SIGNET_BIN" cert add CERTAUTH "$scratch/ca/root.pem"

say 'detached, it is a stranger again'
signet owner detach START1 "$stranger" >/dev/null
[ "$(tokens_of_stranger)" -eq 0 ] || fail 'a detached user still sees the ring'

say 'the overflow user can never be attached'
expect_failure 5 '65534|overflow|nobody' signet owner attach START1 65534
