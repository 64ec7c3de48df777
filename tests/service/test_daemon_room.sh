#!/usr/bin/env bash
# Rings that do not fit what one client may see: the others are there, and everybody is told which are not: status, ring check, and the log,
# once for each change.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
need openssl jq p11tool

RINGS=24 # the view of a process of 32 MiB has 8 MiB: the certificates of some 20 rings
EACH=8
FIT=18

# authority NUMBER: a CA's certificate of some 50 KB.
names=$(seq -f "DNS:%03.0f.$(printf 'x%.0s' {1..60}).$(printf 'y%.0s' {1..60}).$(printf 'z%.0s' {1..60}).example" -s , 240)
authority() {
    openssl req -x509 -new -key "$scratch/key" -subj "/CN=authority $1" -days 100 -addext "subjectAltName=$names"
}

instance_up
sed -i 's|^token_user = .*|&\nconnection_memory_max = 32M|' "$instance/signet.conf"
restart
signet owner add START1 >/dev/null
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$scratch/key"
# ring NAME: with CAs of its own.
made=0
ring() {
    local numbers number
    numbers=$(seq $((made + 1)) $((made + EACH)))
    made=$((made + EACH))
    for number in $numbers; do
        authority "$number"
    done >"$scratch/all.pem"
    signet ring add "START1/$1" >/dev/null
    signet cert add CERTAUTH "$scratch/all.pem" >/dev/null
    for number in $numbers; do
        signet ring connect "START1/$1" "CERTAUTH/authority $number" >/dev/null
    done
}
seen() {
    pkcs11-tool --module "$client_module" -L | grep -c 'token label' || true
}
left_out() {
    signet status --json 2>/dev/null | jq -c '.rings_left_out | map({uid, rings, first})'
}
log_lines() {
    grep -c "event=$1 uid=$(id -u) " "$instance/signetd.log" || true
}

say 'while all fit nobody says anything'
for number in $(seq "$FIT"); do
    ring "R$((number + 10))"
done
[ "$(seen)" = "$FIT" ] || fail "$(seen) of $FIT rings are seen"
[ "$(left_out)" = '[]' ] || fail "status says $(left_out)"
[ "$(log_lines rings_left_out)" = 0 ] || fail 'the log says that rings were left out'

say 'what does not fit is told: by status, by ring check, in the log'
for number in $(seq $((FIT + 1)) "$RINGS"); do
    ring "R$((number + 10))"
done
shown=$(seen)
((shown >= FIT && shown < RINGS)) || fail "$shown of $RINGS rings are seen"
hidden=$((RINGS - shown))
first=START1/R$((11 + shown))
[ "$(left_out)" = "[{\"uid\":$(id -u),\"rings\":$hidden,\"first\":\"$first\"}]" ] || fail "status says $(left_out)"
signet status >/dev/null 2>"$scratch/err" || fail 'signet status'
grep -q "is not shown $hidden of the rings that it may see: they do not fit its view of 8 MiB, and of 8192 rings and certificates. The first: signet ring check '$first'" "$scratch/err" ||
    fail "status warns: $(cat "$scratch/err")"
signet ring check "$first" --json | jq -e --arg who "(uid $(id -u))" '.items | any(.code == "no_room" and .severity == "warning" and
    (.text | contains($who)) and (.next | startswith("signet attach ")))' >/dev/null || fail "ring check: $(signet ring check "$first")"
signet ring check START1/R11 --json | jq -e '.items | all(.code != "no_room")' >/dev/null || fail 'ring check complains of a ring that is shown'
grep -q "event=rings_left_out uid=$(id -u) gid=$(id -g) rings=$hidden first=\"$first\"\$" "$instance/signetd.log" || fail 'the log names another ring'

say 'who asks for that ring alone has it'
user=$(server_user)
signet owner attach START1 "$user" >/dev/null 2>&1 || true
modules=$scratch/home/.config/pkcs11/modules
mkdir -p "$modules"
echo "remote: |$SIGNET_BIN attach --socket $SIGNET_SOCKET $first" >"$modules/alone.module"
become=()
[ "$(id -u)" -ne 0 ] || become=(setpriv --reuid "$(id -u "$user")" --regid "$(id -g "$user")" --clear-groups)
"${become[@]}" env -u P11_KIT_SERVER_ADDRESS -u SIGNET_SOCKET HOME="$scratch/home" XDG_CONFIG_HOME="$scratch/home/.config" \
    timeout "$(patiently 60)" p11tool --list-token-urls >"$scratch/alone" 2>&1 || fail "p11tool: $(cat "$scratch/alone")"
grep -q "token=${first/\//%2F}\$" "$scratch/alone" || fail "$first is not there alone: $(cat "$scratch/alone")"

say 'the log says it once, however often the view is made'
before=$(log_lines rings_left_out)
for number in 1 2 3; do
    signet ring add "START1/A$number" >/dev/null
    signet ring delete "START1/A$number" >/dev/null
    [ "$(seen)" = "$shown" ] || fail 'another number of rings is seen'
done
[ "$(log_lines rings_left_out)" = "$before" ] || fail 'the log says again what it has said'
for number in $(seq $((shown + 1)) "$RINGS"); do
    signet ring delete "START1/R$((number + 10))" >/dev/null
done
[ "$(left_out)" = '[]' ] || fail "status speaks of rings that are gone: $(left_out)"
[ "$(seen)" = "$shown" ] || fail 'another number of rings is seen'
[ "$(left_out)" = '[]' ] || fail "status still says $(left_out)"
[ "$(log_lines rings_fit)" = 1 ] || fail 'the log does not say that all fit again'
