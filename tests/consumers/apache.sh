#!/usr/bin/env bash
# Apache serves TLS 1.2 and 1.3 with RSA and EC keys of rings, as printed by "signet provision apache"; its children run as another user.
. "$(dirname "$0")/lib.sh"
need apache2 curl jq

consumer 'Apache httpd' apache2-bin 'server key'
instance_up
outside_ca_make "$scratch/ca"
owner_up
for type in ec:p256 rsa:2048; do
    server_certificate "${type%:*}" "$type"
    server_ring "RING-${type%:*}" "${type%:*}"
done
client_certificate ec:p256

modules=$(dirname "$(dpkg -L apache2-bin | grep '/mod_ssl\.so$')")

# apache_up DIR PORT [LINE]…
apache_up() {
    local dir=$1 port=$2 user=''
    shift 2
    mkdir -p "$dir/docs"
    echo "served by $(basename "$dir")" >"$dir/docs/index.html"
    [ "$(id -u)" -ne 0 ] || user="User $(server_user)"$'\n'"Group $(id -gn "$(server_user)")"
    cat >"$dir/apache.conf" <<CONFIG
ServerRoot $dir
ServerName localhost
DefaultRuntimeDir $dir
PidFile $dir/apache.pid
ErrorLog $dir/error.log
Listen 127.0.0.1:$port
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule dir_module $modules/mod_dir.so
LoadModule ssl_module $modules/mod_ssl.so
$user
DocumentRoot $dir/docs
DirectoryIndex index.html
SSLEngine on
Include $dir/etc/apache2/conf-available/signet.conf
$(printf '%s\n' "$@")
CONFIG
    mapfile -t environment < <(provisioned_environment "$dir")
    env "${environment[@]}" apache2 -f "$dir/apache.conf" -D FOREGROUND >"$dir/apache.out.log" 2>&1 &
    children+=("$!")
    wait_for 15 listening "$port"
}

declare -A port
for label in ec rsa; do
    dir=$scratch/$label
    port[$label]=$(free_port)
    provision apache "START1/RING-$label" "$dir"
    apache_up "$dir" "${port[$label]}"
    for version in 1.2 1.3; do
        say "$label, TLS $version"
        expect_text "served by $label" curl -sS --cacert "$scratch/ca/root.pem" --tlsv$version --tls-max $version \
            "https://localhost:${port[$label]}/"
    done
    expect_text 'Verify return code: 0 \(ok\)' openssl s_client -connect "localhost:${port[$label]}" -CAfile "$scratch/ca/root.pem" \
        -verify_return_error -servername localhost </dev/null
done

say 'many handshakes at once'
seq 20 | xargs -P 8 -I{} curl -sS -o /dev/null --cacert "$scratch/ca/root.pem" "https://localhost:${port[rsa]}/" ||
    fail 'a handshake of twenty failed'

say 'a graceful restart keeps the key'
kill -USR1 "$(cat "$scratch/ec/apache.pid")"
sleep 1
expect_text 'served by ec' curl -sS --retry 5 --retry-connrefused --cacert "$scratch/ca/root.pem" "https://localhost:${port[ec]}/"

say 'client certificates'
dir=$scratch/mutual
mutual=$(free_port)
provision apache START1/RING-ec "$dir"
signet ring export START1/RING-ec --format pem --out "$dir/trust.pem" >/dev/null
apache_up "$dir" "$mutual" 'SSLVerifyClient require' 'SSLVerifyDepth 5' "SSLCACertificateFile $dir/trust.pem"
expect_text 'served by mutual' curl_with_client_certificate "https://localhost:$mutual/"
expect_failure 56 'certificate required' curl -sS --cacert "$scratch/ca/root.pem" --tlsv1.3 "https://localhost:$mutual/"

say 'no PIN in what Apache reads'
pin=$(cat "$instance/pin")
! grep -rqF "$pin" "$scratch/ec" || fail 'the PIN is in the directory of Apache'
