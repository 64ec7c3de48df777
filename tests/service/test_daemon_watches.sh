#!/usr/bin/env bash
# Very many watches of one user, as the printed units of many rings make them: commands are served as ever, all of them hear of
# changes, and one too many says which setting refuses it, goes on trying and gets in when there is room.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"

many=150 # a user has 128 connections for everything else
few=6

instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web
signet cert generate START1/other --subject CN=other --key ec:p256 >/dev/null

# watches FROM TO: in the background; watch N says what it says in watch.N.out and watch.N.log.
watches() {
    local i
    for i in $(seq "$1" "$2"); do
        "$SIGNET_BIN" watch START1/WEB >"$scratch/watch.$i.out" 2>"$scratch/watch.$i.log" &
        watchers[i]=$!
        children+=("$!")
    done
}
declare -a watchers

# heard NUMBER: so many watches have told of a change.
heard() {
    [ "$(cat "$scratch"/watch.*.out | wc -l)" -eq "$1" ]
}

end_watches() {
    kill "${watchers[@]}" 2>/dev/null || true
    wait "${watchers[@]}" 2>/dev/null || true
    watchers=()
    rm -f "$scratch"/watch.*
}

# waiting NUMBER: so many connections to the service, beside the socket itself.
waiting() {
    [ "$(grep -c " $SIGNET_SOCKET\$" /proc/net/unix)" -gt "$1" ]
}

say "$many watches, and the commands of the same user"
watches 1 "$many"
wait_for 60 waiting "$many"
for _ in $(seq 20); do
    signet status >"$scratch/status" 2>&1 || fail "status: $(cat "$scratch/status")"
done
signet cert alter START1/other --notrust >/dev/null || fail 'cert alter was refused'
signet cert alter START1/other --trust >/dev/null || fail 'cert alter was refused'
! cat "$scratch"/watch.*.log | grep . || fail 'a watch was refused'
signet ring connect START1/WEB START1/other >/dev/null
wait_for 30 heard "$many"
signet ring remove START1/WEB START1/other >/dev/null # also right after it has answered them all
signet status >/dev/null || fail 'status was refused after a change'
wait_for 30 heard $((2 * many))

say 'they all come back after a restart of control'
kill_all signet-control
signet ring connect START1/WEB START1/other >/dev/null || fail 'ring connect was refused while they come back'
wait_for 60 heard $((3 * many))
! grep -h too_many "$instance/signetd.log" || fail 'somebody was refused'
! cat "$scratch"/watch.*.log | grep -i 'no room\|too many' || fail 'a watch was refused'
end_watches

say 'one too many is told the setting, goes on trying, and gets in'
sed -i "s|^token_user = .*|&\nwatches_per_user_max = $few|" "$instance/signet.conf"
restart
watches 1 "$few"
wait_for 20 waiting "$few"
watches $((few + 1)) $((few + 2))
says_why() {
    grep -q "no room for another watch: the setting watches_per_user_max allows $few of one user; trying again" "$scratch/watch.$1.log"
}
wait_for 10 says_why $((few + 1))
wait_for 10 says_why $((few + 2))
signet status >/dev/null || fail 'status was refused'
refused 7 too_many_watches 'watches_per_user_max allows 6' ring wait START1/WEB --sequence 1
is_logged() { [ "$(logged 'event=http_watch_refused reason=watches_per_user_max limit=6 uid=')" -ge 1 ]; }
wait_for 5 is_logged
kill "${watchers[1]}" "${watchers[2]}"
says_again() {
    grep -q 'watching START1/WEB' "$scratch/watch.$1.log"
}
wait_for 15 says_again $((few + 1))
wait_for 15 says_again $((few + 2))
signet ring remove START1/WEB START1/other >/dev/null
wait_for 10 heard "$few"

say 'a limit of descriptors that is too low takes watches away, and nothing else'
end_watches
signet dev down "$instance" >/dev/null
sed -i 's|^watches_per_user_max = .*|watches_max = 65536|' "$instance/signet.conf"
(ulimit -n 4096 && signet dev up "$instance" >/dev/null) || fail 'dev up'
[ "$(logged 'event=few_descriptors .*watches_max=65536: no more than 3[0-9]* are possible')" -ge 1 ] || fail "the log says $(grep few_descriptors "$instance/signetd.log")"
expect_ready
