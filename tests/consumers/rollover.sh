#!/usr/bin/env bash
# A key rolled over in stages under nginx, Apache and stunnel, with an outside CA and nobody's help but that of "signet watch" as it is
# printed: somebody who connects to each every 100 ms sees no failure, from the start to after the end, but for stunnel's closed port.
. "$(dirname "$0")/lib.sh"
need nginx apache2 stunnel4 curl openssl jq

instance_up
outside_ca_make "$scratch/ca"
owner_up
server_certificate web ec:p256
server_ring KEY web

# ---- three servers ----

declare -A port dir
for server in nginx apache stunnel; do
    port[$server]=$(free_port)
    dir[$server]=$scratch/$server
done
nginx_up "${dir[nginx]}" "${port[nginx]}" KEY
provision apache START1/KEY "${dir[apache]}"
apache_up "${dir[apache]}" "${port[apache]}"
plain=$(free_port)
mkdir "$scratch/plain"
{
    nginx_top "$scratch/plain"
    echo "server { listen 127.0.0.1:$plain; location / { return 200; } } }"
} >"$scratch/plain/nginx.conf"
nginx -p "$scratch/plain" -c "$scratch/plain/nginx.conf" -g 'daemon off;' >"$scratch/plain/out.log" 2>&1 &
children+=("$!")
wait_for 15 listening "$plain"
provision stunnel START1/KEY "${dir[stunnel]}"
stunnel_up "${dir[stunnel]}" "${port[stunnel]}"
stunnel_pid=${children[-1]}
wait_for 15 test -s "${dir[apache]}/apache.pid"

# What systemd does for the printed commands, by the units of Debian's packages and the printed environment.
mkdir "$scratch/bin"
cat >"$scratch/bin/systemctl" <<SYSTEMCTL
#!/bin/bash
apache() {
    kill -0 "\$(cat ${dir[apache]}/apache.pid)" 2>/dev/null
}
echo "\$*" >>$scratch/systemctl.log
case "\$*" in
'reload nginx') OPENSSL_CONF=${dir[nginx]}/openssl.cnf exec nginx -p ${dir[nginx]} -c ${dir[nginx]}/nginx.conf -s reload ;;
'reload-or-restart apache2')
    action=start
    if apache; then action=graceful; fi
    OPENSSL_CONF=${dir[apache]}/etc/apache2/signet-openssl.cnf exec apache2 -f ${dir[apache]}/apache.conf -k \$action
    ;;
'is-active --quiet apache2') apache ;;
'kill --signal=HUP stunnel@signet') kill -HUP $stunnel_pid ;;
*) exit 1 ;;
esac
SYSTEMCTL
chmod +x "$scratch/bin/systemctl"
root_of() {
    if [ "$1" = nginx ]; then echo "$scratch/provisioned/nginx-KEY"; else echo "${dir[$1]}"; fi
}
# What is the administrator's own: where nginx and stunnel are.
sed -i "s|/run/nginx.pid|${dir[nginx]}/nginx.pid|" "$(root_of nginx)/etc/nginx/signet-watch.sh"
sed -i "s|localhost:8443|localhost:${port[stunnel]}|" "$(root_of stunnel)/etc/stunnel/signet-watch.sh"
watchers=()
for server in nginx apache stunnel; do
    watch_as_printed "$(root_of "$server")"
    watchers+=("${children[-1]}")
done

# ---- somebody who connects ----

# One line for each connection: the serial number of the server's certificate, or what went wrong.
connect_for_ever() {
    local server=$1 version=2
    while :; do
        version=$((version == 2 ? 3 : 2))
        if curl -sS -o /dev/null -w '%{certs}' --no-sessionid --max-time "$(patiently 5)" --cacert "$scratch/ca/root.pem" --tlsv1.$version --tls-max 1.$version \
            "https://localhost:${port[$server]}/" >"$scratch/$server.certs" 2>"$scratch/$server.err"; then
            echo "ok $(openssl x509 -in "$scratch/$server.certs" -noout -serial)"
        else
            echo "FAILED $(date +%T) $(tr '\n' ' ' <"$scratch/$server.err")"
        fi
        sleep 0.1
    done >>"$scratch/$server.connections"
}

connections() {
    wc -l <"$scratch/$1.connections"
}

serial_of() {
    signet cert export "START1/$1" | openssl x509 -noout -serial
}

# served_by SERVER SERIAL: ten connections more than $wanted says, the last with this certificate
served_by() {
    [ "$(connections "$1")" -ge "$wanted" ] && [ "$(tail -n 1 "$scratch/$1.connections")" = "ok $2" ]
}

# failures SERVER: there are some, which it prints. stunnel closes its port and opens it again in each of the three reloads: who connects at
# that moment is refused, or reset.
failures() {
    local closed='curl: \((7\) .*(connect to server|refused)|35\) .*Connection reset by peer)'
    if [ "$1" = stunnel ] && [ "$(grep FAILED "$scratch/$1.connections" | grep -cE "$closed")" -le "$(patiently 3)" ]; then
        grep FAILED "$scratch/$1.connections" | grep -vE "$closed"
    else
        grep FAILED "$scratch/$1.connections"
    fi
}

# Everybody is served with LABEL, within so many seconds, and for ten connections from then on; and nobody has failed.
expect_served() {
    local label=$1 seconds=${2:-30} server serial
    serial=$(serial_of "$label")
    for server in nginx apache stunnel; do
        wanted=0
        wait_for "$seconds" served_by "$server" "$serial"
    done
    for server in nginx apache stunnel; do
        wanted=$(($(connections "$server") + 10))
        wait_for "$seconds" served_by "$server" "$serial"
        ! failures "$server" || fail "a connection to $server failed"
    done
}

nginx_workers() {
    pgrep -P "$(cat "${dir[nginx]}/nginx.pid")"
}
old_workers_gone() {
    ! pgrep -P "$(cat "${dir[nginx]}/nginx.pid")" -f 'shutting down'
}

for server in nginx apache stunnel; do
    : >"$scratch/$server.connections"
    connect_for_ever "$server" &
    children+=("$!")
done
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

say 'switched, and the watches are late: everybody goes on with the key that he holds'
kill -STOP "${watchers[@]}"
signet rollover switch START1/web >/dev/null 2>&1
expect_served web
expect_failure 3 'the key of START1/web was used' signet rollover finish START1/web
say 'a worker that attaches now is given the key that its master has loaded'
old=$(nginx_workers)
# shellcheck disable=SC2086 # one word for each worker
kill -QUIT $old
others_serve() {
    local now
    now=$(nginx_workers)
    [ -n "$now" ] && [ -z "$(comm -12 <(sort <<<"$old") <(sort <<<"$now"))" ]
}
wait_for 15 others_serve
expect_served web

say 'the watches see it: everybody has the new key'
kill -CONT "${watchers[@]}"
expect_served web-2

say 'undone, and switched again, by themselves'
signet rollover undo START1/web >/dev/null
expect_served web
signet rollover switch START1/web >/dev/null 2>&1
expect_served web-2

say 'finished'
wait_for 15 old_workers_gone
everybody_has_changed() {
    ! signet rollover plan START1/web --json | jq -e '.old_used_by | any(.changed | not)' >/dev/null
}
wait_for 30 everybody_has_changed
signet rollover finish START1/web >/dev/null
expect_served web-2
expect_failure 3 'no roll-over' signet rollover undo START1/web
for server in nginx apache stunnel; do
    [ "$(connections "$server")" -ge 60 ] || fail "only $(connections "$server") connections to $server"
done

say 'tidied up: the new one gets the label that the old one had, and every server loads its key again'
done_before=$(wc -l <"$scratch/systemctl.log")
signet cert alter START1/web --label web-old >/dev/null
signet cert alter START1/web-2 --label web >/dev/null
all_reloaded() {
    [ "$(tail -n +$((done_before + 1)) "$scratch/systemctl.log" | grep -v is-active | sort -u | wc -l)" -eq 3 ]
}
wait_for 20 all_reloaded
expect_served web
! grep -qi 'mismatch' "${dir[nginx]}/error.log" || fail 'nginx took the old key by its label'
! grep -q 'Failed to reload' "${dir[stunnel]}/stunnel.log" || fail 'stunnel took the old key by its label'

say 'Apache cannot load its key at a reload, and ends: it is started again'
signet dev down "$instance" >/dev/null
signet dev up "$instance" >/dev/null
wait_for 45 grep -q 'watching START1/KEY again' "${dir[apache]}/watch.log"
before=$(cat "${dir[apache]}/apache.pid")
signet ring remove START1/KEY 'CERTAUTH/Outside Root' >/dev/null
is_gone() { ! kill -0 "$1" 2>/dev/null; }
wait_for 20 is_gone "$before"
ended=$(date +%s%N)
serves_again() {
    curl -sS -o /dev/null --cacert "$scratch/ca/root.pem" "https://localhost:${port[apache]}/"
}
wait_for 20 serves_again
echo "Apache was away for $((($(date +%s%N) - ended) / 1000000)) ms"
[ "$(cat "${dir[apache]}/apache.pid")" != "$before" ] || fail 'Apache is the old one'
grep -q 'apache2.*ended with status .*it runs again in 1 s' "${dir[apache]}/watch.log" || fail "the watch says $(cat "${dir[apache]}/watch.log")"

say 'a server that was started anew finds what it needs'
kill -QUIT "$(cat "${dir[nginx]}/nginx.pid")"
while [ -e "${dir[nginx]}/nginx.pid" ]; do sleep 0.1; done
nginx_start "${dir[nginx]}"
serves_new() {
    curl -sS -o /dev/null --cacert "$scratch/ca/root.pem" "https://localhost:${port[nginx]}/"
}
wait_for 15 serves_new
