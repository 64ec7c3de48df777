#!/usr/bin/env bash
# signet watch --pair: whoever reads the lines at whatever moment, and whenever the watch is killed or the disk is full, the chain that they
# name is there and belongs to the key that they name; chains that nobody names go, and what is not ours stays.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
: "${FAULT_AT:?set it to the module that makes calls fail}"

instance_up
signet owner add START1 >/dev/null
signet ring add START1/WEB >/dev/null
labels=(a b c)
for label in "${labels[@]}"; do
    signet cert generate "START1/$label" --subject "CN=$label" --key ec:p256 >/dev/null
    signet ring connect START1/WEB "START1/$label" >/dev/null 2>&1
done
mkdir "$scratch/server" "$scratch/chains"
pair=$scratch/server/pair.conf
chain=$scratch/chains/chain.pem
files=(--chain "$chain" --for nginx --pair "$pair")

default() {
    signet ring connect START1/WEB "START1/$1" --default >/dev/null 2>&1
}

public_key_hash() {
    openssl x509 -noout -ocspid | sed -n 's/^ *Public key OCSP hash: //p'
}
# By the key's id: the chain that belongs to it.
declare -A hash chain_of_key
for label in "${labels[@]}"; do
    default "$label"
    hash[$label]=$(signet cert export "START1/$label" | public_key_hash)
    chain_of_key[${hash[$label]}]=$(signet ring export START1/WEB --chain --format pem --out -)
done

# named: the chain that the lines name. id: that of the key. Both out of one reading.
read_pair() {
    local text
    text=$(<"$pair")
    named='' id=''
    if [[ $text =~ ^ssl_certificate\ \"([^\"]*)\" ]]; then named=${BASH_REMATCH[1]}; fi
    if [[ $text =~ ssl_certificate_key\ .*\;id=([^\;]*)\; ]]; then id=${BASH_REMATCH[1]//%/}; fi
}
fits() {
    local held=''
    if [ -n "$named" ]; then { IFS= read -r -d '' held <"$named"; } 2>/dev/null || true; fi
    [ "${#id}" -eq 40 ] && [ "${held%$'\n'}" = "${chain_of_key[$id]-none}" ]
}
# expect_pair [LABEL]: now
expect_pair() {
    read_pair
    fits || fail "the pair does not fit: $(cat "$pair"; ls "$scratch/chains")"
    [ $# -eq 0 ] || [ "$id" = "${hash[$1]}" ] || fail "the pair is not that of $1: $(cat "$pair")"
}
is_pair_of() {
    read_pair
    fits && [ "$id" = "${hash[$1]}" ]
}

# once [NAME=VALUE]…: to the end, or as far as it comes. There always is something to do, since the state says that the command is owed.
once() {
    echo 'START1/WEB 0' >"$chain.watched"
    # what is said goes to a pipe: a full disk has no room for it
    timeout "$(patiently 20)" env "$@" "$SIGNET_BIN" watch START1/WEB --once "${files[@]}" --exec true 2>&1 >/dev/null | cat >"$scratch/once.log"
}

say 'command lines that cannot be'
refused 1 bad_usage 'goes with --chain' watch START1/WEB --for nginx --pair "$pair"
refused 1 bad_usage 'go together' watch START1/WEB --chain "$chain" --pair "$pair"
refused 1 bad_usage 'without --key' watch START1/WEB "${files[@]}" --key "$scratch/key.conf"
refused 1 bad_usage 'same file' watch START1/WEB --chain "$chain" --for nginx --pair "$chain"
refused 1 bad_usage 'not standard output' watch START1/WEB --chain "$chain" --for nginx --pair -
refused 1 no_key_file 'java has no file' watch START1/WEB --chain "$chain" --for java --pair "$pair"
for path in 'a"b' 'a\b' "a\$b" $'a\nb'; do
    refused 1 bad_usage 'cannot name' watch START1/WEB --chain "$scratch/$path" --for nginx --pair "$pair"
done
mkfifo "$scratch/pipe"
default a
refused 8 cannot_write 'no regular file' watch START1/WEB --chain "$scratch/pipe" --for nginx --pair "$pair"
[ ! -e "$pair" ] || fail 'a refused watch wrote its lines'

say 'the lines of each program, and the chain by its own name too'
for program in nginx apache stunnel; do
    (cd "$scratch/chains" && timeout "$(patiently 20)" "$SIGNET_BIN" watch START1/WEB --once --chain "a b.pem" --for "$program" --pair "../$program.conf" >/dev/null) || fail "$program"
    signet provision "$program" --ring START1/WEB --json >"$scratch/printed.json"
    jq -j '.pair_file as $file | .files[] | select(.path == $file) | .content' "$scratch/printed.json" |
        sed "s|$(jq -r .chain_file "$scratch/printed.json")|$(ls "$scratch/chains/a b.pem."*)|" >"$scratch/expected"
    cmp -s "$scratch/expected" "$scratch/$program.conf" || fail "the lines are $(cat "$scratch/$program.conf")"
    cmp -s "$scratch/chains/a b.pem."* "$scratch/chains/a b.pem" || fail 'the chains differ'
    rm "$scratch/chains/"*
done
once || fail "$(cat "$scratch/once.log")"
expect_pair a
signet ring export START1/WEB --chain --format pem --out - | cmp - "$chain" || fail 'the chain by its own name is another one'
cmp "$named" "$chain" || fail 'the chain that is named is another one'

say 'lines as they were printed name the chain by its own name: who has just read them finds it as it was'
sed "s|$named|$chain|" "$pair" >"$scratch/plain"
cp "$scratch/plain" "$pair"
expect_pair a
default b
"$SIGNET_BIN" watch START1/WEB "${files[@]}" >/dev/null 2>"$scratch/plain.log" &
children+=("$!")
holds_b() { [ "$(<"$chain")" = "${chain_of_key[${hash[b]}]}" ]; }
wait_for 10 holds_b
expect_pair b
# A second, but for two ticks of the clock, which is what the times of files are taken from.
later=$(($(date -r "$chain" +%s%N) - $(date -r "$pair" +%s%N)))
[ "$later" -ge 990000000 ] || fail "the chain was replaced $later ns after the lines that had named it"
kill "${children[-1]}"
wait "${children[-1]}" || true
default a
once || fail "$(cat "$scratch/once.log")"
expect_pair a

say 'nothing is written without a change'
before=$(ls -li --time-style=full-iso "$scratch/chains" "$scratch/server")
timeout 1 "$SIGNET_BIN" watch START1/WEB "${files[@]}" --exec true >"$scratch/quiet.out" 2>&1 || true
[ "$(ls -li --time-style=full-iso "$scratch/chains" "$scratch/server")" = "$before" ] || fail "files were written: $before"
[ ! -s "$scratch/quiet.out" ] || fail "something was said: $(cat "$scratch/quiet.out")"

# at_every_step VARIABLE OUTCOME: what is left after each way to be stopped fits, and the next watch finishes it.
at_every_step() {
    local variable=$1 step label last='' got
    for step in $(seq 100); do
        label=${labels[$((step % 3))]}
        last=${labels[$(((step + 2) % 3))]}
        default "$last"
        once || fail "step $step does not begin: $(cat "$scratch/once.log")"
        expect_pair "$last"
        find "$scratch/chains" -name 'chain.pem.*' ! -path "$named" -delete
        default "$label"
        got=0
        once LD_PRELOAD="$FAULT_AT" ASAN_OPTIONS=verify_asan_link_order=0 "$variable=$step" || got=$?
        expect_pair
        [ "$got" -ne 0 ] || break
        "$2" "$got" "$last" "$label"
        once || fail "step $step is not finished: $(cat "$scratch/once.log")"
        expect_pair "$label"
        cmp -s "$named" "$chain" || fail "step $step: the chain by its own name is another one"
    done
    { [ "$step" -ge 24 ] && [ "$step" -lt 100 ]; } || fail "it took $step steps"
    echo "$step steps"
}

say 'killed at every step'
was_killed() {
    [ "$1" -eq 137 ] || fail "ended with $1: $(cat "$scratch/once.log")"
}
at_every_step FAULT_KILL_AT was_killed

say 'the disk is full from every step on'
both=0
is_full() {
    grep -q 'No space left' "$scratch/once.log" || fail "ended with $1: $(cat "$scratch/once.log")"
    [ "$id" = "${hash[$2]}" ] || both=$((both + 1))
}
at_every_step FAULT_FULL_AT is_full
[ "$both" -gt 0 ] || fail 'the rename was never reached'

say 'a directory that cannot be written: the old pair stays'
is_root=
[ "$(id -u)" -ne 0 ] || is_root=yes
as_user=()
[ -z "$is_root" ] || as_user=(setpriv --reuid www-data --regid www-data --clear-groups)
if [ -n "$is_root" ]; then
    chmod -R a+rX "$scratch"
    signet owner attach START1 www-data >/dev/null
fi
default a
once || fail "$(cat "$scratch/once.log")"
expect_pair a
[ -z "$is_root" ] || chown -R www-data "$scratch/server" "$scratch/chains"
default b
for closed in chains server; do
    before=$(cat "$pair")
    chmod 555 "$scratch/$closed"
    got=0
    timeout "$(patiently 20)" "${as_user[@]}" "$SIGNET_BIN" watch START1/WEB --once --chain "$chain" --for nginx --pair "$pair" >"$scratch/closed.log" 2>&1 || got=$?
    [ "$got" -eq 8 ] || fail "a closed directory: $got, $(cat "$scratch/closed.log")"
    grep -q 'cannot create .*Permission denied' "$scratch/closed.log" || fail "it says $(cat "$scratch/closed.log")"
    [ "$(cat "$pair")" = "$before" ] || fail 'the lines were changed'
    expect_pair a
    chmod 755 "$scratch/$closed"
done
[ -z "$is_root" ] || chown -R root "$scratch/server" "$scratch/chains"
once || fail "$(cat "$scratch/once.log")"
expect_pair b

say 'mode and group are those of the chain'
chmod 640 "$chain"
[ -z "$is_root" ] || chgrp 33 "$chain"
default c
rm -f "$scratch/chains/chain.pem."*
once || fail "$(cat "$scratch/once.log")"
expect_pair c
[ "$(stat -c '%a %g' "$named")" = "640 $(stat -c %g "$chain")" ] || fail "the chain is $(stat -c '%a %g' "$named")"
chmod 644 "$chain"

if [ -n "$is_root" ]; then
    say "somebody else's file, who could change it later, is not taken over, whatever it holds"
    chown www-data "$named" "$chain" "$pair"
    chmod 666 "$named"
    once || fail "$(cat "$scratch/once.log")"
    expect_pair c
    for file in "$named" "$chain" "$pair"; do
        [ "$(stat -c '%U' "$file")" = root ] || fail "$file is still $(stat -c '%U' "$file")'s"
    done
    [ "$(stat -c '%a' "$named")" = 644 ] || fail "others may write: $(stat -c '%a' "$named")"
    chown www-data "$chain"
    chmod 666 "$chain"
    rm -f "$scratch/chains/chain.pem."*
    once || fail "$(cat "$scratch/once.log")"
    expect_pair c
    for file in "$named" "$chain"; do
        [ "$(stat -c '%U %a' "$file")" = 'root 644' ] || fail "made like somebody else's, $file is $(stat -c '%U %a' "$file")"
    done
    mkdir -m 1777 "$scratch/shared"
    shared() {
        timeout "$(patiently 20)" "${as_user[@]}" "$SIGNET_BIN" watch START1/WEB --once --chain "$scratch/shared/chain.pem" --for nginx \
            --pair "$scratch/shared/pair.conf" >"$scratch/shared.log" 2>&1
    }
    shared || fail "$(cat "$scratch/shared.log")"
    planted=$(ls "$scratch/shared/chain.pem."????????????????)
    rm "$scratch/shared/pair.conf"
    chown daemon "$planted"
    got=0
    shared || got=$?
    [ "$got" -eq 8 ] || fail "it ends with $got: $(cat "$scratch/shared.log")"
    grep -q 'belongs to another user' "$scratch/shared.log" || fail "it says $(cat "$scratch/shared.log")"
    [ ! -e "$scratch/shared/pair.conf" ] || fail "lines name somebody else's chain: $(cat "$scratch/shared/pair.conf")"
fi

say 'chains that nobody names any more go, but for the last, and nothing else does'
foreign=$scratch/chains
echo foreign >"$foreign/chain.pem.0123456789abcdef"
ln -s "$chain" "$foreign/chain.pem.0123456789abcdee"
mkdir "$foreign/chain.pem.0123456789abcded"
cp "$chain" "$foreign/chain.pem.0123456789abcdec"
cp "$chain" "$foreign/chain.pem.bak"
cp "$chain" "$foreign/other.pem.0123456789abcdef"
timeout "$(patiently 20)" "$SIGNET_BIN" watch START1/WEB --once --chain "$chain" --for nginx --pair "$scratch/server/second.conf" >/dev/null || fail 'a second pair'
second=$(sed -n 's/^ssl_certificate "\(.*\)";$/\1/p' "$scratch/server/second.conf")
{ [ -n "$second" ] && [ "$second" != "$named" ]; } || fail 'two pairs share a chain'
find "$foreign" -mindepth 1 ! -path "$named" | sort >"$scratch/foreign"
[ "$(wc -l <"$scratch/foreign")" -eq 9 ] || fail "there are $(cat "$scratch/foreign")"
# expect_chains FILE…: beside the foreign ones
expect_chains() {
    find "$foreign" -mindepth 1 | sort | comm -3 - "$scratch/foreign" >"$scratch/ours"
    printf '%s\n' "$@" | sort | cmp -s - "$scratch/ours"
}
named_by() { # LABEL
    default "$1"
    once || fail "$(cat "$scratch/once.log")"
    expect_pair "$1"
    must_have+=("$named")
}
must_have=("$named")
named_by a
named_by b
expect_chains "${must_have[@]}" || fail "one that was named just now is gone: $(cat "$scratch/ours")"
# two minutes pass
age() {
    find "$foreign" -type f | while read -r file; do touch -r "$file" -d '2 minutes ago' "$file"; done
}
c=${must_have[0]} a=${must_have[1]} b=${must_have[2]}
age
named_by c
expect_chains "$c" "$b" || fail "after c, there are $(cat "$scratch/ours")"
age
named_by a
expect_chains "$a" "$c" || fail "after a, there are $(cat "$scratch/ours")"
say 'not one that somebody has edited'
echo edited >>"$c"
echo "$c" >>"$scratch/foreign"
sort -o "$scratch/foreign" "$scratch/foreign"
age
named_by b
age
named_by a
expect_chains "$a" "$b" || fail "beside one that was edited: $(cat "$scratch/ours")"
named_by c # as it was made, again
grep -vxF "$c" "$scratch/foreign" >"$scratch/rest"
mv "$scratch/rest" "$scratch/foreign"
expect_chains "$a" "$b" "$c" || fail "after an edited one was made again: $(cat "$scratch/ours")"

say 'a watch that goes on removes them by itself'
"$SIGNET_BIN" watch START1/WEB "${files[@]}" >"$scratch/going.out" 2>"$scratch/going.log" &
watcher=$!
children+=("$watcher")
default b
wait_for 5 is_pair_of b
default a
wait_for 5 is_pair_of a
wait_for 5 expect_chains "$a" "$b" "$c"
age
wait_for 30 expect_chains "$a" "$b"

say 'many changes, and readers at every moment'
# A server reads the lines, and the chain some time later.
reader() {
    local pause=$1 number=0
    while [ ! -e "$scratch/stop" ]; do
        read_pair
        [ "$pause" = 0 ] || sleep "0.$((RANDOM % pause))"
        fits || echo "$named $id" >>"$scratch/misfits"
        number=$((number + 1))
        echo "$number" >"$scratch/read.$pause"
    done
}
readers=()
for pause in 0 9 99; do
    reader "$pause" &
    readers+=("$!")
    children+=("$!")
done
for round in $(seq 40); do
    default "${labels[$((round % 3))]}"
    sleep "0.0$((RANDOM % 10))"
done
wait_for 10 is_pair_of "${labels[1]}"
touch "$scratch/stop"
wait "${readers[@]}"
[ ! -e "$scratch/misfits" ] || fail "pairs that do not fit: $(cat "$scratch/misfits")"
[ "$(cat "$scratch/read.0")" -ge 40 ] || fail "read only $(cat "$scratch/read.0") times"
[ "$(wc -l <"$scratch/going.out")" -ge 10 ] || fail "only $(wc -l <"$scratch/going.out") changes"
echo "read $(cat "$scratch"/read.* | xargs) times over $(wc -l <"$scratch/going.out") changes"
kill -TERM "$watcher"
wait "$watcher" || true
