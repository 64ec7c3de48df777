#!/usr/bin/env bash
# Eight instances side by side: each has a token, sockets and names of its own, and nothing of one is seen or ended by another.
# shellcheck source=tests/service/daemon_lib.sh
# shellcheck disable=SC2030,SC2031 # a subshell for each instance is what is meant
. "$(dirname "$0")/daemon_lib.sh"
# A second trap: all eight end, however this does.
instances=8
finish_all() {
    local status=$? number
    set +e
    for number in $(seq "$instances"); do
        "$SIGNET_BIN" dev down "$scratch/i$number" >/dev/null 2>&1
    done
    (exit "$status")
    ended
}
trap finish_all EXIT

# in_instance NUMBER COMMAND…
in_instance() {
    local dir=$scratch/i$1
    shift
    (trap - EXIT && mkdir -p "$dir.d" && eval "$(signet dev env "$dir")" && instance=$dir scratch=$dir.d && "$@")
}
at_once() {
    local number pids=()
    for number in $(seq "$instances"); do
        "$@" "$number" >"$scratch/at_once.$number.log" 2>&1 &
        pids+=("$!")
    done
    for number in $(seq "$instances"); do
        wait "${pids[$((number - 1))]}" || fail "$1 of instance $number: $(cat "$scratch/at_once.$number.log")"
    done
}
up() {
    trap - EXIT
    signet dev up "$scratch/i$1"
}
fill() {
    trap - EXIT
    in_instance "$1" signet owner add START1
    in_instance "$1" ring_with_key WEB web
    in_instance "$1" signet cert generate "START1/only $1" --subject "CN=only $1" --key ec:p256
}
alone() {
    trap - EXIT
    in_instance "$1" expect_ready
    in_instance "$1" expect_keys_agree
    [ "$(in_instance "$1" number keys)" -eq 2 ] || fail "instance $1 has $(in_instance "$1" number keys) keys"
    in_instance "$1" expect_text "CN=only $1\$" signet cert show "START1/only $1"
    in_instance "$1" sign_in_ring
}
sign_in_ring() {
    head -c 32 /dev/urandom >"$instance.hash"
    pkcs11-tool --module "$client_module" --token-label START1/WEB --sign --label web --mechanism ECDSA -i "$instance.hash" \
        -o "$instance.signature" 2>/dev/null
    [ -s "$instance.signature" ] || fail "$instance signs nothing"
}
serial_of() {
    SOFTHSM2_CONF=$instance/softhsm2.conf pkcs11-tool --module "$(module_of)" -L 2>/dev/null | sed -n 's/^ *serial num *: *//p' | head -n 1
}
left_of() {
    pgrep -f -- "$1/" || true
}

say 'eight go up, work and do not see each other'
at_once up
at_once fill
at_once alone
for number in $(seq "$instances"); do
    in_instance "$number" serial_of >>"$scratch/serials"
    in_instance "$number" printenv SIGNET_SOCKET P11_KIT_SERVER_ADDRESS >>"$scratch/sockets"
done
[ "$(sort -u "$scratch/serials" | wc -l)" -eq "$instances" ] || fail "tokens share serial numbers: $(cat "$scratch/serials")"
[ "$(sort -u "$scratch/sockets" | wc -l)" -eq $((2 * instances)) ] || fail 'instances share sockets'
expect_failure 3 'START1/WEB|exists' in_instance 1 signet ring add START1/WEB

say 'one goes down, or dies: the other seven stay'
signet dev down "$scratch/i1" >/dev/null
[ -z "$(left_of "$scratch/i1")" ] || fail "dev down left $(ps -o args= -p "$(left_of "$scratch/i1")")"
expect_failure 7 'cannot reach' in_instance 1 signet status
kill -9 "$(cat "$scratch/i2/signetd.pid")"
none_of_second() { [ -z "$(left_of "$scratch/i2/signet.conf")" ]; }
wait_for 10 none_of_second
for number in 3 8; do in_instance "$number" sign_in_ring; done
signet dev up "$scratch/i1" >/dev/null
signet dev up "$scratch/i2" >/dev/null
at_once alone

say 'all go down: nothing is left'
down() {
    trap - EXIT
    signet dev down "$scratch/i$1"
}
at_once down
for number in $(seq "$instances"); do
    [ -z "$(left_of "$scratch/i$number")" ] || fail "dev down left $(left_of "$scratch/i$number")"
    [ -z "$(find "$scratch/i$number" -type s)" ] || fail "a socket is left: $(find "$scratch/i$number" -type s)"
done
[ -z "$(left_of "$scratch")" ] || fail "left: $(left_of "$scratch")"
signet dev down "$scratch/i1" | finds 'nothing was running' || fail 'a second dev down'
