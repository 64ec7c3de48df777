#!/usr/bin/env bash
# A ring that is deleted and made anew under its name, as decks do: programs that have its slot find the new one there, and a watch
# sees that it is another.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"

instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web
signet cert generate START1/other --subject CN=other --key ec:p256 >/dev/null
clients_attach WEB web 2
clients_expect sign ok 2

of_ring() {
    signet ring show START1/WEB --json | sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p"
}
# make_anew CERTIFICATE
make_anew() {
    signet ring delete START1/WEB >/dev/null
    signet ring add START1/WEB >/dev/null
    signet ring connect START1/WEB "$1" --default >/dev/null
}

say 'it has its slot again, and a greater sequence'
slot=$(of_ring slot)
sequence=$(of_ring sequence)
make_anew START1/web
[ "$(of_ring slot)" = "$slot" ] || fail "slot $(of_ring slot), it was $slot"
[ "$(of_ring sequence)" -gt "$sequence" ] || fail "sequence $(of_ring sequence), it was $sequence"

say 'programs that were attached go on'
clients_expect find 1 2
clients_expect sign ok 2

say 'in between they get nothing'
signet ring delete START1/WEB >/dev/null
echo sign >&"${CLIENTS[1]}"
read -r -t "$(patiently 60)" line <&"${CLIENTS[0]}" || fail 'no answer from the clients'
[[ "$line" != *ok* ]] || fail "signed with a ring that is gone: $line"
signet ring add START1/WEB >/dev/null
signet ring connect START1/WEB START1/web --default >/dev/null
clients_expect find 1 2
clients_expect sign ok 2

say 'a watch that looked away meanwhile sees another ring'
signet ring add START1/W2 >/dev/null
signet ring connect START1/W2 START1/web --default >/dev/null
echo old >"$scratch/chain.pem"
"$SIGNET_BIN" watch START1/W2 --chain "$scratch/chain.pem" --exec "echo x >>'$scratch/ran'; sleep 2" >"$scratch/out" 2>"$scratch/log" &
watcher=$!
children+=("$watcher")
wait_for 5 test -s "$scratch/ran"
signet ring delete START1/W2 >/dev/null
signet ring add START1/W2 >/dev/null
signet ring connect START1/W2 START1/other --default >/dev/null
signet ring export START1/W2 --chain --format pem --out - >"$scratch/now.pem"
is_other() {
    cmp -s "$scratch/now.pem" "$scratch/chain.pem"
}
wait_for 6 is_other
kill -TERM "$watcher"
wait "$watcher" || fail "the watch ended: $(cat "$scratch/log")"
