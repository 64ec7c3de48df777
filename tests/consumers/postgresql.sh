#!/usr/bin/env bash
# psql authenticates with a ring's key, with the service file that "signet provision postgresql" prints, against a throw-away server that runs
# as an ordinary user, whose own key is a file, and whose trust anchors are a ring's.
. "$(dirname "$0")/lib.sh"
need jq openssl setpriv
bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
[ -x "$bin/initdb" ] || fail 'postgresql-15 is not installed; scripts/setup installs it'

consumer 'PostgreSQL: libpq, psql' postgresql-15 'client key; trust anchors of the server, whose key is a file'
instance_up
outside_ca_make "$scratch/ca"
owner_up
for type in ec:p256 rsa:2048; do
    label=${type%:*}
    signet cert generate "START1/$label" --subject "CN=$label,O=Example" --key "$type" --eku clientAuth >/dev/null
    signet cert request "START1/$label" --out "$scratch/$label.csr" >/dev/null
    outside_ca_sign "$scratch/ca" "$scratch/$label.csr" "$scratch/$label.pem"
    signet cert add "START1/$label" "$scratch/$label.pem" "$scratch/ca/int.pem" "$scratch/ca/root.pem" >/dev/null
    server_ring "RING-$label" "$label"
    provision postgresql "START1/RING-$label" "$scratch/$label"
done

# The server's key is a file, and was never Signet's.
server=$scratch/server
mkdir "$server"
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /O=Example/CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout "$server/server.key" -out "$scratch/server.csr" 2>"$scratch/server.csr.log"
outside_ca_sign "$scratch/ca" "$scratch/server.csr" "$scratch/server.pem"
cat "$scratch/server.pem" "$scratch/ca/int.pem" >"$server/server.crt"
chmod 600 "$server/server.key"

# PostgreSQL refuses to run as root.
as_server() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid "$(id -u "$(server_user)")" --regid "$(id -g "$(server_user)")" --clear-groups "$@"
    else
        "$@"
    fi
}
[ "$(id -u)" -ne 0 ] || chown -R "$(server_user)" "$server"
printf 'postgres\n' >"$scratch/superuser"
as_server "$bin/initdb" -D "$server/data" -U postgres -A trust --no-sync --locale=C -E UTF8 >"$scratch/initdb.log" 2>&1 ||
    fail "initdb: $(tail -n 3 "$scratch/initdb.log")"
port=$(free_port)
as_server tee "$server/data/pg_hba.conf" >/dev/null <<CONFIG
local   all all trust
hostssl all all 127.0.0.1/32 cert
CONFIG
as_server tee -a "$server/data/postgresql.conf" >/dev/null <<CONFIG
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$server'
fsync = off
ssl_cert_file = '$server/server.crt'
ssl_key_file = '$server/server.key'
include '$scratch/ec/etc/postgresql-common/signet-server.conf'
CONFIG
as_server "$bin/postgres" -D "$server/data" >"$scratch/postgres.log" 2>&1 &
children+=("$!")
wait_for 30 "$bin/pg_isready" -h "$server" -p "$port"
for role in ec rsa; do
    as_server "$bin/psql" -h "$server" -p "$port" -U postgres -d postgres -qc "create role $role login" >"$scratch/role.log" 2>&1 ||
        fail "create role: $(cat "$scratch/role.log")"
done

# psql_with LABEL CONNECTION-STRING COMMAND: service=signet and nothing else about TLS.
psql_with() {
    local environment
    mapfile -t environment < <(provisioned_environment "$scratch/$1")
    env -u PGSSLKEY "${environment[@]}" "$bin/psql" "service=signet host=localhost hostaddr=127.0.0.1 port=$port dbname=postgres $2" -Atc "$3"
}
query="select 'hello ' || current_user || ' ' || version || ' ' || client_dn from pg_stat_ssl where pid = pg_backend_pid()"

for label in ec rsa; do
    for version in 1.2 1.3; do
        say "$label, TLS $version"
        expect_text "hello $label TLSv$version /O=Example/CN=$label" psql_with "$label" \
            "user=$label ssl_min_protocol_version=TLSv$version ssl_max_protocol_version=TLSv$version" "$query"
    done
done

say 'a key that is rolled over, to and fro, by the printed service: whoever connects every 100 ms sees no failure'
watch_as_printed "$scratch/ec"
connect_for_ever "$scratch/connections" psql_with ec user=ec "$query" &
connecting=$!
children+=("$connecting")
wait_for 20 test -s "$scratch/connections"
roll_over ec ec-2
to_and_fro ec 5
wait_for 10 holds_certificate "$scratch/ec/etc/postgresql-common/signet-chain.pem" "$scratch/ec-2.pem"
sleep 0.5
end_tree "$connecting"
all_connected "$scratch/connections" 3
# Right after the old key's last use it is not destroyed; of uses within one second nobody knows which came first.
is_used_and_finished() {
    expect_text 'hello ec' psql_with ec user=ec "$query"
    signet rollover finish START1/ec
}
wait_for 20 is_used_and_finished
expect_text 'hello ec' psql_with ec user=ec "$query"

say 'the certificate of one is not another'
expect_failure 2 'certificate authentication failed' psql_with ec user=rsa "$query"

say 'without the ring there is no key'
expect_failure 2 'private (SSL )?key' psql_with ec "user=ec sslkey=pkcs11:pkcs11:token=START1%2FNONE;object=none;type=private" "$query"

say 'a server of another CA is refused by the client'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 -subj /CN=localhost -keyout "$scratch/other.key" \
    -out "$scratch/other.pem" 2>/dev/null
expect_failure 2 'certificate verify failed' psql_with ec "user=ec sslrootcert=$scratch/other.pem" "$query"

say 'signetd is restarted: connections stay, new ones take a new process (docs/upgrade.md)'
# held NAME: a psql that reads its commands from a pipe, as a program that runs on and connects now and then.
held() {
    psql_with ec user=ec "\\i $scratch/commands-$1" >"$scratch/held-$1.log" 2>&1
}
# held_says NAME COMMAND TEXT
held_says() {
    echo "$2" >>"$scratch/commands-$1"
    wait_for 10 grep -q "$3" "$scratch/held-$1.log"
}
mkfifo "$scratch/commands-plain" "$scratch/commands-careful"
held plain &
plain=$!
(trap '' PIPE && held careful) &
careful=$!
children+=("$plain" "$careful")
exec 7>"$scratch/commands-plain" 8>"$scratch/commands-careful"
for name in plain careful; do
    held_says "$name" "select 'before ' || ssl from pg_stat_ssl where pid = pg_backend_pid();" 'before true'
done
signet dev down "$instance" >/dev/null
signet dev up "$instance" >/dev/null
for name in plain careful; do
    held_says "$name" "select 'connected ' || 'still';" 'connected still'
done
expect_text 'hello ec' psql_with ec user=ec "$query"
# p11-kit's client writes into a connection that is closed: who does not ignore SIGPIPE ends of it.
status=0
echo '\connect' >&7
wait "$plain" || status=$?
[ "$status" -eq 141 ] || fail "psql ended with $status: docs/upgrade.md says otherwise: $(cat "$scratch/held-plain.log")"
held_says careful '\connect' 'could not read private SSL key'
exec 7>&- 8>&-
