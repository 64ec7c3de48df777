# shellcheck shell=bash
# What the tests of the whole service share: an instance of its own, looked at from outside. Sourced.
# ctest sets SIGNET_BIN, SIGNETD_BIN and DAEMON_CLIENT.
# shellcheck source=tests/consumers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../consumers/lib.sh"
need pkcs11-tool pgrep curl
: "${DAEMON_CLIENT:?set it to the daemon_client program under test}"

# Nothing may be left running.
ended() {
    local status=$?
    set +e
    "$SIGNET_BIN" dev down "$instance" >/dev/null 2>&1
    if pgrep -f -- "signetd --config $scratch/"; then
        echo 'FAILED: signetd was left running'
        status=1
    fi
    (exit "$status")
    finish
}
trap ended EXIT

restart() {
    signet dev down "$instance" >/dev/null
    local status=0
    signet dev up "$instance" >"$scratch/up.log" 2>&1 || status=$?
    # 6: it runs, and its token is not ready, which some tests want
    [ "$status" -eq 0 ] || [ "$status" -eq 6 ] || fail "dev up ended with $status: $(cat "$scratch/up.log")"
}

# refused STATUS CODE TEXT WORD…: signet ends with this status, this code and a sentence that fits (extended regular
# expression). Whatever it says, it says on lines without control characters.
refused() {
    local status=$1 code=$2 text=$3 got=0
    shift 3
    signet "$@" --json >"$scratch/refused" 2>"$scratch/refused.err" || got=$?
    [ "$got" -eq "$status" ] || fail "'$*' ended with $got, not $status: $(head -c 600 "$scratch/refused" "$scratch/refused.err")"
    expect_code "$code" "$*"
    grep -qE -- "$text" "$scratch/refused" || fail "'$*' did not say '$text': $(head -c 600 "$scratch/refused")"
    ! LC_ALL=C grep -q '[[:cntrl:]]' "$scratch/refused" || fail "'$*' printed control characters"
}

# expect_code CODE WHAT: in $scratch/refused
expect_code() {
    grep -q "\"code\": *\"$1\"" "$scratch/refused" || fail "'$2' has another code than $1: $(head -c 600 "$scratch/refused")"
}

# ---- what the service says of itself ----

# is_token STATE: for wait_for
is_token() {
    [ "$(token_state 2>/dev/null)" = "$1" ]
}

# number NAME: a number in the status.
number() {
    signet status --json | sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" | head -n 1
}

condition() {
    signet status --json | sed -n 's/^  "state": "\(.*\)",*/\1/p'
}

token_state() {
    signet token list --json | sed -n 's/.*"state": "\(.*\)",*/\1/p'
}

is_ready() {
    [ "$(condition)" = ready ] && [ "$(number processes)" -eq "$(token_processes)" ] && is_token ready
}

expect_ready() {
    wait_for 20 is_ready
}

# Nothing of an interrupted or failed operation is left to be done.
is_settled() {
    [ "$(number unsettled_intents)" -eq 0 ]
}

# How many processes serve rings.
token_processes() {
    local set
    set=$(sed -n 's/^processes = //p' "$instance/signet.conf")
    echo "${set:-$(nproc)}" # as many as it may use
}

# Everything that a refused operation must leave as it was.
everything() {
    signet status --json | sed -n '/"store"/,/}/p'
    signet owner list --json
    signet cert list --json
    signet ring list --json
    objects_in_token
}

remember() {
    everything >"$scratch/before"
}

expect_unchanged() {
    everything >"$scratch/after"
    cmp -s "$scratch/before" "$scratch/after" || fail "something changed after $*: $(diff "$scratch/before" "$scratch/after" | head -n 8)"
}

# ---- what others see ----

module_of() {
    sed -n 's/^module = "\(.*\)"/\1/p' "$instance/signet.conf"
}

# The token as the vendor's own programs see it: a copy of it, so that nobody is disturbed. [OPTION of pkcs11-tool]…
look_into_token() {
    rm -rf "$instance.copy"
    cp -a "${token_directory:-$instance/token}" "$instance.copy"
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$instance.copy" >"$instance.copy.conf"
    SOFTHSM2_CONF=$instance.copy.conf PIN=$(cat "${pin_file:-$instance/pin}") pkcs11-tool --module "$(module_of)" \
        --token-label signet --login --pin env:PIN "$@" 2>"$instance.copy.err" || fail "pkcs11-tool: $(cat "$instance.copy.err")"
}

objects_in_token() {
    look_into_token -O | sed -n 's/^\(Private\|Public\|Certificate\).*/\1/p;s/^  \(label\|ID\): */\1 /p'
}

keys_in_token() {
    look_into_token -O --type privkey | grep -c '^Private Key Object' || true
}

# What the service lists, the token holds, and nothing else.
expect_keys_agree() {
    local listed held
    listed=$(number keys) held=$(keys_in_token)
    [ "$listed" -eq "$held" ] || fail "the store knows $listed keys, the token holds $held"
    [ "$(number unsettled_intents)" -eq 0 ] || fail "$(number unsettled_intents) intents are not settled"
}

# The master's children by the beginning of their name: signet-control, signet-token …
pids_of() {
    local pid
    for pid in $(pgrep -P "$(cat "$instance/signetd.pid")"); do
        if grep -q "^$1" "/proc/$pid/comm" 2>/dev/null; then echo "$pid"; fi
    done
}

# kill_all NAME: all that pids_of finds, at once.
kill_all() {
    pids_of "$1" | xargs -r kill -9
}

logged() {
    grep -c -- "$1" "$instance/signetd.log" || true
}

# ---- signet watch ----

# rests PID: it is connected to the service, sleeps, and is not woken for a moment.
rests() {
    local before
    [ -n "$(find "/proc/$1/fd" -lname 'socket:*' -print -quit)" ] && grep -q '^State:[[:space:]]*S' "/proc/$1/status" || return 1
    before=$(switches_of "$1")
    sleep 0.1
    [ "$before" = "$(switches_of "$1")" ]
}
switches_of() {
    sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' "/proc/$1/status"
}

# waits_or_ended PID LOG: for wait_for; or it has said that it tries again
waits_or_ended() {
    ! kill -0 "$1" 2>/dev/null || grep -q 'trying again' "$2" || rests "$1"
}

# watch_begun PID LOG: a change from now on is one that this watch sees. What it has asked for is answered before what is asked after it.
watch_begun() {
    wait_for 10 waits_or_ended "$@"
    signet status >/dev/null 2>&1 || true
    wait_for 10 waits_or_ended "$@"
    kill -0 "$1" 2>/dev/null || fail "watch ended: $(cat "$2")"
}

# ---- clients that stay attached (daemon_client.c) ----

# clients_attach RING LABEL COUNT
clients_attach() {
    clients_detach
    coproc CLIENTS { exec "$DAEMON_CLIENT" "$client_module" "START1/$1" "$2" "$3" 2>"$scratch/clients.log"; }
    children+=("$CLIENTS_PID")
    clients_read ready "$3"
}

clients_detach() {
    if [ -n "${CLIENTS_PID-}" ]; then
        kill "$CLIENTS_PID" 2>/dev/null || true
        wait "$CLIENTS_PID" 2>/dev/null || true
    fi
}

# clients_read ANSWER COUNT: everybody's answer.
clients_read() {
    local line expected=''
    read -r -t "$(patiently 60)" line <&"${CLIENTS[0]}" || fail "no answer from the clients: $(cat "$scratch/clients.log")"
    expected=$(for _ in $(seq "$2"); do printf '%s ' "$1"; done)
    [ "$line" = "${expected% }" ] || fail "the clients say '$line', not '$expected'"
}

# clients_expect VERB ANSWER COUNT
clients_expect() {
    echo "$1" >&"${CLIENTS[1]}"
    clients_read "$2" "$3"
}

# as_seen OWNER/LABEL CATEGORY: the certificate that is stored now, as the verb "certificates" says it.
as_seen() {
    local hash
    hash=$(signet cert export "$1" --format der | sha256sum)
    echo "${1#*/}:${hash:0:8}:$2"
}

# START1/LABEL, self-signed, the default of START1/RING.
ring_with_key() {
    signet cert generate "START1/$2" --subject "CN=$2" --key ec:p256 >/dev/null
    signet ring add "START1/$1" >/dev/null
    signet ring connect "START1/$1" "START1/$2" --default >/dev/null
}
