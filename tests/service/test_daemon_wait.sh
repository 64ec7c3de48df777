#!/usr/bin/env bash
# An operation waits for a token that does not answer. Meanwhile the service says how it is, keys sign, clients attach, a killed
# signing process comes back; requests wait their turn; and the service ends when it is told to.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
need openssl

instance_up
signet dev down "$instance" >/dev/null
sed -i 's/^\[token softhsm\]/&\nextractable_allowed = yes/' "$instance/signet.conf"
restart
signet owner add START1 >/dev/null
ring_with_key WEB web
clients_attach WEB web 2

# within MILLISECONDS COMMAND…: it must succeed, and soon.
within() {
    local start limit took
    limit=$(patiently "$1")
    shift
    start=$(date +%s%N)
    "$@" >"$scratch/within" 2>&1 || fail "'$*' ended with $?: $(head -c 400 "$scratch/within")"
    took=$((($(date +%s%N) - start) / 1000000))
    [ "$took" -le "$limit" ] || fail "'$*' took $took ms"
}

# generate NAME: in the background; sets waiting.
generate() {
    signet cert generate "START1/$1" --subject "CN=$1" >"$scratch/$1.log" 2>&1 &
    waiting=$!
    children+=("$waiting")
    sleep 0.5
    kill -0 "$waiting" 2>/dev/null || was_too_slow || fail "cert generate did not wait: $(cat "$scratch/$1.log")"
}

# On a machine so busy that the five seconds passed all the same.
was_too_slow() {
    [ "$(logged 'event=process_hangs .*in=silence')" -ge 1 ]
}

# freeze NAME: the operations' process stands still, and an operation waits for it: for less than the five seconds after which the
# master would replace it.
freeze() {
    stopped=$(pids_of signet-token0.0)
    kill -STOP "$stopped"
    generate "$1"
}

# thaw NAME: and the operation succeeds; where the machine was too slow, at its second time.
thaw() {
    kill -CONT "$stopped" 2>/dev/null || true
    wait "$waiting" && return
    was_too_slow || fail "cert generate: $(cat "$scratch/$1.log")"
    wait_for 20 is_ready
    signet cert generate "START1/$1" --subject "CN=$1" >/dev/null
}

say 'a stopped operations process'
freeze zero
within 2000 signet status
grep -q 'ready' "$scratch/within" || fail "status says $(cat "$scratch/within")"
clients_expect sign ok 2
thaw zero
freeze one
within 3000 pkcs11-tool --module "$client_module" --list-slots
grep -q START1/WEB "$scratch/within" || fail 'a client that attaches sees no ring'
thaw one

say 'signing processes that are killed meanwhile come back meanwhile'
freeze two
kill_all signet-token0.1
kill_all signet-token0.2
clients_expect sign ok 2
within 2000 signet status
thaw two

say 'changes wait their turn, whoever only reads does not wait'
freeze first
within 2000 signet cert list START1
grep -q web "$scratch/within" || fail 'nothing is listed'
! grep -q first "$scratch/within" || fail 'what is not there yet is listed'
signet owner add LATER >"$scratch/later.log" 2>&1 &
later=$!
sleep 0.5
kill -0 "$later" || was_too_slow || fail 'owner add did not wait'
thaw first
wait "$later" || fail "owner add: $(cat "$scratch/later.log")"
within 2000 signet cert list START1
grep -q first "$scratch/within" || fail 'what is there is not listed'

say 'who wants a private key waits, and everybody gets the answer to the own question'
signet cert generate START1/out --subject CN=out --extractable >/dev/null
signet ring add START1/OUT >/dev/null
signet ring connect START1/OUT START1/out --default >/dev/null
(umask 077 && echo Kennwort-Zwiebel-77 >"$scratch/pw")
# key_of FILE: its public key.
key_of() {
    openssl pkcs12 -in "$1" -passin "file:$scratch/pw" -noenc -nocerts 2>/dev/null | openssl pkey -pubout
}
freeze meanwhile
signet cert export START1/out --format pkcs12 --password-file "$scratch/pw" --out "$scratch/cert.p12" >"$scratch/cert.log" 2>&1 &
cert=$!
signet ring export START1/OUT --format pkcs12 --with-key --password-file "$scratch/pw" --out "$scratch/ring.p12" >"$scratch/ring.log" 2>&1 &
ring=$!
children+=("$cert" "$ring")
sleep 0.5
{ kill -0 "$cert" && kill -0 "$ring"; } || was_too_slow || fail "an export did not wait: $(cat "$scratch/cert.log" "$scratch/ring.log")"
within 2000 signet cert export START1/out --format pem --out "$scratch/out.pem"
thaw meanwhile
wait "$cert" || fail "cert export: $(cat "$scratch/cert.log")"
wait "$ring" || fail "ring export: $(cat "$scratch/ring.log")"
public=$(openssl x509 -in "$scratch/out.pem" -noout -pubkey)
{ [ "$(key_of "$scratch/cert.p12")" = "$public" ] && [ "$(key_of "$scratch/ring.p12")" = "$public" ]; } || fail 'another key came out'
expect_keys_agree

say 'a stopped process that is killed under an operation'
stopped=$(pids_of signet-token0.0)
kill -STOP "$stopped"
generate second
kill -KILL "$stopped"
! wait "$waiting" || fail 'cert generate succeeded without its token'
grep -q 'did not answer' "$scratch/second.log" || fail "cert generate said: $(cat "$scratch/second.log")"
wait_for 20 is_ready
signet cert generate START1/second --subject CN=second >/dev/null
wait_for 20 is_settled
expect_keys_agree

say 'somebody waits for a ring to change'
sequence=$(signet ring show START1/WEB --json | sed -n 's/.*"sequence": *\([0-9]*\).*/\1/p')
within 3000 signet ring wait START1/WEB --sequence "$sequence" --wait-s 1 --json
grep -q '"changed": *false' "$scratch/within" || fail "it has changed: $(cat "$scratch/within")"
signet ring wait START1/WEB --sequence "$sequence" --wait-s 20 --json >"$scratch/wait.log" &
watcher=$!
sleep 0.3
signet ring add START1/OTHER >/dev/null
sleep 0.3
kill -0 "$watcher" || fail 'a change of another ring was taken for one of this'
within 2000 signet ring connect START1/WEB START1/second
wait "$watcher" || fail 'ring wait failed'
grep -q '"changed": *true' "$scratch/wait.log" || fail "it has not changed: $(cat "$scratch/wait.log")"
refused 2 ring_not_found 'START1/NONE' ring wait START1/NONE --sequence 1

say 'the service ends although an operation waits'
kill -STOP "$(pids_of signet-token0.0)"
generate third
within 10000 signet dev down "$instance"
! wait "$waiting" || fail 'cert generate succeeded without a service'
signet dev up "$instance" >/dev/null
expect_ready
! signet cert show START1/third >/dev/null 2>&1 || fail 'half of START1/third is there'
expect_keys_agree
