#!/usr/bin/env bash
# The dry run of a deck: it foretells what the deck then prints, changes nothing, wakes nobody, gives nothing away that is signed,
# ends with its connection, is refused beyond its limits, belongs to one user, and is in nobody's way.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
need jq python3 openssl
: "${RACDCERT_BIN:?set it to the racdcert program under test}"

instance_up
signet owner add START1 >/dev/null
signet owner add WEB1 >/dev/null
mkdir "$scratch/files"
cd "$scratch/files"

# racdcert [OPTION]…, with the deck on standard input; sets status.
racdcert() {
    status=0
    "$RACDCERT_BIN" "$@" >"$scratch/deck.out" 2>"$scratch/deck.err" || status=$?
}
# expect_deck STATUS TEXT: the last deck ended so and said this, on either stream.
expect_deck() {
    [ "$status" -eq "$1" ] || fail "the deck ended with $status, not $1: $(cat "$scratch/deck.out" "$scratch/deck.err")"
    grep -qE -- "$2" "$scratch/deck.out" "$scratch/deck.err" || fail "no '$2': $(cat "$scratch/deck.out" "$scratch/deck.err")"
}
# bytes_of_all: the store, the token's objects and the files here, byte by byte.
bytes_of_all() {
    find "$instance" \( -name 'signet.db*' -o -path "$instance/token/*" \) -type f -exec cksum {} + | sort
    find . -type f -exec cksum {} + | sort
}
# unchanged COMMAND…
unchanged() {
    bytes_of_all >"$scratch/bytes.before"
    "$@"
    bytes_of_all >"$scratch/bytes.after"
    cmp "$scratch/bytes.before" "$scratch/bytes.after" || fail "'$*' changed something: $(diff "$scratch/bytes.before" "$scratch/bytes.after")"
}

say 'a deck, whole'
cat >"$scratch/whole.deck" <<'DECK'
RACDCERT CERTAUTH GENCERT SUBJECTSDN(CN('Own CA') O('Example')) WITHLABEL('Own CA')
RACDCERT ID(START1) GENCERT SUBJECTSDN(CN('web.example.com')) WITHLABEL('web') SIGNWITH(CERTAUTH LABEL('Own CA'))
RACDCERT ID(START1) ADDRING(KEY)
RACDCERT ID(START1) CONNECT(LABEL('web') RING(KEY) DEFAULT)
RACDCERT ID(START1) CONNECT(CERTAUTH LABEL('Own CA') RING(KEY))
RACDCERT ID(START1) LISTRING(KEY)
RACDCERT ID(START1) LISTCHAIN(LABEL('web'))
RACDCERT ID(START1) GENREQ(LABEL('web')) DSN('WEB.CSR')
RACDCERT ID(WEB1) GENCERT('WEB.CSR') WITHLABEL('second') SIGNWITH(CERTAUTH LABEL('Own CA'))
RACDCERT CERTAUTH EXPORT(LABEL('Own CA')) DSN('CA.CERT')
RACDCERT CHECKCERT('ca.cert')
RACDCERT ID(START1) ADDRING(KEY)
RACDCERT ID(START1) CONNECT(LABEL('absent') RING(KEY))
DECK
dry() { racdcert --dry-run <"$scratch/whole.deck"; }
unchanged dry
expect_deck 8 '^dry run: created ring START1/KEY$'
mv "$scratch/deck.out" "$scratch/dry.out"
mv "$scratch/deck.err" "$scratch/dry.err"
racdcert <"$scratch/whole.deck"
expect_deck 8 '^created ring START1/KEY$'
masked() {
    sed -E -e 's/^dry run: //' -e '/^note: dry run: nothing was changed/d' -e 's/>([0-9A-F]{2}){12,16}</>(serial)</' "$1" \
        -e 's/([0-9A-F]{2}:){15}[0-9A-F]{2}:?/(fingerprint)/' -e 's/valid until .*/valid until (time)/'
}
for stream in out err; do
    diff <(masked "$scratch/dry.$stream") <(masked "$scratch/deck.$stream") || fail "the dry run foretold something else ($stream)"
done
grep -q '^note: dry run: nothing was changed' "$scratch/dry.err" || fail 'the dry run does not say that it is one'
openssl req -in WEB.CSR -verify -noout 2>/dev/null || fail 'the real request does not verify'

say 'as JSON, up to the first failure'
racdcert --dry-run --json <"$scratch/whole.deck"
[ "$(jq -r '"\(.dry_run) \(.return_code)"' "$scratch/deck.out")" = 'true 8' ] || fail "JSON: $(cat "$scratch/deck.out")"
racdcert --dry-run --json --stop-on-error <<'DECK'
RACDCERT ID(START1) ADDRING(NEW)
RACDCERT ID(START1) ADDRING(NEW)
RACDCERT ID(START1) DELRING(NEW)
DECK
jq -e '.commands | length == 2 and .[0].answer.effects == ["created ring START1/NEW"] and .[0].answer.dry_run
    and .[0].answer.rehearsed and (.[0].answer | has("did") | not) and .[1].error.code == "ring_exists"' \
    "$scratch/deck.out" >/dev/null || fail "JSON: $(cat "$scratch/deck.out")"
[ "$status" -eq 8 ] || fail "--stop-on-error ended with $status"

say 'several operations of one command are tried upon what is rehearsed'
racdcert --dry-run <<'DECK'
RDEFINE FACILITY IRR.DIGTCERT.LIST UACC(NONE)
PERMIT IRR.DIGTCERT.LIST CLASS(FACILITY) ID(START1 WEB1) ACCESS(READ)
RLIST FACILITY IRR.DIGTCERT.LIST AUTHUSER
PERMIT IRR.DIGTCERT.LIST CLASS(FACILITY) ID(START1 NOBODY9) ACCESS(CONTROL)
RLIST FACILITY IRR.DIGTCERT.LIST AUTHUSER
DECK
expect_deck 8 '^dry run: permitted owner:WEB1 to FACILITY IRR.DIGTCERT.LIST at READ$'
[ "$(grep -c '^START1 *READ' "$scratch/deck.out")" -eq 2 ] || fail "what was refused has changed something: $(cat "$scratch/deck.out")"
! grep -q '^START1 *CONTROL' "$scratch/deck.out" || fail "half of a command was done: $(cat "$scratch/deck.out")"

say 'nobody is woken, and nothing is given away'
"$SIGNET_BIN" watch START1/KEY >"$scratch/watch.log" 2>&1 &
children+=("$!")
watch_begun "$!" "$scratch/watch.log"
sequence=$(signet ring show START1/KEY --json | jq .sequence)
deck_on_ring() {
    racdcert --dry-run <<'DECK'
RACDCERT ID(START1) GENCERT SUBJECTSDN(CN('other')) WITHLABEL('other') SIGNWITH(CERTAUTH LABEL('Own CA'))
RACDCERT ID(START1) CONNECT(LABEL('other') RING(KEY) DEFAULT)
RACDCERT ID(START1) EXPORT(LABEL('other')) DSN('OTHER.CERT')
RACDCERT ID(START1) DELETE(LABEL('web')) FORCE
RACDCERT ID(START1) DELRING(KEY)
DECK
}
unchanged deck_on_ring
expect_deck 0 '^dry run: .*OTHER.CERT'
[ ! -e OTHER.CERT ] || fail 'a dry run wrote a file'
[ "$(signet ring show START1/KEY --json | jq .sequence)" = "$sequence" ] || fail 'the ring has another number'
[ ! -s "$scratch/watch.log" ] || fail "a watcher was woken: $(cat "$scratch/watch.log")"
signet ring add START1/OTHER >/dev/null
signet ring connect START1/KEY CERTAUTH/'Own CA' --usage site >/dev/null
wait_for 10 test -s "$scratch/watch.log"

say 'whoever may not may not rehearse it'
if [ "$(id -u)" -eq 0 ]; then
    need setpriv
    cat >"$scratch/daemon.deck" <<'DECK'
RACDCERT ID(START1) LISTRING(*)
RACDCERT ID(START1) LIST(LABEL('web'))
RACDCERT ID(WEB1) LISTRING(*)
RACDCERT ID(START1) ADDRING(MINE)
RACDCERT ID(START1) GENCERT SUBJECTSDN(CN('mine')) WITHLABEL('mine')
RACDCERT CERTAUTH GENCERT SUBJECTSDN(CN('My CA')) WITHLABEL('My CA')
RACDCERT CERTAUTH LIST(LABEL('Own CA'))
PERMIT IRR.DIGTCERT.GENCERT CLASS(FACILITY) ID(START1) ACCESS(CONTROL)
DECK
    # as_daemon [OPTION]…: the deck, by a user who is no administrator
    as_daemon() {
        setpriv --reuid=daemon --regid=daemon --clear-groups "$RACDCERT_BIN" "$@" <"$scratch/daemon.deck" 2>&1 || echo "return code $?"
    }
    for owners in none START1; do
        [ "$owners" = none ] || signet owner attach START1 daemon >/dev/null
        as_daemon --dry-run >"$scratch/daemon.dry"
        as_daemon >"$scratch/daemon.did"
        grep -q 'not authorised: ' "$scratch/daemon.did" || fail "nothing was denied: $(cat "$scratch/daemon.did")"
        diff <(masked "$scratch/daemon.dry") <(masked "$scratch/daemon.did") || fail "a rehearsal allows $owners something else"
    done
fi

say 'one connection, one user, a few in all'
cat >"$scratch/client.py" <<'PY'
import http.client, json, os, socket, sys, time

patience = int(os.environ.get("SIGNET_PATIENCE", "1"))

class Client(http.client.HTTPConnection):
    """A connection to the service that is kept."""
    def __init__(self):
        super().__init__("localhost", timeout=20 * patience)
        self.connect()
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["SIGNET_SOCKET"])
    def ask(self, target, body=None):
        self.request("GET" if body is None else "POST", "/v1/" + target, None if body is None else json.dumps(body))
        answer = self.getresponse()
        return answer.status, json.loads(answer.read())
    def open(self):
        status, answer = self.ask("rehearsal/open")
        assert status == 200, answer
        return answer["rehearsal"]

def code(answer):
    return answer[1].get("error", {}).get("code", "done")

def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: {got}, not {wanted}")

mine, other = Client(), Client()
name = mine.open()
expect("a second one", code(other.ask("rehearsal/open")), "rehearsal_open")
expect("over another connection", code(other.ask("status?rehearsal=" + name)), "rehearsal_gone")
expect("changing over another", code(other.ask("ring/add?rehearsal=" + name, {"ring": "START1/X"})), "rehearsal_gone")
expect("closing over another", code(other.ask("rehearsal/close?rehearsal=" + name)), "rehearsal_gone")
expect("rehearsed", code(mine.ask("ring/add?rehearsal=" + name, {"ring": "START1/X"})), "done")
expect("rehearsed again", code(mine.ask("ring/add?rehearsal=" + name, {"ring": "START1/X"})), "ring_exists")
expect("one within", code(mine.ask("rehearsal/open?rehearsal=" + name)), "not_rehearsed")
expect("a wait within", code(mine.ask("ring/wait?sequence=0&ring=START1/X&rehearsal=" + name)), "not_rehearsed")
expect("a login within", code(mine.ask("token/login?rehearsal=" + name, {"token": "softhsm"})), "not_rehearsed")
expect("really", code(mine.ask("ring/show?ring=START1/X")), "ring_not_found")
start = time.time()
expect("others go on", code(other.ask("ring/add", {"ring": "START1/Y"})), "done")
if time.time() - start > 5 * patience:
    sys.exit("a rehearsal holds others up")
expect("not seen", code(mine.ask("ring/show?ring=START1/Y&rehearsal=" + name)), "ring_not_found")
expect("not lost", code(other.ask("ring/show?ring=START1/Y")), "done")
expect("outdated", mine.ask("rehearsal/close?rehearsal=" + name)[1]["changed"], True)
expect("over", code(mine.ask("ring/add?rehearsal=" + name, {"ring": "START1/X"})), "rehearsal_gone")
name = mine.open()
mine.close()
for _ in range(50 * patience):  # it ends as soon as the service sees the end of the connection
    answer = other.ask("rehearsal/open")
    if answer[0] == 200:
        break
    time.sleep(0.1)
expect("after the first one's end", code(answer), "done")
expect("the first one's name", code(other.ask("status?rehearsal=" + name)), "rehearsal_gone")
if os.geteuid() == 0:
    said, say = os.pipe()
    ends, end = os.pipe()
    for uid in range(20001, 20007):
        if os.fork() == 0:
            os.close(end)
            os.setuid(uid)
            client = Client()
            answer = client.ask("rehearsal/open")
            os.write(2, (code(answer) + "\n").encode())
            os.write(say, b"x")
            os.read(ends, 1)  # holds it until all have asked
            os._exit(0 if answer[0] == 200 else 4)
        os.read(said, 1)
    os.close(end)
    codes = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(6)]
    expect("five of six, beside root's", sorted(codes), [0, 0, 0, 0, 0, 4])
PY
python3 "$scratch/client.py" 2>"$scratch/client.err" || fail "$(cat "$scratch/client.err")"

say 'a rehearsal that is refused is not taken for one'
python3 - >"$scratch/held" <<'PY' &
import http.client, os, socket, time
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(os.environ["SIGNET_SOCKET"])
connection.request("GET", "/v1/rehearsal/open")
print(connection.getresponse().read(), flush=True)
time.sleep(60)
PY
holder=$!
children+=("$holder")
wait_for 10 test -s "$scratch/held"
unchanged deck_on_ring
expect_deck 12 'you have a rehearsal already'
[ "$(grep -c 'you have a rehearsal already' "$scratch/deck.err")" -eq 1 ] || fail 'the deck went on without a rehearsal'
kill -9 "$holder"
again() { deck_on_ring && [ "$status" -eq 0 ]; }
wait_for 10 again
racdcert --dry-run 'ID(START1) ADDRING(SINGLE)'
expect_deck 0 '^dry run: created ring START1/SINGLE$'
! grep -q '^note: dry run' "$scratch/deck.err" || fail 'a single command opened a rehearsal'

say 'it waits for its turn, and not for ever'
stopped=$(pids_of signet-token0.0)
kill -STOP "$stopped"
signet cert generate START1/slow --subject CN=slow --key ec:p256 >"$scratch/slow.log" 2>&1 &
slow=$!
sleep 0.5
printf 'RACDCERT ID(START1) ADDRING(LATER)\n' | "$RACDCERT_BIN" --dry-run >"$scratch/later.log" 2>&1 &
later=$!
children+=("$slow" "$later")
sleep 0.5
kill -0 "$later" || [ "$(logged 'event=process_hangs .*in=silence')" -ge 1 ] || fail "the dry run did not wait: $(cat "$scratch/later.log")"
kill -CONT "$stopped"
wait "$slow" || true # it may have taken too long
wait "$later" || fail "the dry run ended with $?: $(cat "$scratch/later.log")"
grep -q '^dry run: created ring START1/LATER$' "$scratch/later.log" || fail "$(cat "$scratch/later.log")"
expect_ready

say 'a service that rehearses nothing does nothing'
python3 - "$scratch/old.sock" >"$scratch/old.log" 2>&1 <<'PY' &
import http.server, json, os, socketserver, sys

class Old(http.server.BaseHTTPRequestHandler):
    """What a service of before says to every request."""
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        error = {"code": "unknown_route", "status": "not_found", "text": "there is no such route", "hint": "", "object": ""}
        body = json.dumps({"error": error}).encode()
        self.send_response(404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        print(self.command, self.path, flush=True)
    do_POST = do_GET
    def log_message(self, *_):
        pass
    def address_string(self):
        return "-"

socketserver.UnixStreamServer(sys.argv[1], Old).serve_forever()
PY
children+=("$!")
wait_for 10 test -S "$scratch/old.sock"
racdcert --dry-run --socket "$scratch/old.sock" <"$scratch/whole.deck"
expect_deck 12 'older than this command'
[ "$(cat "$scratch/old.log")" = 'GET /v1/rehearsal/open' ] || fail "it was asked more: $(cat "$scratch/old.log")"

say 'a key that would leave its token does not in a rehearsal'
sed -i 's|^\[token softhsm\]|&\nextractable_allowed = yes|' "$instance/signet.conf"
restart
expect_ready
signet cert generate START1/free --subject CN=free --extractable >/dev/null
key_deck() {
    racdcert --dry-run <<'DECK'
RACDCERT ID(START1) EXPORT(LABEL('free')) DSN('FREE.P12') FORMAT(PKCS12DER) PASSWORD('Secret-1')
RACDCERT CHECKCERT('free.p12')
RACDCERT ID(WEB1) ADD('free.p12') PASSWORD('Secret-1') WITHLABEL('free')
RACDCERT ID(START1) EXPORT(LABEL('web')) DSN('FREE.P12') FORMAT(CERTB64)
RACDCERT CHECKCERT('FREE.P12')
DECK
}
unchanged key_deck
expect_deck 8 '^dry run: wrote ./FREE.P12: a private key and 1 certificate$'
[ "$(grep -c 'is known only when the deck really' "$scratch/deck.err")" -eq 2 ] || fail "$(cat "$scratch/deck.out" "$scratch/deck.err")"
grep -q '^  Label: web' "$scratch/deck.out" || fail 'what was written over it is not read'
[ "$(logged private_key_exported)" -eq 0 ] || fail 'a private key has left its token'

say 'and nothing is left behind'
expect_ready
expect_keys_agree
