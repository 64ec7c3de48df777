#!/usr/bin/env bash
# A ring over a command's standard streams, in p11-kit's form "remote: |command", as it would come over ssh: the key signs, only the ring
# named is there, whoever is not attached to its owner is refused in words, and broken pipes and garbage end that command alone.
. "$(dirname "$0")/lib.sh"
need p11-kit p11tool certtool gnutls-serv openssl python3 setpriv timeout

instance_up
outside_ca_make "$scratch/ca"
owner_up
server_certificate web ec:p256
server_ring WEB web
signet cert generate START1/other --subject CN=other --key ec:p256 >/dev/null
signet ring add START1/OTHER >/dev/null
signet ring connect START1/OTHER START1/other --default >/dev/null

user=$(server_user)
modules=$scratch/home/.config/pkcs11/modules
mkdir -p "$modules"

# as_user USER COMMAND…: nothing but a home directory; p11-kit reads a user's own file only for users that are not root.
as_user() {
    local become=()
    [ "$(id -u)" -ne 0 ] || become=(setpriv --reuid "$(id -u "$1")" --regid "$(id -g "$1")" --clear-groups)
    shift
    "${become[@]}" env -u P11_KIT_SERVER_ADDRESS -u SIGNET_SOCKET HOME="$scratch/home" XDG_CONFIG_HOME="$scratch/home/.config" "$@"
}

# remote WORD…: what stands behind "signet attach" in the .module file.
remote() {
    echo "remote: |$SIGNET_BIN attach --socket $SIGNET_SOCKET $*" >"$modules/far.module"
}

tokens() {
    as_user "$1" timeout "$(patiently 30)" p11tool --list-token-urls 2>"$scratch/p11tool.log" | grep -o 'token=START1%2F[A-Z]*' | sort | tr '\n' ' '
}

say 'the ring named is there, and no other'
remote START1/WEB
[ "$(tokens "$user")" = 'token=START1%2FWEB ' ] || fail "these are there: $(tokens "$user") $(cat "$scratch/p11tool.log")"
remote START1/OTHER
[ "$(tokens "$user")" = 'token=START1%2FOTHER ' ] || fail "these are there: $(tokens "$user") $(cat "$scratch/p11tool.log")"
remote
[ "$(tokens "$user")" = 'token=START1%2FOTHER token=START1%2FWEB ' ] || fail "these are there: $(tokens "$user") $(cat "$scratch/p11tool.log")"

say 'its key signs'
remote START1/WEB
as_user "$user" timeout "$(patiently 30)" p11tool --export 'pkcs11:token=START1%2FWEB;type=cert;object=web' >"$scratch/exported.pem" 2>"$scratch/p11tool.log" ||
    fail "p11tool: $(cat "$scratch/p11tool.log")"
cmp -s <(openssl x509 -in "$scratch/web.pem" -outform DER) <(openssl x509 -in "$scratch/exported.pem" -outform DER) || fail 'another certificate'
cat >"$scratch/template" <<'T'
cn = "signed over a pipe"
T
as_user "$user" timeout "$(patiently 30)" certtool --generate-request --template "$scratch/template" \
    --load-privkey 'pkcs11:token=START1%2FWEB;type=private;object=web' \
    --load-pubkey 'pkcs11:token=START1%2FWEB;type=public;object=web' >"$scratch/request" 2>"$scratch/certtool.log" ||
    fail "certtool: $(cat "$scratch/certtool.log")"
sed -n '/BEGIN/,$p' "$scratch/request" | openssl req -verify -noout >"$scratch/verify" 2>&1 || fail "the request: $(cat "$scratch/verify")"
cmp -s <(sed -n '/BEGIN/,$p' "$scratch/request" | openssl req -noout -pubkey) <(openssl x509 -in "$scratch/web.pem" -noout -pubkey) ||
    fail 'signed with another key'

say 'what cannot be carried is said on standard error, and nothing on standard output'
# said STATUS TEXT WORD…: of signet attach with nothing to read
said_by() {
    local status=$1 text=$2 got=0
    shift 2
    "$@" >"$scratch/attach.out" 2>"$scratch/attach.err" </dev/null || got=$?
    [ "$got" -eq "$status" ] || fail "'$*' ended with $got, not $status: $(cat "$scratch/attach.err")"
    grep -qE "$text" "$scratch/attach.err" || fail "'$*' did not say '$text': $(cat "$scratch/attach.err")"
    [ ! -s "$scratch/attach.out" ] || fail "'$*' wrote to standard output"
}
said_by 2 'START1.*NONE' "$SIGNET_BIN" attach START1/NONE
said_by 8 'no ring that programs' "$SIGNET_BIN" attach 'CERTAUTH/*'
said_by 7 'cannot reach the rings' "$SIGNET_BIN" attach --rings-socket "$scratch/nowhere"
said_by 7 'cannot reach the service' "$SIGNET_BIN" attach START1/WEB --socket "$scratch/nowhere"
expect_failure 1 'no answer in JSON' "$SIGNET_BIN" attach START1/WEB --json

if [ "$(id -u)" -eq 0 ]; then
    say 'a user who is not attached to the owner is refused by the service'
    said_by 4 'not authorised' as_user daemon "$SIGNET_BIN" attach START1/WEB --socket "$SIGNET_SOCKET"
    remote START1/WEB
    [ -z "$(tokens daemon)" ] || fail 'a stranger sees a ring'
    remote
    [ -z "$(tokens daemon)" ] || fail 'a stranger sees rings'
fi

say 'the end of standard input ends it, with status 0'
"$SIGNET_BIN" attach START1/WEB </dev/null >"$scratch/attach.out" || fail "ended with $?"

say 'garbage ends it, and nobody else'
status=0
mkfifo "$scratch/garbage"
timeout "$(patiently 20)" "$SIGNET_BIN" attach <"$scratch/garbage" >"$scratch/attach.out" 2>"$scratch/attach.err" &
attached=$!
exec 7>"$scratch/garbage"
printf '\377garbage that is no preamble' >&7
wait "$attached" || status=$?
exec 7>&-
[ "$status" -eq 7 ] || fail "garbage: ended with $status: $(cat "$scratch/attach.err")"
grep -qE 'closed the connection|ended the connection' "$scratch/attach.err" || fail "garbage: said $(cat "$scratch/attach.err")"
remote START1/WEB
[ "$(tokens "$user")" = 'token=START1%2FWEB ' ] || fail 'the next one finds no ring'

say 'a service that closes at once: said, whatever the program has written meanwhile'
python3 -u - "$scratch/closing" <<'PY' >"$scratch/closing.log" 2>&1 &
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1] + ".new")
listener.listen()
os.rename(sys.argv[1] + ".new", sys.argv[1])
while True:
    listener.accept()[0].close()
PY
children+=("$!")
wait_for 10 test -S "$scratch/closing"
for _ in $(seq 40); do
    status=0
    yes | timeout "$(patiently 20)" "$SIGNET_BIN" attach --rings-socket "$scratch/closing" >"$scratch/attach.out" 2>"$scratch/attach.err" || status=$?
    [ "$status" -eq 7 ] || fail "ended with $status: $(cat "$scratch/attach.err")"
    grep -q 'closed the connection before it said anything' "$scratch/attach.err" || fail "said $(cat "$scratch/attach.err")"
done

say 'a reader that has gone ends it quietly'
mkfifo "$scratch/in"
("$SIGNET_BIN" attach START1/WEB <"$scratch/in" 2>"$scratch/attach.err"; echo "$?" >"$scratch/status") | true &
exec 5>"$scratch/in"
printf '\0' >&5
wait_for 10 test -s "$scratch/status"
exec 5>&-
[ "$(cat "$scratch/status")" -eq 0 ] || fail "ended with $(cat "$scratch/status"): $(cat "$scratch/attach.err")"

say 'what is wrong with its own standard streams is said of them'
# streams STATUS TEXT REDIRECTION: with a program that asks and waits
streams() {
    local got=0
    (printf '\0'; sleep 5) | bash -c "exec $3; exec timeout 20 \"\$0\" attach START1/WEB" "$SIGNET_BIN" 2>"$scratch/attach.err" || got=$?
    [ "$got" -eq "$1" ] || fail "with $3 it ended with $got, not $1: $(cat "$scratch/attach.err")"
    grep -q "$2" "$scratch/attach.err" || fail "with $3 it said $(cat "$scratch/attach.err")"
    grep -q '^hint: ' "$scratch/attach.err" || fail "with $3 it named no remedy"
    ! grep -q 'the service' "$scratch/attach.err" || fail "with $3 it blames the service: $(cat "$scratch/attach.err")"
}
streams 1 'standard output is closed' '>&-'
streams 1 'standard input is closed' '<&-'
streams 8 'standard output: cannot write: No space left' '>/dev/full'
streams 8 'standard output: cannot write: Bad file descriptor' '1</dev/null'

# A server that has its key by such a command.
port=$(free_port)
signet ring export START1/WEB --chain --format pem --out "$scratch/chain.pem" >/dev/null
server_up() {
    as_user "$user" gnutls-serv --port "$port" --http --quiet --x509certfile "$scratch/chain.pem" \
        --x509keyfile 'pkcs11:token=START1%2FWEB;type=private;object=web' >"$scratch/$1.log" 2>&1 &
    server=$!
    children+=("$server")
    wait_for 15 listening "$port"
}
serves() {
    timeout "$(patiently 10)" openssl s_client -connect "localhost:$port" -CAfile "$scratch/ca/root.pem" -verify_return_error </dev/null >"$scratch/s_client" 2>&1
}
remote START1/WEB
server_up serving
serves || fail "gnutls-serv with a ring over a command: $(tail -n 3 "$scratch/s_client") $(cat "$scratch/serving.log")"

say 'the end of the service is said'
mkfifo "$scratch/open"
"$SIGNET_BIN" attach START1/WEB <"$scratch/open" >"$scratch/attach.out" 2>"$scratch/attach.err" &
attached=$!
children+=("$attached")
exec 6>"$scratch/open"
rings_socket=$(sed -n 's/^rings_socket = "\(.*\)"/\1/p' "$instance/signet.conf")
is_attached() { [ "$(grep -c " $rings_socket\$" /proc/net/unix)" -gt 1 ]; }
wait_for 10 is_attached
signet dev down "$instance" >/dev/null
status=0
wait "$attached" || status=$?
[ "$status" -eq 7 ] || fail "ended with $status"
grep -qE 'closed the connection|ended the connection' "$scratch/attach.err" || fail "said $(cat "$scratch/attach.err")"

say 'and nobody starts the command again: a program that runs must be started anew (docs/upgrade.md)'
signet dev up "$instance" >/dev/null
for _ in once again; do
    ! serves || fail 'the server goes on: docs/upgrade.md says otherwise'
done
kill -0 "$server" || fail "the server has ended: docs/upgrade.md says otherwise: $(cat "$scratch/serving.log")"
grep -qE 'closed the connection|ended the connection' "$scratch/serving.log" || fail "the command said $(cat "$scratch/serving.log")"
[ "$(tokens "$user")" = 'token=START1%2FWEB ' ] || fail 'a program that starts now finds no ring'
end_server "$server"
server_up anew
serves || fail "gnutls-serv, started anew: $(tail -n 3 "$scratch/s_client") $(cat "$scratch/anew.log")"
