#!/bin/sh
# signetd's command line: statuses, where the words go, and that --check starts nothing. $1: signetd
set -u
signetd=$1
dir=$(mktemp -d /tmp/signet-check-XXXXXX) || exit 1
trap 'rm -rf "$dir"' EXIT
fail() {
    echo "signetd_check: $*" >&2
    exit 1
}
# expect STATUS STREAM TEXT ARGUMENTS…
expect() {
    status=$1 stream=$2 text=$3
    shift 3
    "$signetd" "$@" >"$dir/out" 2>"$dir/err"
    got=$?
    [ "$got" -eq "$status" ] || fail "$*: status $got instead of $status: $(cat "$dir/err")"
    grep -qF -- "$text" "$dir/$stream" || fail "$*: no \"$text\" in $stream: $(cat "$dir/out" "$dir/err")"
}

cat >"$dir/good" <<CONF
socket = $dir/run/http
rings_socket = $dir/run/rings
state = $dir/state
administrators = 0
user = -
token_user = -
[token soft]
module = /no/such/module.so
label = x
pin_file = $dir/pin
CONF
sed 's/label = x/lable = x/' "$dir/good" >"$dir/typo"
sed 's/^user = -/user = no-such-user-1/' "$dir/good" >"$dir/nobody"

expect 0 out "$dir/good: no fault found" --config "$dir/good" --check
[ ! -e "$dir/state" ] && [ ! -e "$dir/run" ] || fail "--check made something"
expect 1 err "$dir/typo:9: unknown setting \"lable\"" --config "$dir/typo" --check
expect 1 err "Did you mean label?" --config "$dir/typo" --check
expect 1 err "$dir/typo:9: unknown setting" --config "$dir/typo"
[ ! -e "$dir/state" ] || fail "a bad configuration made something"
expect 1 err "$dir/none" --config "$dir/none"
if [ "$(id -u)" -eq 0 ]; then
    expect 1 err "the user \"no-such-user-1\" of the setting user does not exist" --config "$dir/nobody" --check
fi
expect 0 out "signetd " --version
expect 0 out "usage: signetd" --help
expect 1 err "usage: signetd" --no-such-option
expect 1 err "usage: signetd" --config
expect 1 err "usage: signetd" --config "$dir/good" --check argument
echo "signetd_check: done"
