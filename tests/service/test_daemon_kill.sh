#!/usr/bin/env bash
# Control and the token processes are killed, one after the other, while certificates are made and added and clients sign: the
# clients see no error, and afterwards nothing is half-made: every listed key signs, the token holds no other ones.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"

instance_up
outside_ca_make "$scratch/ca"
signet owner add START1 >/dev/null
ring_with_key WEB web
signet cert add CERTAUTH "$scratch/ca/root.pem" >/dev/null

# Answers that wait to be added.
answers=8
for number in $(seq "$answers"); do
    signet cert generate "START1/add $number" --subject "CN=add $number" --key ec:p256 >/dev/null
    signet cert request "START1/add $number" --out "$scratch/add.csr" >/dev/null
    outside_ca_sign "$scratch/ca" "$scratch/add.csr" "$scratch/add.$number.pem"
done

# What an interrupted command may end with: 6 and 7 say that a process was gone, 3 that the one before was done after all.
is_excused() {
    case $1 in
    0 | 3 | 6 | 7) true ;;
    *) false ;;
    esac
}
generate() {
    local number=0 got
    while [ ! -e "$scratch/stop" ]; do
        number=$((number + 1)) got=0
        signet cert generate "START1/made $number" --subject "CN=made $number" --key ec:p256 >"$scratch/generate.out" 2>&1 || got=$?
        is_excused "$got" || cat "$scratch/generate.out" >>"$scratch/wrong"
        echo "$got" >>"$scratch/generated"
    done
}
add() {
    local number got
    for number in $(seq "$answers"); do
        got=1
        while [ "$got" -ne 0 ] && [ "$got" -ne 3 ]; do
            got=0
            signet cert add "START1/add $number" "$scratch/add.$number.pem" "$scratch/ca/int.pem" >"$scratch/add.out" 2>&1 || got=$?
            is_excused "$got" || cat "$scratch/add.out" >>"$scratch/wrong"
        done
        echo "$got" >>"$scratch/added"
        sleep 0.3
    done
}
# has_died NAME: it is killed, and the master has seen that. What dies together with control is not counted.
has_died() {
    kill_all "signet-$1" 2>/dev/null || true
    sleep 0.1
    [ "$(logged 'event=process_died.*signal=9')" -gt "$died" ]
}
kill_in_turn() {
    local name died
    for _ in 1 2 3 4 5; do
        for name in token0.1 token0.0 token0.2 control; do
            sleep "0.0$((RANDOM % 100))"
            died=$(logged 'event=process_died.*signal=9')
            wait_for 30 has_died "$name"
            echo "$name" >>"$scratch/killed"
            wait_for 30 is_ready
        done
    done
    touch "$scratch/killed.all"
}

say 'clients sign while everybody but rings is killed'
: >"$scratch/wrong"
sed -i 's/^\[token softhsm\]/&\nprocesses = 2/' "$instance/signet.conf"
restart
# What is undumpable shows its descriptors to root alone.
if [ "$(id -u)" -eq 0 ]; then
    [ "$(pids_of signet-token | wc -l)" -eq 3 ] || fail 'there are not three token processes'
    for pid in $(pids_of signet-control) $(pids_of signet-token); do
        [ -n "$(find "/proc/$pid/fd" -lname '*/signetd.lock' -print -quit)" ] || fail "$(cat "/proc/$pid/comm") does not hold the lock"
    done
fi
clients_attach WEB web 3
(trap - EXIT && generate) &
workers=("$!")
(trap - EXIT && add) &
workers+=("$!")
(trap - EXIT && kill_in_turn) &
workers+=("$!")
children+=("${workers[@]}")
rounds=0
while [ ! -e "$scratch/killed.all" ]; do
    clients_expect sign ok 3
    rounds=$((rounds + 1))
    kill -0 "${workers[2]}" 2>/dev/null || [ -e "$scratch/killed.all" ] || fail 'the service did not become ready again'
done
clients_expect sign ok 3
[ "$(wc -l <"$scratch/killed")" -eq 20 ] || fail "$(wc -l <"$scratch/killed") processes were killed"
[ "$(logged 'event=process_died.*signal=9')" -ge 20 ] || fail "only $(logged 'event=process_died.*signal=9') died"

say 'rings too: its clients end, the next ones are served'
kill_all signet-rings
wait_for 30 is_ready
clients_attach WEB web 1
clients_expect sign ok 1
wait "${workers[1]}" || fail 'adding did not end well'
touch "$scratch/stop"
wait "${workers[@]}" || fail 'making did not end well'
[ ! -s "$scratch/wrong" ] || fail "a command failed in an unexpected way: $(head -n 5 "$scratch/wrong")"
echo "$rounds rounds of signatures, $(grep -c '^0' "$scratch/generated") of $(wc -l <"$scratch/generated") certificates made"
[ "$(grep -c '^0' "$scratch/generated")" -gt 5 ] || fail 'hardly anything was made'

check_all() {
    local label issued
    expect_ready
    expect_keys_agree
    signet cert list START1 --json | sed -n 's/.*"label": "\(.*\)",*/\1/p' >"$scratch/labels"
    [ "$(wc -l <"$scratch/labels")" -eq "$(number keys)" ] || fail 'not every certificate has its key'
    while read -r label; do
        signet cert request "START1/$label" >/dev/null 2>"$scratch/request.err" || fail "the key of $label: $(cat "$scratch/request.err")"
    done <"$scratch/labels"
    issued=$(signet cert list START1 --json | grep -c '"issuer": "CN=Outside Intermediate' || true)
    [ "$issued" -eq "$answers" ] || fail "$issued of $answers answers were added"
}
say 'nothing is half-made'
check_all
restart
check_all
