#!/usr/bin/env bash
# signet watch: a change is seen at once and nothing else is taken for one; files are replaced before the command runs; what fails is
# said and the watch goes on, over restarts of the service too; it ends with the ring, with its authority, and when it is told to.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"

instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web
signet cert generate CERTAUTH/Root --subject CN=Root --usage certsign >/dev/null
signet cert generate START1/other --subject CN=other --key ec:p256 >/dev/null

# watch NAME OPTION…: of START1/WEB, in the background; sets watcher. Lines go to NAME.out, the rest to NAME.log.
watch() {
    local name=$1
    shift
    "$SIGNET_BIN" watch START1/WEB "$@" >"$scratch/$name.out" 2>"$scratch/$name.log" &
    watcher=$!
    children+=("$watcher")
    watch_begun "$watcher" "$scratch/$name.log"
}

# lines NUMBER FILE: it has so many.
lines() {
    [ "$(wc -l <"$2")" -eq "$1" ]
}

is_ended() {
    ! kill -0 "$watcher" 2>/dev/null
}

# watch_ends STATUS: within five seconds.
watch_ends() {
    local got=0
    wait_for 5 is_ended
    wait "$watcher" || got=$?
    [ "$got" -eq "$1" ] || fail "watch ended with $got, not $1"
}

certificates_in() {
    grep -c 'BEGIN CERTIFICATE' "$1"
}

# The sequence of the ring: what a line must say.
sequence() {
    signet ring show START1/WEB --json | sed -n 's/.*"sequence": *\([0-9]*\).*/\1/p'
}

say 'command lines that cannot be'
refused 1 missing_argument OWNER/RING watch
refused 1 bad_usage 'not standard output' watch START1/WEB --chain -
refused 1 bad_usage 'not standard output' watch START1/WEB --trust -
refused 1 bad_usage 'same file' watch START1/WEB --trust "$scratch/x" --chain "$scratch/x"
refused 1 bad_value exec watch START1/WEB --exec "$(printf 'x%.0s' $(seq 5000))"
refused 2 ring_not_found START1/NONE watch START1/NONE
refused 2 cannot_write none watch START1/WEB --chain "$scratch/none/chain.pem"
refused 1 bad_usage 'go together' watch START1/WEB --key "$scratch/key.conf"
refused 1 bad_usage 'go together' watch START1/WEB --for nginx
refused 1 bad_usage 'same file' watch START1/WEB --chain "$scratch/x" --for nginx --key "$scratch/x"
refused 1 bad_usage 'same file' watch START1/WEB --chain "$scratch/x" --state "$scratch/x" --exec true
refused 1 bad_usage 'not standard output' watch START1/WEB --state - --exec true
refused 1 no_key_file 'java has no file' watch START1/WEB --for java --key "$scratch/key.conf"
signet ring add START1/EMPTY >/dev/null
for program in java haproxy gnutls; do
    # An empty ring has no answer that would say so: it would be waited for.
    got=0
    timeout "$(patiently 5)" "$SIGNET_BIN" watch START1/EMPTY --for "$program" --key "$scratch/key.conf" --json >"$scratch/refused" 2>&1 || got=$?
    [ "$got" -eq 1 ] || fail "a watch for $program ended with $got: $(cat "$scratch/refused")"
    expect_code no_key_file "watch --for $program"
done
refused 1 bad_value iis watch START1/WEB --for iis --key "$scratch/key.conf"
refused 1 bad_usage 'same file' watch START1/WEB --trust "$scratch/x" --chain "$scratch/./x"
ln -s . "$scratch/here"
refused 1 bad_usage 'same file' watch START1/WEB --chain "$scratch/x" --state "$scratch/here/x" --exec true
[ ! -e "$scratch/x" ] || fail 'a refused watch wrote its state'
mkfifo "$scratch/pipe" "$scratch/piped.watched"
refused 8 cannot_write 'no regular file' watch START1/WEB --chain "$scratch/pipe"
refused 1 bad_usage 'no regular file' watch START1/WEB --chain "$scratch/piped" --exec true
refused 1 bad_usage 'no regular file' watch START1/WEB --chain "$scratch/x" --state "$scratch/pipe" --exec true
ln -s nowhere "$scratch/dangling"
refused 8 cannot_write 'leads nowhere' watch START1/WEB --chain "$scratch/dangling"
[ ! -e "$scratch/nowhere" ] || fail 'what a link names was made'
signet watch START1/WEB --chain "$scratch/dry.pem" --exec true --dry-run >"$scratch/dry" || fail 'a dry run failed'
grep -q '^would: write .*dry.pem after each change' "$scratch/dry" || fail "a dry run says $(cat "$scratch/dry")"
[ ! -e "$scratch/dry.pem" ] || fail 'a dry run wrote a file'

say 'files that were not up to date are the first change'
echo old >"$scratch/trust.pem"
chmod 640 "$scratch/trust.pem"
[ "$(id -u)" -ne 0 ] || chgrp 33 "$scratch/trust.pem"
group=$(stat -c %g "$scratch/trust.pem")
# shellcheck disable=SC2016 # the dollars are for the command
watch first --chain "$scratch/chain.pem" --trust "$scratch/trust.pem" \
    --exec 'echo "$SIGNET_RING $SIGNET_SEQUENCE $(grep -c BEGIN "'"$scratch"'/trust.pem")" >>"'"$scratch"'/ran"; echo noise'
wait_for 2 lines 1 "$scratch/ran"
[ "$(cat "$scratch/ran")" = "START1/WEB $(sequence) 0" ] || fail "the command saw '$(cat "$scratch/ran")'"
[ "$(certificates_in "$scratch/chain.pem")" -eq 1 ] || fail 'the chain was not written at the start'
[ "$(stat -c %a "$scratch/chain.pem")" = 644 ] || fail "the chain has mode $(stat -c %a "$scratch/chain.pem")"
[ "$(cat "$scratch/trust.pem")" = old ] || fail 'an empty truststore was written'
grep -q 'warning: .*trust.pem stays as it is' "$scratch/first.log" || fail "no warning: $(cat "$scratch/first.log")"

say 'nothing runs without a change'
signet ring add START1/ELSE >/dev/null
signet ring connect START1/ELSE START1/other >/dev/null
sleep 1
lines 1 "$scratch/ran" || fail 'the command ran without a change'
lines 1 "$scratch/first.out" || fail 'a line was printed without a change'

say 'a change is seen within two seconds'
inode=$(stat -c %i "$scratch/trust.pem")
signet ring connect START1/WEB CERTAUTH/Root >/dev/null
wait_for 2 lines 2 "$scratch/ran"
[ "$(tail -n 1 "$scratch/ran")" = "START1/WEB $(sequence) 1" ] || fail "the command saw '$(tail -n 1 "$scratch/ran")'"
tail -n 1 "$scratch/first.out" | finds -E "^START1/WEB $(sequence) 20[0-9-]+T[0-9:]+Z\$" || fail "the line is $(tail -n 1 "$scratch/first.out")"
lines 2 "$scratch/first.out" || fail 'the output of the command is among the lines'
grep -q '^noise$' "$scratch/first.log" || fail 'the output of the command is lost'
[ "$(stat -c %i "$scratch/trust.pem")" != "$inode" ] || fail 'the truststore was written over, not replaced'
[ "$(stat -c %g "$scratch/trust.pem")" = "$group" ] || fail "the group was not kept: $(stat -c %g "$scratch/trust.pem")"
[ "$(stat -c %a "$scratch/trust.pem")" = 640 ] || fail "the mode was not kept: $(stat -c %a "$scratch/trust.pem")"
signet ring export START1/WEB --format pem --out - >"$scratch/exported"
cmp -s "$scratch/exported" "$scratch/trust.pem" || fail 'the truststore is another one than ring export writes'
before=$(cat "$scratch/chain.pem")
signet ring connect START1/WEB START1/other --default >/dev/null
wait_for 2 lines 3 "$scratch/ran"
[ "$(cat "$scratch/chain.pem")" != "$before" ] || fail 'the chain is that of the old default'
signet ring export START1/WEB --chain --format pem --out - >"$scratch/exported"
cmp -s "$scratch/exported" "$scratch/chain.pem" || fail 'the chain is another one than ring export writes'

say 'the last anchor goes, the file stays'
signet ring remove START1/WEB CERTAUTH/Root >/dev/null
wait_for 2 lines 4 "$scratch/ran"
[ "$(certificates_in "$scratch/trust.pem")" -eq 1 ] || fail 'the truststore was emptied'

say 'the service is restarted, and the ring changes before the watch is back'
kill -STOP "$watcher"
restart
signet ring connect START1/WEB CERTAUTH/Root >/dev/null
kill -CONT "$watcher"
wait_for 10 lines 5 "$scratch/ran"
signet dev down "$instance" >/dev/null
sleep 2
signet dev up "$instance" >/dev/null
signet ring remove START1/WEB CERTAUTH/Root >/dev/null
wait_for 10 lines 6 "$scratch/ran"
[ "$(grep -c 'trying again' "$scratch/first.log")" -ge 1 ] || fail "did not say that the service is gone: $(cat "$scratch/first.log")"
[ "$(grep -c 'trying again' "$scratch/first.log")" -eq "$(grep -c 'watching START1/WEB again' "$scratch/first.log")" ] ||
    fail "did not say each time that it is back: $(cat "$scratch/first.log")"
lines 6 "$scratch/first.out" || fail "six changes, printed: $(cat "$scratch/first.out")"

signet ring connect START1/WEB CERTAUTH/Root >/dev/null
wait_for 2 lines 7 "$scratch/ran"
kill -TERM "$watcher"
watch_ends 0

say 'many changes at once: the last state arrives'
# shellcheck disable=SC2016
watch many --trust "$scratch/many.pem" --exec 'sleep 0.3; echo "$SIGNET_SEQUENCE" >>"'"$scratch"'/many"'
for _ in 1 2 3; do
    signet ring remove START1/WEB CERTAUTH/Root >/dev/null
    signet ring connect START1/WEB CERTAUTH/Root >/dev/null
done
is_last() {
    [ "$(tail -n 1 "$scratch/many")" = "$(sequence)" ]
}
wait_for 10 is_last
kill -TERM "$watcher"
watch_ends 0

say 'a signal ends it, with what it has started'
watch second
kill -INT "$watcher"
watch_ends 0
watch third --exec "sleep 61 & echo \$! >'$scratch/sleeper'; wait"
signet ring remove START1/WEB CERTAUTH/Root >/dev/null
wait_for 2 test -s "$scratch/sleeper"
kill -TERM "$watcher"
watch_ends 0
# Whoever is not yet taken from the table of processes does not run either.
is_over() {
    ! grep -qs '^State:[[:space:]]*[A-Y]' "/proc/$(cat "$scratch/sleeper")/status"
}
wait_for 2 is_over
rm "$scratch/sleeper"
watch stubborn --exec "trap '' TERM; sleep 61 & echo \$! >'$scratch/sleeper'; wait; sleep 62"
signet ring connect START1/WEB CERTAUTH/Root >/dev/null
wait_for 2 test -s "$scratch/sleeper"
kill -TERM "$watcher"
sleep 1
! is_over || fail 'a command had no time to end'
watch_ends 0
wait_for 1 is_over

say 'a watch that is killed leaves no command behind'
for ended in KILL HUP; do
    rm "$scratch/sleeper"
    watch killed --exec "sleep 61 & echo \$! >'$scratch/sleeper'; wait"
    signet ring remove START1/WEB CERTAUTH/Root >/dev/null
    wait_for 2 test -s "$scratch/sleeper"
    kill -"$ended" "$watcher"
    wait_for 2 is_over
    signet ring connect START1/WEB CERTAUTH/Root >/dev/null
done
signet ring remove START1/WEB CERTAUTH/Root >/dev/null

watch fourth
signet dev down "$instance" >/dev/null
wait_for 2 grep -q 'trying again' "$scratch/fourth.log"
sleep 1
kill -TERM "$watcher"
watch_ends 0
signet dev up "$instance" >/dev/null

say 'a command that fails'
watch fifth --json --exec 'exit 9'
signet ring connect START1/WEB CERTAUTH/Root >/dev/null
wait_for 2 grep -q 'ended with status 9' "$scratch/fifth.log"
signet ring remove START1/WEB CERTAUTH/Root >/dev/null
wait_for 2 lines 2 "$scratch/fifth.out"
[ "$(grep -cE '^\{"ring": ?"START1/WEB", ?"sequence": ?[0-9]+, ?"time": ?"[^"]+"\}$' "$scratch/fifth.out")" -eq 2 ] ||
    fail "not one object a line: $(cat "$scratch/fifth.out")"
kill -TERM "$watcher"
watch_ends 0

say 'a command whose guard is ended has not succeeded'
# shellcheck disable=SC2016
watch unguarded --exec 'kill "$PPID"; sleep 62'
signet ring connect START1/WEB CERTAUTH/Root >/dev/null
wait_for 5 grep -q 'it runs again in' "$scratch/unguarded.log"
kill -TERM "$watcher"
watch_ends 0
watch unguarded2 --exec "echo \$\$ >'$scratch/orphan'; kill -KILL \"\$PPID\"; exec sleep 62"
signet ring remove START1/WEB CERTAUTH/Root >/dev/null
wait_for 5 grep -q 'ended by signal 9' "$scratch/unguarded2.log"
kill -TERM "$watcher"
watch_ends 0
mv "$scratch/orphan" "$scratch/sleeper"
wait_for 2 is_over # it does not run on without its guard
rm "$scratch/sleeper"

say 'a command that fails runs again, later each time, until it succeeds'
# shellcheck disable=SC2016
watch patient --exec 'echo x >>"'"$scratch"'/tries"; [ "$(wc -l <"'"$scratch"'/tries")" -ge 3 ]'
signet ring connect START1/WEB CERTAUTH/Root >/dev/null
wait_for 10 lines 3 "$scratch/tries"
sleep 5
lines 3 "$scratch/tries" || fail 'a command that succeeded ran again'
lines 1 "$scratch/patient.out" || fail 'a second line for one change'
grep -q 'ended with status 1; it runs again in 1 s' "$scratch/patient.log" || fail "it says $(cat "$scratch/patient.log")"
grep -q 'ended with status 1; it runs again in 2 s' "$scratch/patient.log" || fail "it says $(cat "$scratch/patient.log")"
rm "$scratch/tries"
kill -TERM "$watcher"
watch_ends 0

say 'a command that was lost with its watch runs when somebody watches again'
watch lost --chain "$scratch/lost.pem" --exec "echo \$\$ >'$scratch/lost.pid'; exec sleep 62"
wait_for 5 test -s "$scratch/lost.pid"
[ "$(cat "$scratch/lost.pem.watched")" = 'START1/WEB 0' ] || fail "the state is $(cat "$scratch/lost.pem.watched")"
kill -KILL "$watcher"
watch found --chain "$scratch/lost.pem" --exec "echo x >>'$scratch/found'"
wait_for 5 lines 1 "$scratch/found"
lines 1 "$scratch/found.out" || fail 'what was owed was not told'
wait_for 5 grep -qx "START1/WEB $(sequence)" "$scratch/lost.pem.watched"
kill -TERM "$watcher"
watch_ends 0
watch same --chain "$scratch/lost.pem" --exec "echo x >>'$scratch/found'"
sleep 1
lines 1 "$scratch/found" || fail 'the command ran although nothing was owed'
kill -TERM "$watcher"
watch_ends 0

say 'and so does one that failed, and one for a change that nobody watched, without a file too'
watch failing --state "$scratch/state" --exec 'exit 9'
signet ring remove START1/WEB CERTAUTH/Root >/dev/null
wait_for 5 grep -q 'ended with status 9' "$scratch/failing.log"
kill -TERM "$watcher"
watch_ends 0
watch mended --state "$scratch/state" --exec "echo x >>'$scratch/mended'"
wait_for 5 lines 1 "$scratch/mended"
kill -TERM "$watcher"
watch_ends 0
signet ring connect START1/WEB CERTAUTH/Root >/dev/null
watch later --state "$scratch/state" --exec "echo x >>'$scratch/mended'"
wait_for 5 lines 2 "$scratch/mended"
kill -TERM "$watcher"
watch_ends 0
for wrong in 'START1/ELSE 1' 'START1/WEB' 'START1/WEB x' "START1/WEB $(sequence) " ''; do
    printf '%s\n' "$wrong" >"$scratch/state"
    rm -f "$scratch/mended"
    watch wrong --state "$scratch/state" --exec "echo x >>'$scratch/mended'"
    wait_for 5 lines 1 "$scratch/mended"
    kill -TERM "$watcher"
    watch_ends 0
done

say 'a link stays a link, and what it leads to is replaced'
mkdir "$scratch/real"
echo old >"$scratch/real/chain.pem"
chmod 640 "$scratch/real/chain.pem"
ln -s real/chain.pem "$scratch/linked.pem"
signet watch START1/WEB --once --chain "$scratch/linked.pem" >"$scratch/linked.out" || fail 'a link was refused'
[ -L "$scratch/linked.pem" ] || fail 'the link was replaced'
[ "$(certificates_in "$scratch/real/chain.pem")" -eq 1 ] || fail 'what the link leads to was not written'
[ "$(stat -c %a "$scratch/real/chain.pem")" = 640 ] || fail 'the mode behind a link was not kept'
ln -s linked.pem "$scratch/twice.pem"
echo old >"$scratch/real/chain.pem"
signet watch START1/WEB --once --chain "$scratch/twice.pem" >"$scratch/linked.out" || fail 'a link to a link was refused'
[ "$(certificates_in "$scratch/real/chain.pem")" -eq 1 ] || fail 'what a link to a link leads to was not written'
ln -s loop2 "$scratch/loop1"
ln -s loop1 "$scratch/loop2"
refused 8 cannot_write 'leads nowhere' watch START1/WEB --chain "$scratch/loop1"

say 'a link that another user may have made is not followed'
echo victim >"$scratch/victim"
mkdir "$scratch/open"
chmod 777 "$scratch/open"
ln -s ../victim "$scratch/open/trust.pem"
refused 8 unsafe_link 'not followed' watch START1/WEB --chain "$scratch/open/trust.pem"
ln -s open/trust.pem "$scratch/outer.pem"
refused 8 unsafe_link 'not followed' watch START1/WEB --chain "$scratch/outer.pem"
if [ "$(id -u)" -eq 0 ]; then
    mkdir "$scratch/nobodys" "$scratch/roots"
    ln -s ../victim "$scratch/nobodys/trust.pem"
    ln -s ../victim "$scratch/roots/trust.pem"
    chown 65534 "$scratch/nobodys"
    chown -h 65534 "$scratch/roots/trust.pem"
    refused 8 unsafe_link 'not followed' watch START1/WEB --chain "$scratch/nobodys/trust.pem"
    refused 8 unsafe_link 'not followed' watch START1/WEB --chain "$scratch/roots/trust.pem"
fi
[ "$(cat "$scratch/victim")" = victim ] || fail 'a foreign link was followed'
chmod 1777 "$scratch/open"
signet watch START1/WEB --once --chain "$scratch/open/trust.pem" >"$scratch/linked.out" || fail 'our link in a directory like /tmp was refused'
[ "$(certificates_in "$scratch/victim")" -eq 1 ] || fail 'our link was not followed'

say 'the line with the key follows the default'
watch keyed --for nginx --key "$scratch/key.conf" --chain "$scratch/keyed.pem"
wait_for 5 test -s "$scratch/key.conf"
expect_key() {
    local id
    id=$(signet cert export "START1/$1" | openssl x509 -noout -ocspid | sed -n 's/^ *Public key OCSP hash: //p' | sed 's/../%&/g')
    [ "${#id}" -eq 60 ] && grep -qx "ssl_certificate_key \"engine:pkcs11:pkcs11:token=START1%2FWEB;id=$id;type=private\";" "$scratch/key.conf"
}
expect_key other || fail "the key is $(cat "$scratch/key.conf")"
signet ring connect START1/WEB START1/web --default >/dev/null
wait_for 5 expect_key web
before=$(cat "$scratch/keyed.pem" "$scratch/key.conf")
say 'a new label changes neither'
signet cert alter START1/web --label renamed >/dev/null
wait_for 5 expect_key renamed
[ "$(cat "$scratch/keyed.pem" "$scratch/key.conf")" = "$before" ] || fail 'the label is in a file'
signet cert alter START1/renamed --label web >/dev/null
signet cert alter START1/web --notrust >/dev/null
wait_for 5 grep -q 'warning: .*key.conf stays as it is' "$scratch/keyed.log"
[ "$(cat "$scratch/keyed.pem" "$scratch/key.conf")" = "$before" ] || fail 'files of a default that cannot be used were changed'
signet cert alter START1/web --trust >/dev/null
kill -TERM "$watcher"
watch_ends 0

say 'an issuer changes that no ring holds'
signet cert generate CERTAUTH/Int --subject CN=Int --key ec:p256 --usage certsign --signed-by CERTAUTH/Root --days 300 >/dev/null
signet cert generate START1/leaf --subject CN=leaf --key ec:p256 --signed-by CERTAUTH/Int --days 200 >/dev/null
signet ring connect START1/WEB START1/leaf --default >/dev/null
watch below --chain "$scratch/below.pem" --exec "echo x >>'$scratch/below'"
wait_for 5 lines 1 "$scratch/below"
told=1
# told_again WHAT: the watch has told once more, and its file is what ring export writes.
told_again() {
    told=$((told + 1))
    wait_for 3 lines "$told" "$scratch/below"
    signet ring export START1/WEB --chain --format pem --out - >"$scratch/exported"
    cmp -s "$scratch/exported" "$scratch/below.pem" || fail "$1: the chain is another one than ring export writes"
}
before=$(cat "$scratch/below.pem")
signet cert request CERTAUTH/Int --out "$scratch/int.csr" >/dev/null
signet cert generate CERTAUTH/Int --from-request "$scratch/int.csr" --signed-by CERTAUTH/Root --days 320 >/dev/null
told_again 'renewed'
[ "$(cat "$scratch/below.pem")" != "$before" ] || fail 'the old intermediate is still in the chain'
signet cert alter CERTAUTH/Root --notrust >/dev/null
told_again 'NOTRUST'
signet cert alter CERTAUTH/Root --trust >/dev/null
told_again 'TRUST'
signet cert export CERTAUTH/Int --out "$scratch/int.pem" >/dev/null
signet cert alter CERTAUTH/Int --trust --dry-run >/dev/null
signet cert alter CERTAUTH/Int --notrust --dry-run >/dev/null
signet cert generate CERTAUTH/Stranger --subject CN=Stranger --key ec:p256 --usage certsign >/dev/null
signet cert generate START1/sister --subject CN=sister --key ec:p256 --signed-by CERTAUTH/Int >/dev/null
sleep 1
lines "$told" "$scratch/below" || fail 'the command ran without a change'
signet cert delete CERTAUTH/Int --force >/dev/null
told_again 'deleted'
[ "$(certificates_in "$scratch/below.pem")" -eq 1 ] || fail 'a deleted issuer is still in the chain'
signet cert add CERTAUTH/Int "$scratch/int.pem" >/dev/null
told_again 'added'
[ "$(certificates_in "$scratch/below.pem")" -eq 3 ] || fail "the chain has $(certificates_in "$scratch/below.pem") certificates, not 3"
kill -TERM "$watcher"
watch_ends 0
signet ring connect START1/WEB START1/web --default >/dev/null

say 'what decides who reads the ring changes, and nothing else'
watch ruled --exec "echo x >>'$scratch/ruled'"
told=0
# ruled COMMAND…: it is told.
ruled() {
    signet "$@" >/dev/null 2>"$scratch/said" || fail "$*: $(cat "$scratch/said")"
    told=$((told + 1))
    wait_for 3 lines "$told" "$scratch/ruled"
}
ruled authority define RDATALIB START1.WEB.LST
ruled authority permit RDATALIB START1.WEB.LST --to user:4001 --level read
ruled authority permit RDATALIB START1.WEB.LST --to user:4001 --level update
signet authority define RDATALIB START1.ELSE.LST >/dev/null
signet authority delete RDATALIB START1.ELSE.LST >/dev/null
signet authority alter RDATALIB START1.WEB.LST --uacc control --dry-run >/dev/null
ruled authority delete RDATALIB START1.WEB.LST
ruled owner attach START1 4001
ruled owner detach START1 4001
signet owner add START2 >/dev/null
signet owner attach START2 4001 >/dev/null
sleep 1
lines "$told" "$scratch/ruled" || fail 'it was told of what does not concern it'
kill -TERM "$watcher"
watch_ends 0

say 'the service comes after the watch'
signet dev down "$instance" >/dev/null
watch early --exec "echo x >>'$scratch/early'"
wait_for 5 grep -q 'cannot reach the service.*trying again' "$scratch/early.log"
signet dev up "$instance" >/dev/null
wait_for 10 grep -q 'watching START1/WEB$' "$scratch/early.log"
[ ! -e "$scratch/early" ] || fail 'the command ran without a change'
signet ring remove START1/WEB CERTAUTH/Root >/dev/null
wait_for 5 lines 1 "$scratch/early"
kill -TERM "$watcher"
watch_ends 0

say 'nobody can be told, and the command runs all the same'
# shellcheck disable=SC2016
"$SIGNET_BIN" watch START1/WEB --chain "$scratch/untold.pem" --exec 'echo "$SIGNET_SEQUENCE" >>"'"$scratch"'/untold"' >/dev/full 2>"$scratch/untold.log" &
watcher=$!
children+=("$watcher")
wait_for 5 lines 1 "$scratch/untold"
signet ring connect START1/WEB CERTAUTH/Root >/dev/null
wait_for 5 lines 2 "$scratch/untold"
[ "$(grep -c 'warning: standard output: .*was not told' "$scratch/untold.log")" -eq 2 ] || fail "it says $(cat "$scratch/untold.log")"
kill -TERM "$watcher"
watch_ends 0
mkfifo "$scratch/reader"
"$SIGNET_BIN" watch START1/WEB --exec "echo x >>'$scratch/unread'" >"$scratch/reader" 2>"$scratch/unread.log" &
watcher=$!
children+=("$watcher")
: <"$scratch/reader"
watch_begun "$watcher" "$scratch/unread.log"
signet ring remove START1/WEB CERTAUTH/Root >/dev/null
wait_for 5 lines 1 "$scratch/unread"
kill -TERM "$watcher"
watch_ends 0
"$SIGNET_BIN" watch START1/WEB >/dev/full 2>"$scratch/silent.log" &
watcher=$!
children+=("$watcher")
watch_begun "$watcher" "$scratch/silent.log"
signet ring connect START1/WEB CERTAUTH/Root >/dev/null
watch_ends 8
signet ring remove START1/WEB CERTAUTH/Root >/dev/null

say 'the directory of a file is away for a moment'
mkdir "$scratch/mounted"
watch mounted --chain "$scratch/mounted/chain.pem" --exec "echo x >>'$scratch/mounted.ran'"
wait_for 5 lines 1 "$scratch/mounted.ran"
mv "$scratch/mounted" "$scratch/away"
signet ring connect START1/WEB START1/other --default >/dev/null
wait_for 5 grep -q 'mounted/chain.pem.*trying again' "$scratch/mounted.log"
mv "$scratch/away" "$scratch/mounted"
wait_for 10 lines 2 "$scratch/mounted.ran"
signet ring export START1/WEB --chain --format pem --out - >"$scratch/exported"
cmp -s "$scratch/exported" "$scratch/mounted/chain.pem" || fail 'the chain is not the one of the change'
kill -TERM "$watcher"
watch_ends 0
signet ring connect START1/WEB START1/web --default >/dev/null

say 'once'
watch sixth --once --exec 'exit 9'
signet ring connect START1/WEB CERTAUTH/Root >/dev/null
watch_ends 8
lines 1 "$scratch/sixth.out" || fail "once printed $(cat "$scratch/sixth.out")"
grep -q 'ended with status 9' "$scratch/sixth.log" || fail "it says $(cat "$scratch/sixth.log")"
watch again --once --exec true
signet ring remove START1/WEB CERTAUTH/Root >/dev/null
watch_ends 0
signet watch START1/WEB --once --chain "$scratch/new.pem" >"$scratch/new.out" || fail 'a file that was not there is no change'
[ "$(certificates_in "$scratch/new.pem")" -eq 1 ] || fail 'the chain is not there'

if [ "$(id -u)" -eq 0 ]; then
    say 'a right that is withdrawn'
    chmod -R a+rX "$scratch"
    signet owner attach START1 www-data >/dev/null
    setpriv --reuid www-data --regid www-data --clear-groups "$SIGNET_BIN" watch START1/WEB >"$scratch/right.out" 2>"$scratch/right.log" &
    watcher=$!
    children+=("$watcher")
    watch_begun "$watcher" "$scratch/right.log"
    signet owner detach START1 www-data >/dev/null
    signet ring connect START1/WEB CERTAUTH/Root >/dev/null
    watch_ends 4
    [ ! -s "$scratch/right.out" ] || fail "the change was told: $(cat "$scratch/right.out")"
fi

say 'the ring is deleted'
watch seventh --exec "touch '$scratch/never'"
signet ring delete START1/WEB >/dev/null
watch_ends 2
grep -q 'the watch of START1/WEB ends: START1 has no ring' "$scratch/seventh.log" || fail "it says $(cat "$scratch/seventh.log")"
[ ! -e "$scratch/never" ] || fail 'the command ran for a ring that is gone'
