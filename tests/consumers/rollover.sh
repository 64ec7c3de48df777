#!/usr/bin/env bash
# A key rolled over in stages under nginx, with an outside CA: somebody who connects every 100 ms sees no failure, from the start to
# after the end.
. "$(dirname "$0")/lib.sh"
need nginx curl openssl

instance_up
outside_ca_make "$scratch/ca"
owner_up
server_certificate web ec:p256
server_ring KEY web

dir=$scratch/nginx
port=$(free_port)
nginx_up "$dir" "$port" KEY

# One line for each connection: when, and the serial number of the server's certificate, or what went wrong.
connect_for_ever() {
    local version=2
    while :; do
        version=$((version == 2 ? 3 : 2))
        if curl -sS -o /dev/null -w '%{certs}' --no-sessionid --max-time 5 --cacert "$scratch/ca/root.pem" --tlsv1.$version --tls-max 1.$version \
            "https://localhost:$port/" >"$scratch/curl.out" 2>"$scratch/curl.err"; then
            echo "ok $(openssl x509 -in "$scratch/curl.out" -noout -serial)"
        else
            echo "FAILED $(tr '\n' ' ' <"$scratch/curl.err")"
        fi
        sleep 0.1
    done >>"$scratch/connections"
}

connections() {
    wc -l <"$scratch/connections"
}

serial_of() {
    signet cert export "START1/$1" | openssl x509 -noout -serial
}

# Ten connections more, none of which failed; the last was served with LABEL.
expect_served() {
    local wanted
    wanted=$(($(connections) + 10))
    # shellcheck disable=SC2016
    wait_for 30 sh -c '[ "$(wc -l <"$1")" -ge "$2" ]' - "$scratch/connections" "$wanted"
    ! grep FAILED "$scratch/connections" || fail 'a connection failed'
    [ "$(tail -n 1 "$scratch/connections")" = "ok $(serial_of "$1")" ] || fail "not served with $1: $(tail -n 1 "$scratch/connections")"
}

# nginx reads what is printed for it, and its configuration, anew.
reload() {
    rm -rf "$scratch/provisioned"
    {
        nginx_top "$dir"
        nginx_server "$port" KEY
        echo "}"
    } >"$dir/nginx.conf"
    kill -HUP "$(cat "$dir/nginx.pid")"
}

old_workers_gone() {
    ! pgrep -P "$(cat "$dir/nginx.pid")" -f 'shutting down'
}

: >"$scratch/connections"
connect_for_ever &
children+=("$!")
say 'before'
expect_served web

say 'started'
signet rollover start START1/web --label web-2 >/dev/null 2>&1
expect_served web

say 'certified'
signet cert request START1/web-2 --out "$scratch/web-2.csr" >/dev/null
outside_ca_sign "$scratch/ca" "$scratch/web-2.csr" "$scratch/web-2.pem"
signet cert add START1/web-2 "$scratch/web-2.pem" >/dev/null
expect_served web

say 'switched: nginx goes on with the key that it holds'
signet rollover switch START1/web >/dev/null 2>&1
expect_served web

say 'undone and switched again'
signet rollover undo START1/web >/dev/null
expect_served web
signet rollover switch START1/web >/dev/null 2>&1
expect_served web

say 'reloaded: nginx finds the new one'
reload
new=$(serial_of web-2)
wait_for 15 grep -q "ok $new" "$scratch/connections"
wait_for 15 old_workers_gone
expect_served web-2

say 'finished'
signet rollover finish START1/web >/dev/null
expect_served web-2
expect_failure 3 'no roll-over' signet rollover undo START1/web
[ "$(connections)" -ge 60 ] || fail "only $(connections) connections"
