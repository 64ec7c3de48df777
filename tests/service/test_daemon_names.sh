#!/usr/bin/env bash
# A directory service that answers late: where no profile permits a group nobody is looked up; where one does, one look-up is waited
# for, those who are known go on, the others are told why not, and an administrator sees it. However long it takes, nobody takes control
# for hung.
# shellcheck source=tests/support/as-root.sh
. "$(dirname "$0")/../support/as-root.sh"
as_root "$0" "$@"
if [ -z "${OWN_MOUNTS-}" ]; then
    way=private
    # in a chroot nothing can be made private; where nothing is shared that does no harm
    if ! unshare --mount --propagation private true 2>/dev/null && ! grep -q ' shared:' /proc/self/mountinfo; then way=unchanged; fi
    OWN_MOUNTS=1 exec unshare --mount --propagation "$way" "$0" "$@"
fi
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
need setpriv jq
: "${SLOW_NAMES:?set it to the name service module under test}"

mkdir -m 755 "$scratch/names"
cp "$SLOW_NAMES" "$scratch/names/libnss_slow.so.2"
chmod 755 "$scratch" "$scratch/names/libnss_slow.so.2"
sed 's/^\(passwd\|group\):.*/\1: files slow/;/^initgroups:/d' /etc/nsswitch.conf >"$scratch/nsswitch.conf"
mount --bind "$scratch/nsswitch.conf" /etc/nsswitch.conf
takes() {
    echo "$1" >"$scratch/names/ms"
}

# as USER WORD…: with that user's own group and no other; signet's look-ups are no part of it
as() {
    local user=$1
    shift
    timeout "$(patiently 60)" setpriv --reuid "$user" --regid "$(getent -s files passwd "$user" | cut -d: -f4)" --clear-groups "$@"
}

# quick WHAT WORD…: in less time than a look-up takes
late_ms=$((2500 * ${SIGNET_PATIENCE:-1}))
# a client waits 125 s at most: for a rest of ten times as long, and for its own look-up
[ "$late_ms" -le 8000 ] || late_ms=8000
quick() {
    local what=$1 begin end
    shift
    begin=$(date +%s%N)
    "$@" >"$scratch/quick" 2>&1 || fail "$what: $(cat "$scratch/quick")"
    end=$(date +%s%N)
    [ $(((end - begin) / 1000000)) -lt $((late_ms - 200)) ] || fail "$what took $(((end - begin) / 1000000)) ms"
}
signs() {
    echo sign | as www-data "$DAEMON_CLIENT" "$client_module" START1/WEB web 1 >"$scratch/signs" 2>&1 || return 1
    [ "$(tail -n 1 "$scratch/signs")" = 'ok ' ] || {
        cat "$scratch/signs"
        return 1
    }
}

takes 0
LD_LIBRARY_PATH=$scratch/names instance_up
sed -i 's/^administrators/silence_deadline_s = 12\n&/' "$instance/signet.conf"
LD_LIBRARY_PATH=$scratch/names restart
signet owner add START1 >/dev/null
ring_with_key WEB web
signet owner attach START1 www-data >/dev/null
told() {
    signet status --json 2>/dev/null | jq -r '.name_service.asked // "nothing"'
}

say 'no profile permits a group: nobody is looked up'
takes "$late_ms"
quick 'attaching and signing' signs
quick 'a listing' as www-data "$SIGNET_BIN" ring list
quick 'the listing of somebody with no owner' as daemon "$SIGNET_BIN" cert list
[ "$(told)" = nothing ] || fail "the status tells of $(told)"
[ "$(logged event=name_service)" = 0 ] || fail "the log says $(grep event=name_service "$instance/signetd.log")"

say 'one does: one look-up is waited for, and told'
takes 0
signet authority define FACILITY IRR.DIGTCERT.LIST --uacc read >/dev/null
signet authority permit FACILITY IRR.DIGTCERT.LIST --to group:60 --level update >/dev/null
as www-data "$SIGNET_BIN" cert list >/dev/null
[ "$(told)" = nothing ] || fail "the status tells of $(told)"
takes "$late_ms"
sleep 4 # what is known is not fresh any more
as www-data "$SIGNET_BIN" cert list >/dev/null
[ "$(told)" = 'user 33' ] || fail "the status tells of $(told)"
quick 'the status, for an administrator' signet status
grep -q "^warning: the system's name service took [0-9.]* s to answer for user 33" "$scratch/quick" || fail "the status says $(cat "$scratch/quick")"
[ "$(logged 'event=name_service_slow asked="user 33" took_ms=[0-9]* rests_ms=[0-9]* hint=')" = 1 ] || fail "the log says $(grep event=name_service "$instance/signetd.log")"

say 'meanwhile who is known goes on, and nobody waits'
for _ in 1 2 3 4 5; do
    quick 'a listing' as www-data "$SIGNET_BIN" ring list
    sleep 1
done
quick 'attaching and signing' signs
quick 'a change' signet cert alter START1/web --notrust
quick 'a change' signet cert alter START1/web --trust
quick 'what names a user by number' signet authority permit FACILITY IRR.DIGTCERT.LIST --to user:4001 --level read

say 'who is not known is refused, not taken for somebody in no group'
got=0
as daemon "$SIGNET_BIN" cert list --json >"$scratch/refused" 2>&1 || got=$?
[ "$got" -ne 0 ] || fail 'a user whose groups are not known was let in'
expect_code name_service_slow 'cert list'
grep -q '"hint": *".*asked again in [0-9]* s' "$scratch/refused" || fail "no remedy is named: $(cat "$scratch/refused")"
! echo sign | as daemon "$DAEMON_CLIENT" "$client_module" START1/WEB web 1 >"$scratch/daemon" 2>&1 || fail 'it signs'
grep -q 'no token' "$scratch/daemon" || fail "its client says $(cat "$scratch/daemon")"
refused 7 name_service_slow 'cannot be looked up now' authority permit FACILITY IRR.DIGTCERT.LIST --to user:nobody --level read

say 'it answers again'
takes 0
answers() {
    as daemon "$SIGNET_BIN" cert list && [ "$(told)" = nothing ]
}
wait_for 40 answers
[ "$(logged event=name_service_answers)" = 1 ] || fail "the log says $(grep event=name_service "$instance/signetd.log")"
[ "$(logged event=name_service_slow)" = 1 ] || fail "the log says $(grep event=name_service "$instance/signetd.log")"

say 'a look-up that takes longer than control may be silent'
takes 15000
sleep 4 # what is known is not fresh any more
as www-data "$SIGNET_BIN" cert list >/dev/null || fail 'a listing failed'
[ "$(told)" != nothing ] || fail 'nobody was looked up'
[ "$(logged event=process_hangs)" = 0 ] || fail "the log says $(grep event=process_hangs "$instance/signetd.log")"
