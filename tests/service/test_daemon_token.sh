#!/usr/bin/env bash
# The token is away, its module is not there, its directory cannot be written: said so that an operator knows what to do, nothing
# half-made, and one command when it is mended.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"

instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web
signet cert request START1/web >/dev/null
remember

expect_failed() {
    [ "$(condition)" = degraded ] || fail "the service is $(condition)"
    [ "$(token_state)" = failed ] || fail "the token is $(token_state)"
    expect_text "$1" signet token list
    refused 6 token_unavailable "$1" cert generate START1/none --subject CN=none
    refused 6 token_unavailable "$1" token login softhsm
    expect_text 'web' signet cert list START1
}

say 'those that serve are spread over the processors, the one for operations is not'
cpus_of() { sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "/proc/$1/status"; }
master_cpus=$(cpus_of "$(cat "$instance/signetd.pid")")
expect_ready
if [ "$(nproc)" -gt 1 ]; then
    first=$(cpus_of "$(pids_of signet-token0.1)") second=$(cpus_of "$(pids_of signet-token0.2)")
    case $first$second in *[,-]*) fail "they may use $first and $second" ;; esac
    [ "$first" != "$second" ] || fail "both keep to $first"
fi
[ "$(cpus_of "$(pids_of signet-token0.0)")" = "$master_cpus" ] || fail 'the process for operations is kept to one'

say 'no token in the directory'
mv "$instance/token" "$instance/token.away"
mkdir -m 700 "$instance/token"
restart
expect_failed 'no token.*signet'
rmdir "$instance/token"
refused 6 token_unavailable "storage $instance/token.*No such file" token login softhsm
mv "$instance/token.away" "$instance/token"
expect_text 'logged in' signet token login softhsm
wait_for 3 is_ready
expect_unchanged 'a token that was away'
signet cert request START1/web >/dev/null

say 'a token that goes away while it is used'
clients_attach WEB web 2
mv "$instance/token" "$instance/token.away"
kill_all signet-token
wait_for 20 is_token failed
refused 6 token_unavailable "storage $instance/token.*No such file" cert request START1/web
mv "$instance/token.away" "$instance/token"
expect_text 'logged in' signet token login softhsm
wait_for 3 is_ready
clients_expect sign ok 2
expect_unchanged 'a token that went away'

say 'a module that is not there'
cp -p "$instance/signet.conf" "$scratch/signet.conf"
sed -i 's|^module = .*|module = "/no/such/module.so"|' "$instance/signet.conf"
restart
expect_failed '/no/such/module.so'
sed -i "s|^module = .*|module = \"$client_module.txt\"|" "$instance/signet.conf"
restart
expect_failed "$client_module.txt"
cp -p "$scratch/signet.conf" "$instance/signet.conf"
restart
expect_ready
expect_unchanged 'a module that was not there'

say 'a token directory that cannot be written'
clients_attach WEB web 2
chmod -R a-w "$instance/token"
refused 6 general_error 'token .*softhsm.*CKR_GENERAL_ERROR' cert generate START1/none --subject CN=none --key rsa:2048
grep -q 'storage directory is writable' "$scratch/refused" || fail "no advice: $(cat "$scratch/refused")"
signet cert request START1/web >/dev/null
clients_expect sign ok 2
chmod -R u+w "$instance/token"
find "$instance/token" -name token.object -exec chmod 400 {} +
wait_for 20 is_settled
expect_unchanged 'a directory that could not be written'
expect_keys_agree
signet cert generate START1/after --subject CN=after >/dev/null
expect_keys_agree

say 'a key that is deleted while the token directory cannot be written'
signet cert generate START1/gone --subject CN=gone >/dev/null
clients_attach WEB web 2
chmod -R a-w "$instance/token"
expect_text 'could not follow at once' signet cert delete START1/gone
[ "$(number unsettled_intents)" -eq 1 ] || fail 'nothing is left to be done'
tried=$(logged event=recovery_incomplete)
tried_again() { [ "$(logged event=recovery_incomplete)" -gt "$tried" ]; }
wait_for 10 tried_again # in vain
signet cert request START1/web >/dev/null
clients_expect sign ok 2
chmod -R u+w "$instance/token"
find "$instance/token" -name token.object -exec chmod 400 {} +
wait_for 60 is_settled
expect_keys_agree

say 'a key that is deleted while the token directory is away'
signet cert generate START1/gone --subject CN=gone >/dev/null
sleep 6 # a process that has just logged in is believed when it sees no key
mv "$instance/token" "$instance/token.away"
expect_text 'could not follow at once' signet cert delete START1/gone
mv "$instance/token.away" "$instance/token"
wait_for 60 is_settled
wait_for 20 is_ready
expect_keys_agree

say 'new keys after a directory that was away, without any command'
mv "$instance/token" "$instance/token.away"
if signet cert generate START1/late --subject CN=late >/dev/null 2>&1; then fail 'a key was made in a token that is away'; fi
mv "$instance/token.away" "$instance/token"
wait_for 40 is_ready
wait_for 20 signet cert generate START1/late --subject CN=late # what was ready may have been about to be replaced
expect_keys_agree

say 'an object that cannot be deleted keeps nothing else waiting'
stuck_object() {
    local file
    signet cert generate START1/stuck --subject CN=stuck >/dev/null
    file=$(find "$instance/token" -name '*.object' ! -name token.object -newer "$scratch/before" | head -n 1)
    [ -n "$file" ] || fail 'no new object in the token'
    chattr +i "$file" 2>/dev/null && echo "$file"
}
touch "$scratch/before"
sleep 1
if stuck=$(stuck_object); then
    trap 'status=$?; chattr -i "$stuck" 2>/dev/null || true; (exit "$status"); ended' EXIT
    expect_text 'could not follow at once' signet cert delete START1/stuck
    for i in 1 2 3 4; do
        signet cert generate "START1/more$i" --subject "CN=more$i" >/dev/null || fail "a key cannot be made beside one that cannot be destroyed"
        signet cert delete "START1/more$i" >/dev/null 2>"$scratch/told" || fail 'nor deleted'
        if grep -q 'could not follow' "$scratch/told"; then fail "nor destroyed: $(cat "$scratch/told")"; fi
        sleep 2
    done
    chattr -i "$stuck"
    wait_for 60 is_settled
    wait_for 20 is_ready
    expect_keys_agree
else
    say 'this file system has no immutable files: left out'
fi
