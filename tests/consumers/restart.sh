#!/usr/bin/env bash
# What happens to whom when signetd is restarted, and what mends it: docs/upgrade.md says it in a table, this is where the table comes from.
. "$(dirname "$0")/lib.sh"
need nginx apache2 stunnel4 curl jq ssh-agent ssh-add openssl pkcs11-tool p11tool mkfifo
need_sshd

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

# The page restarts the units that the texts name.
for root in "$scratch/provisioned/nginx-WEB" "$scratch/apache" "$scratch/stunnel"; do
    drop_in=$(basename "$root"/etc/systemd/system/*.service.d .service.d)
    program=$(basename "${root%-WEB}")
    grep -qi "^| $program | .*\`systemctl restart $drop_in\`" "$here/../../docs/upgrade.md" ||
        fail "docs/upgrade.md does not restart $drop_in for $program"
done

# serves PORT: a full handshake succeeds.
serves() {
    openssl s_client -connect "localhost:$1" -CAfile "$scratch/ca/root.pem" -verify_return_error </dev/null >"$scratch/s_client" 2>&1
}
agent_signs() {
    rm -f "$scratch/file.sig"
    ssh-keygen -Y sign -f "$scratch/openssh/etc/ssh/signet.pub" -n file "$scratch/file" 2>"$scratch/agent.log" && [ -s "$scratch/file.sig" ]
}

# Clients: a server whose key is a file lets in whoever has the key of START1/CLIENT, and an sshd whoever has that of START1/WEB.
client_certificate ec:p256
far_port=$(free_port)
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout "$scratch/far.key" -out "$scratch/far.csr" 2>/dev/null
outside_ca_sign "$scratch/ca" "$scratch/far.csr" "$scratch/far.pem"
openssl s_server -accept "$far_port" -cert "$scratch/far.pem" -key "$scratch/far.key" -cert_chain "$scratch/ca/int.pem" -www \
    -Verify 5 -verify_return_error -CAfile "$scratch/ca/root.pem" >"$scratch/far.log" 2>&1 &
children+=("$!")
wait_for 15 listening "$far_port"
ssh_port=$(free_port)
sshd_up "$scratch/sshd" "$ssh_port" "$scratch/openssh/etc/ssh/signet.pub"

# new_PROGRAM: one that starts now.
new_pkcs11_tool() {
    pkcs11-tool --module "$client_module" --token-label START1/WEB -O --type privkey 2>/dev/null | finds 'Private Key'
}
new_p11tool() {
    p11tool --provider "$client_module" --list-all 'pkcs11:token=START1%2FWEB' 2>/dev/null | finds 'Type: Private key'
}
new_openssl() {
    local environment
    mapfile -t environment < <(provisioned_environment "$scratch/client")
    (cd "$scratch/client" && export "${environment[@]}" && eval "$(provisioned_example "$scratch/client" '. ./signet-pair.sh && openssl req')") >"$scratch/req.log" 2>&1
}
new_curl() {
    curl_with_client_certificate "https://localhost:$far_port/" | finds 'TLSv1.3'
}
new_ssh() {
    local configuration=$scratch/openssh/etc/ssh/ssh_config.d/signet.conf
    (export "${environment[@]}" && unset SSH_AUTH_SOCK && ssh -F "$configuration" -p "$ssh_port" -o BatchMode=yes -o IdentityFile=none \
        -o UserKnownHostsFile="$scratch/sshd/known" -o GlobalKnownHostsFile=none localhost 'echo logged in') 2>"$scratch/ssh.log" | finds 'logged in'
}
new_programs=(pkcs11_tool p11tool openssl curl ssh)
new_programs_work() {
    local program
    for program in "${new_programs[@]}"; do
        "new_$program" || fail "a $program that starts $1 cannot use the key"
    done
}

# A curl that has used its key for one address and waits, before the next, for whoever reads what it wrote: programs that run on and connect
# now and then are like it.
mkfifo "$scratch/held"
held_begin() {
    rm -f "$scratch/held.log" "$scratch/after"
    curl_with_client_certificate -v -o "$scratch/held" -o "$scratch/after" "https://localhost:$far_port/after" "https://localhost:$far_port/" \
        2>"$scratch/held.log" &
    held=$!
    children+=("$held")
    wait_for 15 grep -q 'HTTP/1.0 200 ok' "$scratch/held.log"
}
# Its exit status.
held_end() {
    timeout "$(patiently 20)" cat "$scratch/held" >/dev/null
    wait "$held"
}
new_programs_work 'before'
held_begin
held_end || fail "curl with two addresses ended with $?: $(tail -n 3 "$scratch/held.log")"
held_begin
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

say 'a program with libcurl that goes on cannot use its key again'
status=0
held_end || status=$?
[ "$status" -eq 58 ] || fail "curl ended with $status: docs/upgrade.md says otherwise: $(tail -n 3 "$scratch/held.log")"

say 'programs that start now do not notice'
new_programs_work now

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
