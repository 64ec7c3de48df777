#!/usr/bin/env bash
# An interrupted gate leaves nothing: neither its place nor what a test had started that was killed itself.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/build/logs"
ln -s "$top/tests" "$top/scripts" "$scratch/"

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# What a test leaves that is killed: a process of another session, and a directory.
cat >"$scratch/killed" <<'PROGRAM'
#!/bin/bash
mkdir "$TMPDIR/left"
setsid bash -c 'exec -a "signetd --config $TMPDIR/left/signet.conf" sleep 300' >/dev/null 2>&1 &
printf '%s\n' "$TMPDIR" "$!" >started && mv started ready
[ "$1" = fails ] || sleep 300
exit 1
PROGRAM
chmod 755 "$scratch/killed"

# gate HOW [SIGNAL]: it is run, interrupted at its terminal when a signal is named, and leaves nothing.
gate() {
    local how=$1 signal=${2-} gate status=0 place process
    rm -f "$scratch/ready"
    # shellcheck disable=SC2016 # the gate's dollar
    (cd "$scratch" && exec setsid bash -c '. scripts/lib/gate.sh; step killed ./killed "$1"; gate_finish' gate "$how") >"$scratch/out" 2>&1 &
    gate=$!
    for _ in $(seq 600); do
        [ ! -e "$scratch/ready" ] || break
        sleep 0.1
    done
    { read -r place && read -r process; } <"$scratch/ready" || fail "nothing was started: $(cat "$scratch/out")"
    [ -z "$signal" ] || kill "-$signal" -- "-$gate"
    wait "$gate" || status=$?
    [ "$status" -eq 1 ] || fail "it ended with $status: $(cat "$scratch/out")"
    ! kill -0 "$process" 2>/dev/null || fail "$process was left running"
    [ ! -e "$place" ] || fail "$place was left"
}

echo '== a test that failed'
gate fails
grep -q '^0 passed, 1 failed$' "$scratch/out" || fail "it says $(cat "$scratch/out")"
echo '== interrupted'
gate stays INT
! grep -q passed "$scratch/out" || fail "an interrupted gate counts: $(cat "$scratch/out")"
echo '== ended'
gate stays TERM
