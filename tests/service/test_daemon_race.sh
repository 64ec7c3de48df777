#!/usr/bin/env bash
# Many commands at once for one name: one of them succeeds, the others are told why, and nothing is made twice.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"

instance_up
signet owner add START1 >/dev/null

# at_once COUNT CODE WORD…: exactly one of so many succeeds, the others end with status 3 and this code. "N" in a word: its number.
at_once() {
    local count=$1 code=$2 number pids=() winners=0 got
    shift 2
    for number in $(seq "$count"); do
        (trap - EXIT && signet "${@//@/$number}" --json >"$scratch/racer.$number" 2>&1) &
        pids+=("$!")
    done
    for number in $(seq "$count"); do
        got=0
        wait "${pids[$((number - 1))]}" || got=$?
        cp "$scratch/racer.$number" "$scratch/refused"
        case $got in
        0) winners=$((winners + 1)) winner=$number ;;
        3) expect_code "$code" "$*" ;;
        *) fail "racer $number of '$*' ended with $got: $(cat "$scratch/refused")" ;;
        esac
    done
    [ "$winners" -eq 1 ] || fail "$winners of $count succeeded: $*"
}

say 'twenty keys for one label'
before=$(keys_in_token)
at_once 20 label_in_use cert generate START1/same --subject 'CN=racer @' --key ec:p256
[ "$(keys_in_token)" -eq $((before + 1)) ] || fail "the token holds $(keys_in_token) keys"
expect_text "CN=racer $winner\$" signet cert show START1/same
expect_keys_agree

say 'twenty owners, rings and defaults of one name'
at_once 20 owner_exists owner add START2
at_once 20 ring_exists ring add START1/WEB
[ "$(signet ring list START1 --json | grep -c '"ring"')" -eq 1 ] || fail 'there is more than one ring'

say 'twenty labels at once, and twenty deletions of one'
pids=()
for number in $(seq 20); do
    (trap - EXIT && signet cert generate "START1/own $number" --subject "CN=own $number" --key ec:p256 >/dev/null) &
    pids+=("$!")
done
for pid in "${pids[@]}"; do wait "$pid" || fail 'a name of its own was refused'; done
[ "$(number certificates)" -eq 21 ] || fail "$(number certificates) certificates are listed"
expect_keys_agree
deleted=0
pids=()
for number in $(seq 20); do
    (trap - EXIT && signet cert delete 'START1/own 1' >/dev/null 2>&1) &
    pids+=("$!")
done
for pid in "${pids[@]}"; do
    got=0
    wait "$pid" || got=$?
    case $got in
    0) deleted=$((deleted + 1)) ;;
    2) ;;
    *) fail "a deletion ended with $got" ;;
    esac
done
[ "$deleted" -eq 1 ] || fail "$deleted deletions succeeded"
expect_keys_agree

say 'twenty answers for one request'
outside_ca_make "$scratch/ca"
signet cert add CERTAUTH "$scratch/ca/root.pem" "$scratch/ca/int.pem" >/dev/null
signet cert request START1/same --out "$scratch/same.csr" >/dev/null
outside_ca_sign "$scratch/ca" "$scratch/same.csr" "$scratch/same.pem"
at_once 20 certificate_exists cert add START1/same "$scratch/same.pem"
expect_keys_agree
