#!/usr/bin/env bash
# What is taken away counts at once: clients that are attached cannot sign any more when the command returns, and their next search
# finds nothing; what is given again works without a new connection.
# shellcheck source=tests/support/as-root.sh
. "$(dirname "$0")/../support/as-root.sh"
as_root "$0" "$@"
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
need setpriv

not_permitted=0x68 handle_invalid=0x60
instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web

# taken COUNT WORD…: after this command nobody signs; taken away, a key's handle means nothing any more once it was looked for.
taken() {
    local count=$1
    shift
    signet "$@" >/dev/null 2>&1 || fail "'$*' ended with $?"
    clients_expect sign "$not_permitted" "$count"
    clients_expect sign "$not_permitted" "$count"
    clients_expect find 0 "$count"
    clients_expect sign "$handle_invalid" "$count"
}
# given COUNT WORD…
given() {
    local count=$1
    shift
    signet "$@" >/dev/null 2>&1 || fail "'$*' ended with $?"
    clients_expect find 1 "$count"
    clients_expect sign ok "$count"
}

for count in 1 8; do
    say "$count attached: the connection, the status"
    clients_attach WEB web "$count"
    clients_expect sign ok "$count"
    taken "$count" ring remove START1/WEB START1/web
    given "$count" ring connect START1/WEB START1/web --default
    taken "$count" cert alter START1/web --notrust
    given "$count" cert alter START1/web --trust
done

say 'given again before anybody looked: the handle is still good'
signet ring remove START1/WEB START1/web >/dev/null
clients_expect sign "$not_permitted" 8
signet ring connect START1/WEB START1/web >/dev/null 2>&1
clients_expect sign ok 8

say 'what is refused takes nothing away'
refused 2 certificate_not_found 'no certificate' ring remove START1/WEB START1/other
refused 3 in_use 'connected to 1 ring' cert delete START1/web
signet ring remove START1/WEB START1/web --dry-run >/dev/null
signet cert alter START1/web --notrust --dry-run >/dev/null
clients_expect sign ok 8

say 'a key that another ring gives too'
signet ring add START1/OTHER >/dev/null
signet ring connect START1/OTHER START1/web >/dev/null 2>&1
signet ring remove START1/WEB START1/web >/dev/null
clients_expect sign "$not_permitted" 8 # through this ring, whatever that one gives
clients_expect find 0 8
signet ring delete START1/OTHER >/dev/null 2>&1
clients_expect sign "$handle_invalid" 8
given 8 ring connect START1/WEB START1/web --default

say 'others are not touched'
ring_with_key MAIL mail
clients_expect sign ok 8
signet ring remove START1/MAIL START1/mail >/dev/null
clients_expect sign ok 8

say 'nor by a control that comes back: what was taken stays taken'
signet cert alter START1/web --notrust >/dev/null 2>&1
kill_all signet-control
wait_for 20 is_ready
clients_expect sign "$not_permitted" 8
kill_all signet-token0.1
wait_for 20 is_ready
clients_expect sign "$not_permitted" 8
given 8 cert alter START1/web --trust

say 'a process that hangs does not hold it up: it is replaced'
hanging=$(pids_of signet-token0.1)
kill -STOP "$hanging"
started=$SECONDS
signet ring remove START1/WEB START1/web >/dev/null
in_time 15 "$started" || fail 'a process that hangs held the revocation up'
wait_for 20 is_ready
[ "$(pids_of signet-token0.1)" != "$hanging" ] || fail 'a process that hangs was kept'
clients_expect sign "$not_permitted" 8
given 8 ring connect START1/WEB START1/web --default

say 'the ring, the certificate'
taken 8 ring delete START1/WEB
signet ring add START1/WEB >/dev/null
given 8 ring connect START1/WEB START1/web --default # in the same slot, over the same connections
signet ring delete START1/WEB >/dev/null
clients_expect sign "$not_permitted" 8
signet ring add START1/WEB >/dev/null
signet ring connect START1/WEB START1/web --default >/dev/null 2>&1
clients_expect sign ok 8 # with the handle from before
taken 8 cert delete START1/web --force
expect_keys_agree
clients_detach

say 'an owner who is taken away from a user'
stranger=daemon
cat >"$scratch/as_stranger" <<SCRIPT
#!/bin/sh
exec setpriv --reuid $(id -u "$stranger") --regid $(id -g "$stranger") --clear-groups "$DAEMON_CLIENT" "\$@"
SCRIPT
chmod 755 "$scratch/as_stranger"
signet cert generate START1/web --subject CN=web --key ec:p256 >/dev/null
signet ring connect START1/WEB START1/web --default >/dev/null 2>&1
signet owner attach START1 "$stranger" >/dev/null
DAEMON_CLIENT=$scratch/as_stranger clients_attach WEB web 8
clients_expect sign ok 8
taken 8 owner detach START1 "$stranger"
given 8 owner attach START1 "$stranger"
signet owner detach START1 "$stranger" >/dev/null
kill_all signet-control
wait_for 20 is_ready
clients_expect sign "$not_permitted" 8

say "a profile of the ring decides alone, for the ring's owner too"
profile=(RDATALIB START1.WEB.LST)
given 8 owner attach START1 "$stranger"
signet authority define RDATALIB 'START1.*.UPD' >/dev/null 2>&1 # of no concern to who reads
signet authority define "${profile[@]}" --dry-run >/dev/null 2>&1
clients_expect sign ok 8
taken 8 authority define "${profile[@]}"
clients_expect certificates none 8
given 8 authority permit "${profile[@]}" --to "user:$stranger" --level read
signet authority revoke "${profile[@]}" --from "user:$stranger" --dry-run >/dev/null
clients_expect sign ok 8
taken 8 authority revoke "${profile[@]}" --from "user:$stranger"
given 8 authority permit "${profile[@]}" --to "group:$(id -g "$stranger")" --level read
taken 8 authority permit "${profile[@]}" --to "user:$stranger" --level none
given 8 authority delete "${profile[@]}"

say 'another user: READ shows the certificate alone, UPDATE gives the key'
web=$(as_seen START1/web user)
taken 8 owner detach START1 "$stranger"
given 8 authority define "${profile[@]}" --uacc update
taken 8 authority alter "${profile[@]}" --uacc read
clients_expect certificates "$web" 8
given 8 authority permit "${profile[@]}" --to "user:$stranger" --level update
taken 8 authority permit "${profile[@]}" --to "user:$stranger" --level read
given 8 authority permit "${profile[@]}" --to "user:$stranger" --level control
taken 8 authority reset "${profile[@]}"
clients_expect certificates "$web" 8
given 8 authority permit "${profile[@]}" --to '*' --level update
taken 8 authority revoke "${profile[@]}" --from '*'
clients_expect certificates "$web" 8
signet authority alter "${profile[@]}" --uacc none >/dev/null
clients_expect certificates none 8
