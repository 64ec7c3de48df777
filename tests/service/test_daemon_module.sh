#!/usr/bin/env bash
# The vendor's module crashes, hangs, loses its device, runs out of sessions and lies, under clients that stay attached: what
# another process can make good they do not see, what nobody can make good they hear of in time, and nobody else notices.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
: "${WRAP_MODULE:?set it to the misbehaving module}"
need softhsm2-util

orders=$scratch/orders
: >"$orders"
order() {
    printf '%s\n' "$@" >"$orders"
}

# A second token beside the first one, with the real module.
other_token() {
    mkdir -m 700 "$scratch/other"
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$scratch/other" >"$scratch/other.conf"
    SOFTHSM2_CONF=$scratch/other.conf softhsm2-util --init-token --free --label other --so-pin 12345678 --pin 987654 >/dev/null
    (umask 077 && echo 987654 >"$scratch/other.pin")
    cat >>"$instance/signet.conf" <<EOF
[token other]
module = /usr/lib/softhsm/libsofthsm2.so
label = other
pin_file = $scratch/other.pin
storage = $scratch/other
environment = SOFTHSM2_CONF=$scratch/other.conf
processes = 1
EOF
}

# set_token LINE…: in the section of the first token, instead of what was there.
set_token() {
    local line name
    for line in "$@"; do
        name=${line%% *}
        [ "$name" = environment ] || sed -i "/^\[token other\]/,\$!{/^$name = /d}" "$instance/signet.conf"
        sed -i "0,/^label = .*/s||&\n$line|" "$instance/signet.conf"
    done
}

instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web
other_token
set_token "module = \"$WRAP_MODULE\"" "environment = WRAP_ORDERS=$orders" "environment = WRAP_LOG=$scratch/logins" 'processes = 2' \
    'use_deadline_s = 2' 'login_deadline_s = 3'
restart
signet cert generate START1/aside --subject CN=aside --key ec:p256 --token other >/dev/null
signet ring add START1/ASIDE >/dev/null
signet ring connect START1/ASIDE START1/aside --default >/dev/null
first_token() {
    signet token list --json | sed -n '/"name": "softhsm"/,/}/s/.*"state": "\(.*\)",*/\1/p'
}
is_first() {
    [ "$(first_token 2>/dev/null)" = "$1" ] && [ "$(first_processes)" -eq "$2" ]
}
serve() {
    [ "$(first_processes)" -eq "$1" ]
}
first_processes() {
    signet token list --json | sed -n '/"name": "softhsm"/,/}/s/.*"processes": \([0-9]*\).*/\1/p'
}

# aside: somebody new on the other token attaches and signs, in less than 3 s
aside() {
    local begin=$SECONDS got
    got=$(echo sign | timeout "$(patiently 20)" "$DAEMON_CLIENT" "$client_module" START1/ASIDE aside 1 2>&1 | tail -n 1)
    [ "$got" = 'ok ' ] || fail "a client of the other token got '$got'"
    in_time 3 "$begin" || fail "a client of the other token waited $((SECONDS - begin)) s"
}

say 'a crash costs a delay'
clients_attach WEB web 4
for _ in 1 2 3 4 5; do
    order 'C_Sign crash once'
    clients_expect sign ok 4
done
has_crashed_five_times() { [ "$(logged 'process_died process=signet-token0.*signal=9')" -eq 5 ]; }
wait_for 10 has_crashed_five_times
wait_for 20 is_first ready 2

say 'a hang costs the configured time'
order 'C_Sign hang once'
begin=$SECONDS
echo sign >&"${CLIENTS[1]}"
sleep 0.5
aside
signet status >/dev/null
in_time 3 "$begin" || fail 'others waited for the hanging token'
clients_read ok 4
took=$((SECONDS - begin))
{ [ "$took" -ge 1 ] && [ "$took" -lt "$(patiently 8)" ]; } || fail "the hang took $took s"
[ "$(logged 'process_hangs process=signet-token0.* in=use limit_ms=2000')" -eq 1 ] || fail 'the log does not say that a process hangs'
wait_for 20 is_first ready 2

say 'a hang that repeats is told'
order 'C_Sign hang always'
begin=$SECONDS
echo sign >&"${CLIENTS[1]}"
sleep 1.5
aside
clients_read 0x30 4
in_time 30 "$begin" || fail "the answer took $((SECONDS - begin)) s"
order ''
wait_for 40 is_first ready 2
clients_attach WEB web 4
clients_expect sign ok 4

say 'who did not cause a death is not counted in'
set_token 'processes = 1'
restart
clients_attach WEB web 8
order 'C_Sign hang once' 'C_Sign hang once'
echo sign >&"${CLIENTS[1]}"
read -r -t "$(patiently 60)" line <&"${CLIENTS[0]}" || fail 'no answer'
[ "$(grep -o ok <<<"$line" | wc -l)" -ge 7 ] || fail "two hangs cost more than one client an error: $line"
wait_for 40 is_first ready 1

say 'a slow token for which many wait: nobody else waits for them, and nobody takes it for one that hangs'
set_token 'processes = 2' 'use_deadline_s = 20'
restart
clients_attach WEB web 30
clients_expect sign ok 30
signet cert generate START1/second --subject CN=second --key ec:p256 >/dev/null
signet ring add START1/SECOND >/dev/null
signet ring connect START1/SECOND START1/second --default >/dev/null
died=$(logged 'process_died')
order 'C_Sign slow always' # 100 ms
# at_once WHAT COMMAND…: while the 30 clients sign
at_once() {
    local what=$1 begin end
    shift
    begin=$(date +%s%N)
    "$@" >"$scratch/at_once" 2>&1 || fail "$what: $(cat "$scratch/at_once")"
    end=$(date +%s%N)
    say "$what took $(((end - begin) / 1000000)) ms"
    [ $((end - begin)) -lt "$(patiently 2500000000)" ] || fail "$what took $(((end - begin) / 1000000)) ms"
}
new_client() {
    echo find | timeout "$(patiently 20)" "$DAEMON_CLIENT" "$client_module" START1/SECOND second 1
}
sign_once() {
    echo sign | timeout "$(patiently 60)" "$DAEMON_CLIENT" "$client_module" START1/SECOND second 1
}
# others_while_signing ROUNDS: of 1.5 s and more each. False when nobody signed any longer at the end.
others_while_signing() {
    local begin
    for _ in $(seq "$1"); do echo sign; done >&"${CLIENTS[1]}"
    sleep 1
    at_once 'a new connection' new_client
    sign_once >"$scratch/sign_once" 2>&1 &
    signer=$!
    sleep 0.3
    at_once 'a change' signet ring connect START1/WEB START1/second
    at_once 'the status' signet status
    at_once 'a change back' signet ring remove START1/WEB START1/second
    kill -0 "$CLIENTS_PID" || fail 'the clients are gone'
    begin=$SECONDS
    for _ in $(seq "$1"); do
        clients_read ok 30
    done
    wait "$signer" || fail "a new client could not sign: $(cat "$scratch/sign_once")"
    [ $((SECONDS - begin)) -ge 3 ]
}
others_while_signing 6 || others_while_signing 24 || others_while_signing 48 || fail 'nobody signed meanwhile'
[ "$(logged 'process_died')" -eq "$died" ] || fail 'a process was killed that only had much to do'
printf 'sign\nsign\n' >&"${CLIENTS[1]}"
sleep 1
at_once 'what takes the key away' signet ring remove START1/WEB START1/web
for _ in 1 2; do
    read -r -t "$(patiently 60)" line <&"${CLIENTS[0]}" || fail 'no answer'
done
clients_expect sign 0x68 30
order ''
signet ring connect START1/WEB START1/web --default >/dev/null
sed -i '/^use_deadline_s = /d' "$instance/signet.conf"
set_token 'processes = 1' 'use_deadline_s = 2'
restart

say 'who works is busy, who has been at it for half of its time does not answer'
# told SEVERITY CODE TEXT: so says ring check
told() {
    { signet ring check START1/WEB --json || true; } | jq -e --arg severity "$1" --arg code "$2" --arg text "$3" \
        '.items[] | select(.severity == $severity and .code == $code and (.text | contains($text)))' >/dev/null
}
tokens_told() {
    signet ring check START1/WEB --json | jq '[.items[] | select(.code | startswith("token_"))] | length'
}
set_token 'use_deadline_s = 12'
restart
clients_attach WEB web 2
died=$(logged 'process_died')
order 'C_Sign late once' # 4 s
echo sign >&"${CLIENTS[1]}"
wait_for 3 told warning token_busy 'token "softhsm" is busy'
signet ring check START1/WEB --json | jq -e .ok >/dev/null || fail 'a ring whose token is busy is not ok'
signet explain "$(id -un)" use START1/WEB --certificate START1/web --json |
    jq -e '.items[] | select(.certificate == "START1/web") | .outcome == "token_busy" and .allowed' >/dev/null || fail 'explain does not say it'
signet provision nginx --ring START1/WEB 2>&1 >/dev/null | finds '^warning: programs wait for the key of START1/web now' ||
    fail 'provision does not say it'
[ "$(tokens_told)" = 1 ] || fail 'it was no longer so in the end'
clients_read ok 2
[ "$(tokens_told)" = 0 ] || fail 'it is told still'
[ "$(logged 'process_died')" -eq "$died" ] || fail 'a process was killed that was only late'
order 'C_Sign hang once'
echo sign >&"${CLIENTS[1]}"
wait_for 4 told warning token_busy 'is busy'
wait_for 10 told error token_unavailable 'does not answer'
clients_read ok 2
wait_for 40 is_first ready 1
sed -i "/^\[token other\]/,\$!{/^use_deadline_s = /d}" "$instance/signet.conf"
set_token 'use_deadline_s = 2'
restart

say 'lies about lengths'
clients_attach WEB web 2
for lie in long short; do
    order "C_Sign $lie always"
    clients_expect sign 0x30 2
    order ''
    clients_expect sign ok 2
done

say 'a signature that the token refuses is no proof that its user has changed over'
head -c 32 /dev/urandom >"$scratch/hash"
signs_with() {
    pkcs11-tool --module "$client_module" --token-label START1/ROLL --sign --label "$1" --mechanism ECDSA -i "$scratch/hash" \
        -o "$scratch/signature" >"$scratch/sign.log" 2>&1
}
roll_users() {
    signet rollover plan START1/roll --json | jq -c '.old_used_by | map([.new_last_used != null, .changed])'
}
ring_with_key ROLL roll
signs_with roll || fail "no signature: $(cat "$scratch/sign.log")"
signet rollover start START1/roll --label roll-2 >/dev/null
signet rollover switch START1/roll --self-signed >/dev/null
order 'C_Sign failed always'
sleep 1
! signs_with roll-2 || fail 'the token signed'
order ''
[ "$(roll_users)" = '[[false,false]]' ] || fail "the plan says $(roll_users)"
sleep 10
refused 3 key_in_use 'and that of START1/roll-2 not since' rollover finish START1/roll
signs_with roll-2 || fail "no signature: $(cat "$scratch/sign.log")"
[ "$(roll_users)" = '[[true,true]]' ] || fail "the plan says $(roll_users)"
signet rollover finish START1/roll >/dev/null

say 'it logs itself out'
order 'C_Sign logout once'
clients_expect sign ok 2
wait_for 20 is_first ready 1

say 'the device is lost, and comes back'
order '* removed always'
clients_expect sign 0x30 2
wait_for 20 serve 0
clients_expect sign 0x30 2
aside
[ "$(logged "ring_use_failed code=.* ck_rv=.* uid=$(id -u) pid=[1-9][0-9]* count=[1-9]")" -ge 1 ] || fail 'the log does not say why clients get an error'
tries=$(wc -l <"$scratch/logins")
sleep 12
[ "$(wc -l <"$scratch/logins")" -eq "$tries" ] || fail 'the PIN was sent to a token that is not there'
order ''
wait_for 60 is_first ready 1
clients_expect sign ok 2

say 'no sessions are left, then there are'
order 'C_OpenSession sessions always'
kill_all signet-token0
wait_for 20 is_first failed 0
expect_text 'SESSION_COUNT' signet token list
order ''
wait_for 60 is_first ready 1
clients_expect sign ok 2

say 'what cannot be destroyed keeps nothing else waiting'
signet cert generate START1/stuck --subject CN=stuck --key ec:p256 --token softhsm >/dev/null
signet cert generate START1/stuck2 --subject CN=stuck2 --key ec:p256 --token softhsm >/dev/null
order 'C_DestroyObject failed always'
expect_text 'could not follow at once' signet cert delete START1/stuck
expect_text 'could not follow at once' signet cert delete START1/stuck2
for i in 1 2 3; do
    signet cert generate "START1/more$i" --subject "CN=more$i" --key ec:p256 --token softhsm >/dev/null ||
        fail 'no key is made beside one that cannot be destroyed'
    sleep 2 # tried again meanwhile
done
[ "$(number unsettled_intents)" -ge 1 ] || fail 'a key that was not destroyed counts as settled'
order ''
wait_for 90 is_settled
wait_for 30 is_first ready 1
clients_expect sign ok 2

say 'an operation hangs, and whoever only reads does not wait for it'
sed -i "/^\[token other\]/,\$!{/^use_deadline_s = /d}" "$instance/signet.conf"
hangs_now() { grep -q '^#' "$orders"; }
reads() {
    timeout "$(patiently 3)" "$SIGNET_BIN" "$@" >"$scratch/read" 2>"$scratch/read.err" || fail "'signet $*' ended with $? while something hangs: $(cat "$scratch/read.err")"
}
# reads_while_operation_hangs SECONDS: false when it hung no longer at the end.
reads_while_operation_hangs() {
    local hung later words got=0 overtaken=no waited=no
    set_token 'use_deadline_s = 2' "call_deadline_s = $1"
    restart
    clients_attach WEB web 2
    order 'C_GenerateKeyPair hang once'
    signet cert generate START1/hung --subject CN=hung --key ec:p256 --token softhsm >"$scratch/hung.log" 2>&1 &
    hung=$!
    wait_for 10 hangs_now
    signet owner add "LATER$1" >"$scratch/later.log" 2>&1 &
    later=$!
    reads cert list
    ! grep -q hung "$scratch/read" || fail 'a certificate is listed that is not there yet'
    for words in status 'owner list' 'cert show START1/web' 'cert chain START1/web' 'ring list' 'ring show START1/WEB' 'token list' 'authority list' \
        'ring check START1/WEB' 'ring export START1/WEB --chain --format pem --out -' 'provision nginx --ring START1/WEB' 'rollover list' 'map list'; do
        # shellcheck disable=SC2086 # words
        reads $words
    done
    reads owner list
    ! grep -q "LATER$1" "$scratch/read" || overtaken=yes
    clients_expect sign ok 2
    if kill -0 "$hung" 2>/dev/null; then
        waited=yes
        kill -0 "$later" 2>/dev/null || fail 'a change did not wait for the operation that hangs'
        [ "$overtaken" = no ] || fail 'a change overtook the operation that hangs'
    fi
    wait "$hung" || got=$?
    [ "$got" -eq 6 ] || fail "the hanging operation ended with $got: $(cat "$scratch/hung.log")"
    wait "$later" || fail "what waited failed: $(cat "$scratch/later.log")"
    wait_for 40 is_first ready 1
    clients_expect sign ok 2
    [ "$waited" = yes ]
}
reads_while_operation_hangs 8 || reads_while_operation_hangs 30 || fail 'nobody waited'

say 'a login hangs, and whoever only reads does not wait for it'
# reads_while_login_hangs SECONDS: likewise
reads_while_login_hangs() {
    local words state
    set_token "login_deadline_s = $1"
    restart
    order 'C_Login hang once'
    kill_all signet-token0.0
    wait_for 20 hangs_now
    for words in status 'cert list' 'ring show START1/WEB' 'token list'; do
        # shellcheck disable=SC2086 # words
        reads $words
    done
    state=$(first_token)
    wait_for 40 is_first ready 1
    clients_attach WEB web 2
    clients_expect sign ok 2
    [ "$state" = starting ]
}
reads_while_login_hangs 8 || reads_while_login_hangs 30 || fail 'the token is not starting while its login hangs'

say 'a login is let go on until its deadline'
order 'C_Login hang once'
kill_all signet-token0.1
is_logging_in() { grep -q '^#' "$orders"; }
wait_for 20 is_logging_in
hung=$(pids_of signet-token0.1)
kill_all signet-control
sleep 1
kill -0 "$hung" || fail 'it was killed in its login'
wait_for 40 is_first ready 1
! kill -0 "$hung" 2>/dev/null || fail 'it hangs for ever'
clients_expect sign ok 2
