#!/usr/bin/env bash
# Somebody reloads nginx, Apache and stunnel at any moment, while the default of their ring changes all the time and signet watch keeps their
# lines: each always finds a chain and the key that belongs to it.
. "$(dirname "$0")/lib.sh"
need nginx apache2 stunnel4 curl openssl jq

instance_up
outside_ca_make "$scratch/ca"
owner_up
server_certificate web ec:p256
server_certificate web-2 ec:p256
server_ring KEY web
signet ring connect START1/KEY START1/web-2 >/dev/null

# ---- three servers, by what is printed ----

declare -A port dir root master
for server in nginx apache stunnel; do
    port[$server]=$(free_port)
    dir[$server]=$scratch/$server
    root[$server]=$scratch/$server
done
root[nginx]=$scratch/provisioned/nginx-KEY
# shellcheck disable=SC2034 # for stunnel_up
plain=$(free_port)
nginx_up "${dir[nginx]}" "${port[nginx]}" KEY
master[nginx]=$(cat "${dir[nginx]}/nginx.pid")
provision apache START1/KEY "${dir[apache]}"
apache_up "${dir[apache]}" "${port[apache]}"
wait_for 15 test -s "${dir[apache]}/apache.pid"
master[apache]=$(cat "${dir[apache]}/apache.pid")
provision stunnel START1/KEY "${dir[stunnel]}"
stunnel_up "${dir[stunnel]}" "${port[stunnel]}"
master[stunnel]=${children[-1]}

# As printed, but for the reload: that is somebody else's here.
for server in nginx apache stunnel; do
    command=()
    eval "command=($(jq -r .watch "${root[$server]}/provision.json" | sed 's/ --exec .*//'))"
    "$SIGNET_BIN" "${command[@]:1}" >"$scratch/$server.watch.out" 2>"$scratch/$server.watch.log" &
    children+=("$!")
done

# ---- somebody who reloads ----

declare -A signal=([nginx]=HUP [apache]=USR1 [stunnel]=HUP)
reload_for_ever() {
    local server=$1 number=0
    while [ ! -e "$scratch/stop" ]; do
        kill -"${signal[$server]}" "${master[$server]}" || exit 0
        number=$((number + 1))
        echo "$number" >"$scratch/$server.reloads"
        sleep "0.$((RANDOM % 7 + 3))"
    done
}
reloaders=()
for server in nginx apache stunnel; do
    reload_for_ever "$server" &
    reloaders+=("$!")
    children+=("$!")
done

say 'the default changes all the time'
for round in $(seq 60); do
    if ((round % 2 == 1)); then label=web-2; else label=web; fi
    signet ring connect START1/KEY "START1/$label" --default >/dev/null 2>&1
    sleep "0.$((RANDOM % 5))"
done
touch "$scratch/stop"
wait "${reloaders[@]}"

say 'each was reloaded many times, and never refused'
for server in nginx apache stunnel; do
    kill -0 "${master[$server]}" 2>/dev/null || fail "$server has ended"
    [ "$(cat "$scratch/$server.reloads")" -ge 15 ] || fail "$server: only $(cat "$scratch/$server.reloads") reloads"
    [ "$(wc -l <"$scratch/$server.watch.out")" -ge 20 ] || fail "$server: only $(wc -l <"$scratch/$server.watch.out") changes"
    echo "$server: $(cat "$scratch/$server.reloads") reloads, $(wc -l <"$scratch/$server.watch.out") changes"
done
! grep -E '\[(emerg|alert)\]' "${dir[nginx]}/error.log" || fail 'nginx has refused a reload'
! grep -E ':emerg\]|AH02565|do not match' "${dir[apache]}/error.log" || fail 'Apache has refused a reload'
! grep -E 'Failed to reload|mismatch' "${dir[stunnel]}/stunnel.log" || fail 'stunnel has refused a reload'

say 'and serves what is the default now'
for label in web-2 web; do
    signet ring connect START1/KEY "START1/$label" --default >/dev/null 2>&1
    serial=$(openssl x509 -in "$scratch/$label.pem" -noout -serial)
    for server in nginx apache stunnel; do
        named() {
            grep -o '/[^" ]*signet-chain\.pem\.[0-9a-f]\{16\}' "$(jq -r .pair_file "${root[$server]}/provision.json")"
        }
        switched() {
            holds_certificate "$(named)" "$scratch/$label.pem"
        }
        serves() {
            [ "$(openssl s_client -connect "localhost:${port[$server]}" </dev/null 2>/dev/null | openssl x509 -noout -serial)" = "$serial" ]
        }
        wait_for 15 switched
        kill -"${signal[$server]}" "${master[$server]}"
        wait_for 15 serves
    done
done
