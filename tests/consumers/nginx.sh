#!/usr/bin/env bash
# nginx serves TLS 1.2 and 1.3 with EC and RSA keys of rings; its workers run as another user; no PIN is anywhere near it.
. "$(dirname "$0")/lib.sh"
need nginx curl openssl

consumer 'nginx' nginx-light 'server key'
instance_up
outside_ca_make "$scratch/ca"
owner_up
server_certificate ec ec:p256
server_certificate rsa rsa:2048
server_certificate p384 ec:p384
for label in ec rsa p384; do
    server_ring "RING-$label" "$label"
done

dir=$scratch/nginx
mkdir -p "$dir"
declare -A port
{
    nginx_top "$dir"
    for label in ec rsa p384; do
        port[$label]=$(free_port)
        nginx_server "${port[$label]}" "RING-$label"
    done
    echo "}"
} >"$dir/nginx.conf"
provisioned_openssl_conf RING-ec >"$dir/openssl.cnf"
nginx_start "$dir"
for label in ec rsa p384; do
    wait_for 15 listening "${port[$label]}"
done

for label in ec rsa p384; do
    for version in 1.2 1.3; do
        say "$label, TLS $version"
        expect_text "served from RING-$label" curl -sS --cacert "$scratch/ca/root.pem" --tlsv$version --tls-max $version \
            "https://localhost:${port[$label]}/"
    done
    say "$label: the chain is sent, leaf first"
    openssl s_client -connect "localhost:${port[$label]}" -CAfile "$scratch/ca/root.pem" -verify_return_error \
        -servername localhost </dev/null >"$scratch/s_client.log" 2>&1 || fail "s_client: $(tail -n 5 "$scratch/s_client.log")"
    grep -q 'Verify return code: 0 (ok)' "$scratch/s_client.log" || fail 'the chain does not verify'
done

say 'a client that does not trust the CA is refused by itself'
expect_failure 60 'certificate' curl -sS "https://localhost:${port[ec]}/"

say 'many handshakes at once'
seq 40 | xargs -P 8 -I{} curl -sS -o /dev/null --cacert "$scratch/ca/root.pem" "https://localhost:${port[rsa]}/" ||
    fail 'a handshake of forty failed'

serial_of() {
    openssl x509 -noout -serial
}
served_serial() {
    openssl s_client -connect "localhost:${port[ec]}" -servername localhost </dev/null 2>/dev/null | serial_of
}
serves_the_new_one() {
    [ "$(served_serial)" = "$(serial_of <"$scratch/ec.pem")" ]
}
say 'a renewal, and nobody reloads: signet watch as printed'
root=$scratch/provisioned/nginx-RING-ec
mkdir "$scratch/bin"
# What systemd does for "systemctl reload nginx": nginx.service's ExecReload in its environment.
cat >"$scratch/bin/systemctl" <<SYSTEMCTL
#!/bin/sh
[ "\$*" = 'reload nginx' ] && OPENSSL_CONF=$dir/openssl.cnf exec nginx -p $dir -c $dir/nginx.conf -s reload
SYSTEMCTL
chmod +x "$scratch/bin/systemctl"
sed -i "s|/run/nginx.pid|$dir/nginx.pid|" "$root/etc/nginx/signet-watch.sh"
watch_as_printed "$root"
before=$(served_serial)
signet cert request START1/ec --out "$scratch/ec.csr" >/dev/null
outside_ca_sign "$scratch/ca" "$scratch/ec.csr" "$scratch/ec.pem"
signet cert add START1/ec "$scratch/ec.pem" >/dev/null
wait_for 10 serves_the_new_one
[ "$(served_serial)" != "$before" ] || fail 'the renewed certificate is the old one'
expect_text 'served from RING-ec' curl -sS --cacert "$scratch/ca/root.pem" "https://localhost:${port[ec]}/"

# Whoever is not root is an administrator here, and so are his workers.
if [ "$(id -u)" -eq 0 ]; then
    # serves LABEL: status 124 when nginx lets it wait
    serves() {
        timeout "$(patiently 20)" curl -sS -o /dev/null --cacert "$scratch/ca/root.pem" "https://localhost:${port[$1]}/" >"$scratch/curl.log" 2>&1
    }
    # logged BEFORE ERROR: in a line behind so many
    logged() {
        tail -n "+$(($1 + 1))" "$dir/error.log" | finds -E "\[crit\].*SSL_do_handshake\(\) failed .*PKCS#11 module::($2)"
    }
    # refused LABEL ERROR: three handshakes, for there are two workers, each with a line of its own in the log
    refused() {
        local before status
        for _ in 1 2 3; do
            before=$(wc -l <"$dir/error.log")
            status=0
            serves "$1" || status=$?
            [ "$status" -eq 35 ] || fail "$1: curl ended with $status: $(cat "$scratch/curl.log")"
            wait_for 5 logged "$before" "$2"
        done
    }
    say 'the user of running workers is taken away from the owner: handshakes end with an error in the log, none waits'
    signet owner detach START1 "$(server_user)" >/dev/null
    for label in ec rsa; do
        refused "$label" 'Key function not permitted|Object handle invalid'
    done
    say 'new workers likewise'
    kill -QUIT "$(cat "$dir/nginx.pid")"
    is_gone() { [ ! -e "$dir/nginx.pid" ]; }
    wait_for 20 is_gone
    nginx_start "$dir"
    wait_for 15 listening "${port[ec]}"
    for label in ec rsa; do
        refused "$label" 'Object handle invalid'
    done
    say 'given back to the owner, they serve without a restart'
    signet owner attach START1 "$(server_user)" >/dev/null
    for label in ec rsa; do
        for _ in 1 2 3; do
            serves "$label" || fail "$label: $(cat "$scratch/curl.log")"
        done
    done
fi

say 'a renewal while nginx runs as its unit starts it, its master a child of what has loaded the key'
kill -QUIT "$(cat "$dir/nginx.pid")"
is_stopped() { [ ! -e "$dir/nginx.pid" ]; }
wait_for 20 is_stopped
nginx_start "$dir" on
wait_for 15 listening "${port[ec]}"
serves_the_new_one || fail 'it does not serve what it served before'
signet cert request START1/ec --out "$scratch/ec.csr" >/dev/null
outside_ca_sign "$scratch/ca" "$scratch/ec.csr" "$scratch/ec.pem"
signet cert add START1/ec "$scratch/ec.pem" >/dev/null
wait_for 10 serves_the_new_one
for label in ec rsa; do
    expect_text "served from RING-$label" curl -sS --cacert "$scratch/ca/root.pem" "https://localhost:${port[$label]}/"
done

say 'no PIN in what nginx reads'
pin=$(cat "$instance/pin")
! grep -rqF "$pin" "$dir" || fail 'the PIN is in nginx'"'"'s directory'
! tr '\0' '\n' <"/proc/$(cat "$dir/nginx.pid")/environ" | finds -F "$pin" || fail 'the PIN is in the environment'
