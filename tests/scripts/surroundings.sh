#!/usr/bin/env bash
# Whatever the caller's environment: tests and the demonstration work in a place that servers of other users reach, whose name every
# configuration file can hold, and hear nothing of the caller's proxies, tokens and languages.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
unset TMPDIR no_proxy
scratch=$(mktemp -d /tmp/signet-test.XXXXXX)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
cp "$here/../support/surroundings.sh" "$scratch" # where other users can read it

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# in_surroundings COMMAND [NAME=VALUE]…: what it prints there
in_surroundings() {
    local command=$1
    shift
    env "$@" bash -c "set -euo pipefail; . '$scratch/surroundings.sh'; $command" 2>&1
}
# expect EXPECTED COMMAND [NAME=VALUE]…
expect() {
    local expected=$1 got
    shift
    got=$(in_surroundings "$@") || fail "'$*' ended with $?: $got"
    [ "$got" = "$expected" ] || fail "'$*': '$got' instead of '$expected'"
}

echo '== a place that will do is kept'
# shellcheck disable=SC2016 # the dollars of these commands are not ours
place='echo "$TMPDIR"'
mkdir "$scratch/good"
expect "$scratch/good" "$place" "TMPDIR=$scratch/good"
expect /tmp "$place"
expect /tmp "$place" TMPDIR=

echo '== others are not'
long=$scratch/$(printf 'l%.0s' {1..40})
mkdir "$scratch/a blank" "$scratch/a'quote" "$scratch/a#b" "$long"
mkdir -m 700 "$scratch/private"
mkdir "$scratch/private/inner"
touch "$scratch/file"
for odd in "$scratch/a blank" "$scratch/a'quote" "$scratch/a#b" "$long" "$scratch/private" "$scratch/private/inner" "$scratch/file" \
    "$scratch/none" . relative /proc; do
    expect /tmp "$place" "TMPDIR=$odd"
    [ ! -d "$odd" ] || [ "$odd" = . ] || [ "$odd" = /proc ] || [ -z "$(find "$odd" -mindepth 1 ! -name inner)" ] || fail "something was left in $odd"
done
[ -z "$(find "$scratch/good" -mindepth 1)" ] || fail 'something was left in a good place'

echo '== a new place: for all to enter, whatever the umask'
umask 077
# shellcheck disable=SC2016
expect 755 'p=$(new_place some); stat -c %a "$p"; rmdir "$p"' "TMPDIR=$scratch/good"
expect 0022 umask
umask 022

echo '== what is the caller'"'"'s'
# shellcheck disable=SC2016
expect ,,,,C.UTF-8 'echo "${SIGNET_SOCKET-},${P11_KIT_SERVER_ADDRESS-},${OPENSSL_CONF-},${CDPATH-},$LC_ALL"' SIGNET_SOCKET=/x \
    P11_KIT_SERVER_ADDRESS=unix:path=/x OPENSSL_CONF=/x CDPATH=/x LC_ALL=POSIX
# shellcheck disable=SC2016
expect localhost,127.0.0.1 'echo "$no_proxy"'
# shellcheck disable=SC2016
expect localhost,127.0.0.1,example.com,http://proxy 'echo "$no_proxy,$https_proxy"' no_proxy=example.com https_proxy=http://proxy

# shellcheck disable=SC2016
expect localhost,127.0.0.1,b 'echo "$no_proxy"' no_proxy=localhost,127.0.0.1,b
# shellcheck disable=SC2016
expect /usr/bin:/bin:/usr/sbin:/sbin 'echo "$PATH"' PATH=/usr/bin:/bin

echo '== what another user built is not built over'
mkdir -p "$scratch/checkout/build/dev"
touch "$scratch/checkout/build/dev/CMakeCache.txt"
expect '' "cd '$scratch/checkout'; build_is_ours"
expect '' "cd '$scratch/good'; build_is_ours"
if [ "$(id -u)" -eq 0 ]; then
    become=(setpriv --reuid 65534 --regid 65534 --clear-groups)
else
    become=()
    chmod 444 "$scratch/checkout/build/dev/CMakeCache.txt"
fi
! "${become[@]}" bash -c ". '$scratch/surroundings.sh'; cd '$scratch/checkout'; build_is_ours" >"$scratch/out" 2>&1 ||
    fail 'it is built over'
grep -q "$scratch/checkout/build.* belongs to $(id -un): remove $scratch/checkout/build first" "$scratch/out" || fail "it says $(cat "$scratch/out")"
