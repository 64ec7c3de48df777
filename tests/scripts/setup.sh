#!/usr/bin/env bash
# scripts/setup by somebody who is not root: what it says when it cannot become root, that it never waits for a password that nobody can
# type, and that sudo is not asked when nothing is missing. Installs nothing: dpkg-query, id and sudo are this test's own.
set -euo pipefail
unset http_proxy https_proxy ftp_proxy no_proxy CI
setup=$(cd "$(dirname "$0")/../.." && pwd)/scripts/setup
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
timeout=$(command -v timeout)
mkdir "$scratch/bin"

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# program NAME: what is on standard input
program() {
    { printf '#!/bin/bash\nscratch=%q\n' "$scratch" && cat; } >"$scratch/bin/$1"
    chmod 755 "$scratch/bin/$1"
}
for name in bash cat sed env mktemp rm; do
    ln -s "$(command -v "$name")" "$scratch/bin/$name"
done
program id <<<'echo 1000'
program dpkg-query <<'PROGRAM'
[ -e "$scratch/complete" ] || [ "${!#}" != jq ] && printf installed
PROGRAM
# The file "sudo" says what this user's sudo does: nothing asked (free), a password, or refused after it.
sudo_is() {
    echo "$1" >"$scratch/sudo"
    program sudo <<'PROGRAM'
mode=$(cat "$scratch/sudo")
printf '%q ' "$@" >>"$scratch/asked"
echo >>"$scratch/asked"
case $mode,$1 in
free,*) exit 0 ;;
password,-n | refused,-n) echo 'sudo: a password is required' >&2 && exit 1 ;;
refused,*) echo 'sudo: not in the sudoers file' >&2 && exit 1 ;;
esac
PROGRAM
}

# setup_is STATUS TEXT [COMMAND IN FRONT…]: it must end with this status and say this (extended regular expression).
setup_is() {
    local status=$1 text=$2 got=0
    shift 2
    : >"$scratch/asked"
    PATH=$scratch/bin "$timeout" 20 "$@" bash "$setup" >"$scratch/out" 2>&1 </dev/null || got=$?
    [ "$got" -eq "$status" ] || fail "setup ended with $got, not $status: $(cat "$scratch/out")"
    [ -z "$text" ] || grep -qE -- "$text" "$scratch/out" || fail "setup did not say '$text': $(cat "$scratch/out")"
}
# asked REGEX: sudo was called like this
asked() {
    grep -qE -- "$1" "$scratch/asked" || fail "sudo was not called with '$1': $(cut -c1-200 "$scratch/asked")"
}
by_hand='as root: apt-get update && apt-get install --no-install-recommends jq$'
# The same at a terminal, where nobody types anything.
terminal=("$(python3 -c 'import sys; print(sys.executable)')" -c 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:], lambda fd: os.read(fd, 1024).replace(b"\r", b""))))')

echo '== no sudo'
setup_is 1 "no sudo; $by_hand"

echo '== sudo that asks nothing'
sudo_is free
setup_is 0 ''
asked '^-n bash -c '

echo '== behind a proxy: its name is kept, and is in no argument'
http_proxy=http://me:secret@proxy setup_is 0 ''
asked '^-n --preserve-env=http_proxy bash -c '
! grep -q secret "$scratch/asked" || fail 'the password of the proxy is an argument'

echo '== a password, and no terminal: sudo is not let ask'
sudo_is password
setup_is 1 "no terminal.*; $by_hand"
! grep -qv '^-n ' "$scratch/asked" || fail "sudo may have asked: $(cat "$scratch/asked")"

echo '== a password, at a terminal'
setup_is 0 'asking sudo' "${terminal[@]}"
asked '^-v '
asked '^bash -c '

echo '== a terminal with nobody at it'
CI=true setup_is 1 "no terminal.*; $by_hand" "${terminal[@]}"

echo '== refused'
sudo_is refused
setup_is 1 "sudo refuses; $by_hand" "${terminal[@]}"

echo '== nothing is missing'
touch "$scratch/complete"
setup_is 0 'nothing is missing'
[ ! -s "$scratch/asked" ] || fail 'sudo was called for nothing'
rm "$scratch/bin/sudo"
setup_is 0 'nothing is missing'
