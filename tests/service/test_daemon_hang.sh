#!/usr/bin/env bash
# Rings or control that is stopped is found within its deadline, killed and started again, and the log says what it was at. Nobody is killed
# who comes by again in time.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
need openssl
: "${WRAP_MODULE:?set it to the misbehaving module}"

instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web
sed -i -e 's/^administrators/silence_deadline_s = 12\n&/' -e 's/^\[token softhsm\]/&\nextractable_allowed = yes/' "$instance/signet.conf"
restart
signet cert generate START1/out --subject CN=out --extractable >/dev/null
clients_attach WEB web 3
clients_expect sign ok 3

# hung PROCESS: how often the log says that it hangs.
hung() {
    logged "event=process_hangs process=$1 .*in=silence"
}
is_hung() {
    [ "$(hung "$1")" -gt "$2" ]
}
# within SECONDS BEGIN
within() {
    [ $((SECONDS - $2)) -le $(($1 * ${SIGNET_PATIENCE:-1})) ] || fail "it took $((SECONDS - $2)) s, not $1"
}
# Somebody new attaches and signs.
attaches() {
    [ "$(echo sign | timeout 60 "$DAEMON_CLIENT" "$client_module" START1/WEB web 1 2>&1 | tail -n 1)" = 'ok ' ]
}

say 'rings is frozen: those attached sign on, and somebody new waits until there is another one'
rings=$(pids_of signet-rings)
begin=$SECONDS
kill -STOP "$rings"
clients_expect sign ok 3
attaches || fail 'nobody can attach'
within 12 "$begin"
[ "$(hung signet-rings)" -eq 1 ] || fail 'the log does not say that rings hangs'
[ "$(pids_of signet-rings)" != "$rings" ] || fail 'rings is the same'
[ "$(logged 'process_hangs process=signet-rings .*limit_ms=3000 state=T .*no program can attach.*hint="Something stopped it')" -eq 1 ] ||
    fail "the log does not say what it was at: $(grep process_hangs "$instance/signetd.log")"
expect_ready
clients_attach WEB web 3
clients_expect sign ok 3

say 'rings is stopped for a moment, and goes on'
rings=$(pids_of signet-rings)
kill -STOP "$rings"
sleep 1
kill -CONT "$rings"
sleep 5
[ "$(pids_of signet-rings)" = "$rings" ] || fail 'rings was killed'
clients_expect sign ok 3

say 'control is frozen under clients that sign: they see no error, and who asks is answered by the next one'
control=$(pids_of signet-control)
begin=$SECONDS
kill -STOP "$control"
signet status >"$scratch/status" 2>&1 &
asks=$!
while ! is_hung signet-control 0; do
    clients_expect sign ok 3
    within 30 "$begin"
done
clients_expect sign ok 3
wait "$asks" && got=0 || got=$?
[ "$got" -eq 0 ] || [ "$got" -eq 7 ] || fail "status ended with $got: $(cat "$scratch/status")"
expect_ready
within 40 "$begin"
[ "$(pids_of signet-control)" != "$control" ] || fail 'control is the same'
[ "$(logged 'process_hangs process=signet-control .*limit_ms=12000 state=T .*no command is answered.*hint="Something stopped it')" -eq 1 ] ||
    fail "the log does not say what it was at: $(grep process_hangs "$instance/signetd.log")"
clients_expect sign ok 3
signet ring show START1/WEB >/dev/null
expect_keys_agree

say 'control is stopped for a while, and goes on'
control=$(pids_of signet-control)
kill -STOP "$control"
sleep 7
kill -CONT "$control"
sleep 3
[ "$(pids_of signet-control)" = "$control" ] || fail 'control was killed'
expect_ready
clients_expect sign ok 3

say 'everything stands still for longer than the deadlines, and nobody is blamed'
before=$(logged 'event=process_hangs')
master=$(cat "$instance/signetd.pid")
stopped=$(pids_of signet-)
# shellcheck disable=SC2086 # one word for each process
kill -STOP "$master" $stopped
sleep 14
kill -CONT "$master"
sleep 0.5
# shellcheck disable=SC2086
kill -CONT $stopped
sleep 4
[ "$(logged 'event=process_hangs')" -eq "$before" ] || fail 'a process was killed for a pause of the machine'
clients_expect sign ok 3

say 'an operation that waits for its token for longer than the deadline is no silence, and who wants a private key waits behind it'
orders=$scratch/orders
echo 'C_GenerateKeyPair hang once' >"$orders"
sed -i -e "s|^module = .*|module = \"$WRAP_MODULE\"|" -e "s|^label = .*|&\nenvironment = WRAP_ORDERS=$orders\ncall_deadline_s = 20|" "$instance/signet.conf"
restart
clients_attach WEB web 3
control=$(pids_of signet-control)
before=$(logged 'event=process_hangs process=signet-control')
begin=$SECONDS
got=0
(umask 077 && echo Kennwort-Zwiebel-77 >"$scratch/pw")
signet cert generate START1/late --subject CN=late --key ec:p256 >"$scratch/late.log" 2>&1 &
late=$!
sleep 1
signet cert export START1/out --format pkcs12 --password-file "$scratch/pw" --out "$scratch/out.p12" >"$scratch/out.log" 2>&1 &
out=$!
children+=("$late" "$out")
sleep 2
signet cert list START1 >/dev/null
wait "$late" || got=$?
[ "$got" -eq 6 ] || fail "the operation ended with $got: $(cat "$scratch/late.log")"
[ $((SECONDS - begin)) -ge 15 ] || fail "the operation took $((SECONDS - begin)) s only"
wait "$out" || fail "cert export ended with $?: $(cat "$scratch/out.log")"
openssl pkcs12 -in "$scratch/out.p12" -passin "file:$scratch/pw" -noenc -nocerts -out /dev/null 2>/dev/null || fail 'no private key came out'
[ "$(pids_of signet-control)" = "$control" ] || fail 'control was killed'
[ "$(logged 'event=process_hangs process=signet-control')" -eq "$before" ] || fail 'control was blamed'
clients_expect sign ok 3

say 'the status says that rings is silent before it is killed for it'
sed -i 's/^silence_deadline_s = .*/silence_deadline_s = 60/' "$instance/signet.conf"
restart
kill -STOP "$(pids_of signet-rings)"
is_silent() {
    signet status --json >"$scratch/status"
    grep -qE '"silent_s": 1[0-9]' "$scratch/status"
}
wait_for 20 is_silent
{ grep -q '"state": "silent"' "$scratch/status" && grep -q '"state": "degraded"' "$scratch/status"; } || fail "the status says: $(cat "$scratch/status")"
is_replaced() {
    signet status --json >"$scratch/status"
    grep -qE '"restarts": 1' "$scratch/status"
}
wait_for 20 is_replaced
expect_ready
