#!/usr/bin/env bash
# What happens to whom when signetd is restarted, and what mends it: docs/upgrade.md says it in a table, this is where the table comes from.
. "$(dirname "$0")/lib.sh"
need nginx apache2 stunnel4 curl jq ssh-agent ssh-add openssl pkcs11-tool

instance_up
outside_ca_make "$scratch/ca"
owner_up
server_certificate web ec:p256
server_ring WEB web
for program in apache stunnel openssh; do
    provision "$program" START1/WEB "$scratch/$program"
done
nginx_port=$(free_port)
nginx_up "$scratch/nginx" "$nginx_port" WEB
apache_port=$(free_port)
apache_up "$scratch/apache" "$apache_port"
wait_for 15 test -s "$scratch/apache/apache.pid"
apache_pid=$(cat "$scratch/apache/apache.pid")
plain=$nginx_port # any port: the handshake is what is looked at
stunnel_port=$(free_port)
stunnel_up "$scratch/stunnel" "$stunnel_port"
stunnel_pid=${children[-1]}
mapfile -t environment < <(provisioned_environment "$scratch/openssh")
eval "$(env "${environment[@]}" ssh-agent -a "$scratch/agent")" >/dev/null
children+=("$SSH_AGENT_PID")
echo content >"$scratch/file"
add_key() {
    (export "${environment[@]}" && eval "$(provisioned_example "$scratch/openssh" 'ssh-add -s') </dev/null") >"$scratch/add.log" 2>&1
}
add_key || fail "ssh-add: $(cat "$scratch/add.log")"

# serves PORT: a full handshake succeeds.
serves() {
    openssl s_client -connect "localhost:$1" -CAfile "$scratch/ca/root.pem" -verify_return_error </dev/null >"$scratch/s_client" 2>&1
}
agent_signs() {
    rm -f "$scratch/file.sig"
    ssh-keygen -Y sign -f "$scratch/openssh/etc/ssh/signet.pub" -n file "$scratch/file" 2>"$scratch/agent.log" && [ -s "$scratch/file.sig" ]
}
new_program_works() {
    pkcs11-tool --module "$client_module" --token-label START1/WEB -O --type privkey 2>/dev/null | finds 'Private Key'
}
ports=("$nginx_port" "$apache_port" "$stunnel_port")
# Every worker attaches at its first handshake.
failures_of() {
    local failures=0
    for _ in $(seq 20); do
        serves "$1" || failures=$((failures + 1))
    done
    echo "$failures"
}
attach_all() {
    local pids=()
    for _ in $(seq 16); do
        serves "$1" &
        pids+=("$!")
    done
    wait "${pids[@]}" || true
}
for port in "${ports[@]}"; do
    serves "$port" || fail "port $port does not serve: $(tail -n 3 "$scratch/s_client")"
    attach_all "$port"
done
agent_signs || fail "the agent does not sign: $(cat "$scratch/agent.log")"

say 'signetd is restarted'
signet dev down "$instance" >/dev/null
signet dev up "$instance" >/dev/null

say 'programs that start now do not notice'
new_program_works || fail 'a new program does not see the key'

say 'those that were attached fail until they are reloaded'
for port in "${ports[@]}"; do
    failures=$(failures_of "$port")
    echo "port $port: $failures of 20 handshakes fail"
    [ "$failures" -ge 1 ] || fail "port $port serves without a reload: docs/upgrade.md says otherwise"
done
! agent_signs || fail 'the agent signs: docs/upgrade.md says otherwise'

# helps SECONDS PORT: it serves within so many seconds
helps() {
    local end=$((SECONDS + $(patiently "$1")))
    until serves "$2"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.2
    done
}
say 'nginx: a reload does not help, a restart does'
kill -HUP "$(cat "$scratch/nginx/nginx.pid")"
! helps 2 "$nginx_port" || fail 'a reload of nginx helps: docs/upgrade.md says otherwise'
grep -q 'Device error' "$scratch/nginx/error.log" || fail 'nginx does not say why'
kill -QUIT "$(cat "$scratch/nginx/nginx.pid")"
while [ -e "$scratch/nginx/nginx.pid" ]; do sleep 0.1; done
nginx_start "$scratch/nginx"
helps 20 "$nginx_port" || fail 'nginx does not serve after its restart'
say 'Apache: a graceful restart ends it, a restart helps'
kill -USR1 "$apache_pid"
is_gone() { ! kill -0 "$1" 2>/dev/null; }
wait_for 20 is_gone "$apache_pid"
apache_up "$scratch/apache" "$apache_port"
helps 20 "$apache_port" || fail 'Apache does not serve after its restart'
say 'stunnel: a reload does not help, a restart does'
kill -HUP "$stunnel_pid"
! helps 2 "$stunnel_port" || fail 'a reload of stunnel helps: docs/upgrade.md says otherwise'
kill "$stunnel_pid"
wait_for 20 is_gone "$stunnel_pid"
stunnel_up "$scratch/stunnel" "$stunnel_port"
helps 20 "$stunnel_port" || fail 'stunnel does not serve after its restart'
say 'ssh-agent: the module out and in'
(export "${environment[@]}" && ssh-add -e "$client_module") >"$scratch/remove.log" 2>&1 || true
add_key || fail "ssh-add: $(cat "$scratch/add.log")"
agent_signs || fail "the agent does not sign: $(cat "$scratch/agent.log")"

say 'and go on'
for port in "${ports[@]}"; do
    for _ in 1 2 3 4 5; do
        serves "$port" || fail "port $port fails after the reload: $(tail -n 3 "$scratch/s_client")"
    done
done
