#!/usr/bin/env bash
# What is wrong in a configuration is said with its line, what is wrong around it with its place; signetd then starts nothing.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
: "${SIGNETD_BIN:?set it to the signetd program under test}"

instance_up
good=$instance/signet.conf
conf=$scratch/signet.conf
sed "s|$instance|$scratch/other|" "$good" >"$scratch/other.conf"

# complains TEXT SCRIPT: with the good configuration edited so (sed), signetd says this of it and ends, checking or starting.
complains() {
    local text=$1 way got
    sed "$2" "$scratch/other.conf" >"$conf"
    for way in --check ''; do
        got=0
        # shellcheck disable=SC2086 # no word when there is none
        timeout "$(patiently 20)" "$SIGNETD_BIN" --config "$conf" $way >"$scratch/said" 2>&1 || got=$?
        [ "$got" -eq 1 ] || fail "'$2' $way: status $got: $(cat "$scratch/said")"
        grep -qE -- "$text" "$scratch/said" || fail "'$2' $way: not '$text' but: $(cat "$scratch/said")"
        [ ! -e "$scratch/other" ] || fail "'$2' $way made something"
    done
}
line_of() {
    grep -n "$1" "$scratch/other.conf" | cut -d: -f1
}

say 'lines that are wrong'
complains "$conf:$(line_of '^state'): unknown setting \"stat\"" 's/^state/stat/'
complains "$conf:$(line_of '^state'): .*state.*twice|$conf:.*\"state\"" 's/^socket/state/'
complains "$conf:$(line_of '^socket'): .*" 's|^socket = .*|socket = "relative/path"|'
complains "$conf:$(line_of '^socket'): .*121 bytes" "s|^socket = .*|socket = /$(printf '%0120d' 0)|"
complains "$conf:$(line_of '^administrators'): .*no-such-user-1" 's/^administrators = .*/administrators = no-such-user-1/'
complains "$conf:$(line_of '^administrators'): .*65534" 's/^administrators = .*/administrators = 65534/'
complains "$conf:$(line_of '^module'): .*absolute" 's|^module = .*|module = libsofthsm2.so|'
complains "$conf:$(line_of '^label'): label is 33 bytes" "s/^label = .*/label = $(printf '%033d' 0)/"
complains "$conf:.*(label|serial)" 's/^label = .*//'
complains "$conf:.*pin_file" 's/^pin_file = .*//'
# shellcheck disable=SC2016 # the dollar is sed's
complains "$conf:.*softhsm.*" '$a [token softhsm]\nmodule = /m.so\nlabel = x\npin_file = /p'
# shellcheck disable=SC2016
complains "$conf:.*token" '/^\[token/,$d'
complains "$conf:$(line_of '^label'): .*processes" 's/^label/processes = 65\n&/'
complains "$conf:$(line_of '^label'): .*processes" 's/^label/processes = 0\n&/'
complains "$conf:$(line_of '^label'): .*processes" 's/^label/processes = many\n&/'
complains "$conf:$(line_of '^label'): .maybe. is not a value of extractable_allowed" 's/^label/extractable_allowed = maybe\n&/'
grep -q 'yes or no' "$scratch/said" || fail "what is allowed is not said: $(cat "$scratch/said")"
complains "$conf:1: " '1s/.*/what is this/'
complains "$conf:$(line_of '^environment'): .*" 's/^environment = .*/environment = "NO VALUE"/'
printf 'state = /x\n\001\n' >"$conf"
expect_failure 1 "$conf:2" "$SIGNETD_BIN" --config "$conf"
head -c 2000000 /dev/zero >"$conf"
expect_failure 1 "$conf" "$SIGNETD_BIN" --config "$conf"
expect_failure 1 "$scratch/none" "$SIGNETD_BIN" --config "$scratch/none"
expect_failure 1 "$scratch" "$SIGNETD_BIN" --config "$scratch"

say 'the same said by dev up'
signet dev down "$instance" >/dev/null
cp -p "$good" "$scratch/good.conf"
sed -i 's/^label/lable/' "$good"
expect_failure 7 "$good:[0-9]*: unknown setting .lable." signet dev up "$instance"
expect_failure 7 'lable' signet dev up "$instance"
cp -p "$scratch/good.conf" "$good"
restart

say 'a second one beside the first'
started=$SECONDS
expect_failure 1 "$instance/state" "$SIGNETD_BIN" --config "$good"
in_time 10 "$started" || fail 'the second one took long to give up'
expect_ready

say 'places that are wrong'
signet dev down "$instance" >/dev/null
mv "$instance/state" "$scratch/state"
: >"$instance/state"
expect_failure 1 "$instance/state" "$SIGNETD_BIN" --config "$good"
rm "$instance/state"
mkdir "$instance/state"
printf 'no database at all, but long enough to be taken for one by somebody\n' >"$instance/state/signet.db"
expect_failure 7 'signet.db' signet dev up "$instance"
grep -q 'no database at all' "$instance/state/signet.db" || fail 'a foreign file was written to'
rm -r "$instance/state"
mv "$scratch/state" "$instance/state"
mkdir -p "$instance/run"
: >"$instance/run/signet.sock"
expect_failure 1 "$instance/run/signet.sock" "$SIGNETD_BIN" --config "$good"
[ -f "$instance/run/signet.sock" ] || fail 'a file of somebody else was removed'
rm "$instance/run/signet.sock"
restart
expect_ready
