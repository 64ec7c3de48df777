#!/usr/bin/env bash
# A ring of another machine by ssh, in p11-kit's form "remote: |ssh … signet attach …", against a local sshd: its key signs, a forced
# command leaves nothing but the ring that it names, and who may not log in sees none.
. "$(dirname "$0")/lib.sh"
need p11-kit p11tool certtool openssl setpriv timeout ssh ssh-keygen
need_sshd

instance_up
outside_ca_make "$scratch/ca"
owner_up
server_certificate web ec:p256
server_ring WEB web
signet cert generate START1/other --subject CN=other --key ec:p256 >/dev/null
signet ring add START1/OTHER >/dev/null
signet ring connect START1/OTHER START1/other --default >/dev/null

# The far end: ourselves, let in with one key. The near end: a user with nothing but that key, for root reads no modules of its own.
user=$(server_user)
home=$scratch/home
modules=$home/.config/pkcs11/modules
mkdir -p "$modules"
for key in key stranger; do
    ssh-keygen -q -t ed25519 -N '' -f "$home/$key"
done
port=$(free_port)
sshd_up "$scratch/sshd" "$port" "$home/key.pub"
cat >"$home/ssh.conf" <<CONFIG
Host far
    HostName localhost
    Port $port
    User $(id -un)
    IdentityFile $home/key
    IdentitiesOnly yes
    IdentityAgent none
    BatchMode yes
    UserKnownHostsFile $scratch/sshd/known
    GlobalKnownHostsFile none
    ConnectTimeout 20
CONFIG
[ "$(id -u)" -ne 0 ] || chown -R "$user:" "$home"

as_user() {
    local become=()
    [ "$(id -u)" -ne 0 ] || become=(setpriv --reuid "$(id -u "$user")" --regid "$(id -g "$user")" --clear-groups)
    "${become[@]}" env -u P11_KIT_SERVER_ADDRESS -u SIGNET_SOCKET -u SSH_AUTH_SOCK HOME="$home" XDG_CONFIG_HOME="$home/.config" "$@"
}

# remote RING [OPTION of ssh]…: what stands in the .module file.
remote() {
    local ring=$1
    shift
    # p11-kit takes two blanks for an empty word between them
    echo "remote: |ssh -F $home/ssh.conf $* far $SIGNET_BIN attach --socket $SIGNET_SOCKET $ring" | sed 's/  */ /g; s/ $//' >"$modules/far.module"
}

tokens() {
    as_user timeout "$(patiently 60)" p11tool --list-token-urls 2>"$scratch/p11tool.log" | grep -o 'token=START1%2F[A-Z]*' | sort | tr '\n' ' '
}

expect_tokens() {
    local got
    got=$(tokens || true)
    [ "$got" = "$1" ] || fail "these are there: '$got', not '$1': $(cat "$scratch/p11tool.log" "$scratch/sshd/sshd.log")"
}

say 'the ring named is there, and no other'
remote START1/WEB
expect_tokens 'token=START1%2FWEB '
remote START1/OTHER
expect_tokens 'token=START1%2FOTHER '

say 'its key signs'
remote START1/WEB
echo 'cn = "signed over ssh"' >"$scratch/template"
as_user timeout "$(patiently 60)" certtool --generate-request --template "$scratch/template" \
    --load-privkey 'pkcs11:token=START1%2FWEB;type=private;object=web' \
    --load-pubkey 'pkcs11:token=START1%2FWEB;type=public;object=web' >"$scratch/request" 2>"$scratch/certtool.log" ||
    fail "certtool: $(cat "$scratch/certtool.log")"
sed -n '/BEGIN/,$p' "$scratch/request" | openssl req -verify -noout >"$scratch/verify" 2>&1 || fail "the request: $(cat "$scratch/verify")"
cmp -s <(sed -n '/BEGIN/,$p' "$scratch/request" | openssl req -noout -pubkey) <(openssl x509 -in "$scratch/web.pem" -noout -pubkey) ||
    fail 'signed with another key'
signet ring show START1/WEB --json | finds '"uses": *[1-9]' || fail 'the use was not counted'

say 'a ring that is not there is said by the far end, on standard error'
remote START1/NONE
expect_tokens ''
as_user ssh -F "$home/ssh.conf" far "$SIGNET_BIN" attach --socket "$SIGNET_SOCKET" START1/NONE >"$scratch/out" 2>"$scratch/err" </dev/null && fail 'it attached'
{ grep -q 'START1.*NONE' "$scratch/err" && [ ! -s "$scratch/out" ]; } || fail "it said: $(cat "$scratch/out" "$scratch/err")"

say 'a forced command leaves its ring, whatever is asked for'
printf 'restrict,command="%s attach --socket %s START1/WEB" %s\n' "$SIGNET_BIN" "$SIGNET_SOCKET" "$(cat "$home/key.pub")" >"$scratch/sshd/authorized"
remote START1/OTHER
expect_tokens 'token=START1%2FWEB '
remote ''
expect_tokens 'token=START1%2FWEB '

say 'who may not log in sees no ring, and waits for nothing'
remote START1/WEB -i "$home/stranger" -o IdentityFile=none
sed -i "s|^    IdentityFile .*||" "$home/ssh.conf"
begin=$SECONDS
expect_tokens ''
in_time 30 "$begin" || fail "it took $((SECONDS - begin)) s"
grep -q 'Connection closed by authenticating user' "$scratch/sshd/sshd.log" || fail "sshd said: $(tail -n 5 "$scratch/sshd/sshd.log")"
