#!/usr/bin/env bash
# What happens to servers in Java, with GnuTLS and with NSS when signetd is restarted, and what mends it: the rest of the table in
# docs/upgrade.md.
. "$(dirname "$0")/lib.sh"
need java javac gnutls-serv selfserv certutil modutil curl jq openssl xmllint
need_jetty
need_tomcat

instance_up
outside_ca_make "$scratch/ca"
owner_up
server_certificate web ec:p256
server_ring WEB web
javac -d "$scratch/classes" "$here/DefaultTls.java"
servers=(java jetty tomcat gnutls nss)
declare -A port pid
for server in "${servers[@]}"; do
    port[$server]=$(free_port)
    provision "$server" START1/WEB "$scratch/$server"
done
mkdir "$scratch/db"
certutil -N -d "sql:$scratch/db" --empty-password

# NAME_start: as printed.
java_start() {
    local command environment
    eval "command=($(provisioned_example "$scratch/java" 'java '))"
    unset 'command[-1]'
    mapfile -t environment < <(provisioned_environment "$scratch/java")
    (cd "$scratch/java" && exec env -u P11_KIT_SERVER_ADDRESS "${environment[@]}" "${command[@]}" -cp "$scratch/classes" DefaultTls serve "${port[java]}") >"$scratch/java.log" 2>&1 &
    children+=("$!")
}
jetty_start() { jetty_up "$scratch/jetty" "${port[jetty]}"; }
tomcat_start() { tomcat_up "$scratch/tomcat" "${port[tomcat]}"; }
gnutls_start() {
    (cd "$scratch/gnutls" && eval "exec $(provisioned_example "$scratch/gnutls" gnutls-serv | sed "s/--port 8443/--port ${port[gnutls]} --quiet/")") \
        >"$scratch/gnutls.log" 2>&1 &
    children+=("$!")
}
nss_start() {
    local environment
    mapfile -t environment < <(provisioned_environment "$scratch/nss")
    eval "env ${environment[*]@Q} $(provisioned_example "$scratch/nss" modutil | sed "s|sql:DIR|sql:$scratch/db|")" >"$scratch/modutil.log" 2>&1 || true
    eval "exec env ${environment[*]@Q} $(provisioned_example "$scratch/nss" selfserv | sed "s|sql:DIR|sql:$scratch/db|; s/-p 8443/-p ${port[nss]}/")" \
        >"$scratch/nss.log" 2>&1 &
    children+=("$!")
}
start() {
    "$1_start"
    pid[$1]=${children[-1]}
}

# serves SERVER: a full handshake succeeds. Whoever ends it without a word, as Jetty does, has s_client end well: its signature is looked for.
serves() {
    timeout "$(patiently 10)" openssl s_client -connect "localhost:${port[$1]}" -CAfile "$scratch/ca/root.pem" -verify_return_error </dev/null >"$scratch/s_client" 2>&1
    grep -q '^Peer signature type: ECDSA' "$scratch/s_client"
}
for server in "${servers[@]}"; do
    start "$server"
done
for server in "${servers[@]}"; do
    wait_for 60 serves "$server"
done

say 'a roll-over: everybody goes on with the key that he holds'
signet rollover start START1/web --label web-2 >/dev/null 2>&1
signet rollover switch START1/web --self-signed >/dev/null 2>&1
for server in "${servers[@]}"; do
    for _ in once again; do
        serves "$server" || fail "$server does not go on with the old key: docs/rollover.md says otherwise"
    done
done
signet rollover undo START1/web >/dev/null
signet rollover undo START1/web >/dev/null

say 'signetd is restarted'
signet dev down "$instance" >/dev/null
signet dev up "$instance" >/dev/null
for server in "${servers[@]}"; do
    failures=0
    for _ in 1 2 3 4 5 6; do
        serves "$server" || failures=$((failures + 1))
    done
    echo "$server: $failures of 6 handshakes fail"
    [ "$failures" -eq 6 ] || fail "$server goes on: docs/upgrade.md says otherwise"
done

say 'a restart of the server helps'
for server in "${servers[@]}"; do
    end_server "${pid[$server]}"
    start "$server"
done
for server in "${servers[@]}"; do
    wait_for 60 serves "$server"
    serves "$server" || fail "$server fails after its restart"
done
