#!/usr/bin/env bash
# A full disk: what cannot be recorded does not happen, nothing is left half-made, and the service goes on once there is space.
# The disk is a small file system in memory of our own, mounted as root, or in a user namespace.
# shellcheck source=tests/support/as-root.sh
. "$(dirname "$0")/../support/as-root.sh"
if [ "${1-}" != mounts ]; then
    ways=("unshare --mount" "unshare --mount --map-root-user")
    # in a chroot nothing can be made private; where nothing is shared that does no harm
    grep -q ' shared:' /proc/self/mountinfo || ways+=("unshare --mount --propagation unchanged")
    for way in "${ways[@]}"; do
        # shellcheck disable=SC2086 # two or three words
        if $way mount -t tmpfs -o size=64k none /mnt 2>/dev/null; then
            # shellcheck disable=SC2086
            exec $way "$0" mounts
        fi
    done
    as_root "$0"
    echo 'left out: not even root may mount a file system here (a container without that right)'
    exit 0
fi
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
: "${WRAP_MODULE:?set it to the misbehaving module}"

unmount() {
    local status=$? place
    set +e
    signet dev down "$instance" >/dev/null 2>&1
    for place in "$instance/token" "$instance/state"; do
        umount -l "$place" 2>/dev/null
    done
    (exit "$status")
    ended
}
trap unmount EXIT

fill() { # KIB: how much is left
    rm -f "$disk/ballast"
    dd if=/dev/zero of="$disk/ballast" bs=4k 2>/dev/null || true
    truncate -s "-$1K" "$disk/ballast"
}
make_room() {
    rm -f "$disk/ballast"
}

# try LABEL: a key and a certificate, or nothing and a word about the disk. What became of it is in $outcome.
try() {
    local got=0
    signet cert generate "START1/$1" --subject "CN=$1" --json >"$scratch/refused" 2>&1 || got=$?
    case $got in
    0) outcome=made ;;
    8)
        outcome=refused
        expect_code disk_full "cert generate START1/$1"
        grep -q 'Free space' "$scratch/refused" || fail "no advice: $(cat "$scratch/refused")"
        ;;
    6)
        outcome=refused
        grep -q 'token \\"softhsm\\"' "$scratch/refused" || fail "no token is named: $(cat "$scratch/refused")"
        ;;
    *) fail "cert generate ended with $got: $(cat "$scratch/refused")" ;;
    esac
}

# Every amount of space from none to plenty: each step of the operation is the first to fail once.
# run_out NAME KIB…
run_out() {
    local left made=0 denied=0 name=$1
    shift
    for left in "$@"; do
        fill "$left"
        try "$name $left"
        if [ "$outcome" = made ]; then
            made=$((made + 1))
            expect_text "CN=$name $left" signet cert show "START1/$name $left"
        else
            denied=$((denied + 1))
            expect_failure 2 'no certificate' signet cert show "START1/$name $left"
            clients_expect sign ok 1
        fi
    done
    make_room
    [ "$made" -gt 0 ] || fail 'with some space left nothing was made either'
    [ "$denied" -ge 2 ] || fail 'nothing was refused: the disk was not full'
    wait_for 30 is_settled
    expect_keys_agree
    signet cert generate "START1/$name after" --subject CN=after >/dev/null
    expect_keys_agree
    [ "$(number certificates)" -eq $((certificates + made + 1)) ] || fail "$(number certificates) certificates are listed"
    certificates=$(number certificates)
    restart
    expect_ready
    expect_keys_agree
}

say 'the store on a full disk'
need jq
disk=$instance/state
mkdir -p "$disk"
mount -t tmpfs -o size=4m,mode=700 none "$disk"
instance_up
signet owner add START1 >/dev/null
ring_with_key WEB web
clients_attach WEB web 1
certificates=$(number certificates)
run_out store 0 4 8 12 16 20 24 28 32 36 40 48 64 128

say 'a revocation is recorded on a full disk, nothing else is'
reserve() {
    stat -c %s "$disk/signet.db-reserve"
}
reserve_is() {
    [ "$(reserve)" -eq "$1" ]
}
top_up() { # what the service gave back of its own
    dd if=/dev/zero bs=4k >>"$disk/ballast" 2>/dev/null || true
}
wait_for 10 reserve_is 524288
clients_attach WEB web 1
fill 0
remember_rings=$(signet ring show START1/WEB --json)
refused 8 disk_full 'disk|full' ring add START1/MORE
refused 8 disk_full 'disk|full' ring connect START1/WEB START1/web --usage site
[ "$(signet ring show START1/WEB --json)" = "$remember_rings" ] || fail 'the ring has changed'
reserve_is 524288 || fail 'what gives took of the space that is kept back'
clients_expect sign ok 1
top_up
expect_text 'removed START1/web' signet ring remove START1/WEB START1/web
clients_expect find 0 1
top_up
signet cert alter START1/web --notrust >/dev/null
top_up
[ "$(logged event=store_reserve_spent)" -ge 1 ] || fail 'both were recorded without the space that is kept back: the disk was not full'
restart
expect_text 'NOTRUST' signet cert show START1/web
signet ring show START1/WEB --json | jq -e '.items == []' >/dev/null || fail 'the certificate is back in its ring'

say 'status says so, until there is room'
status_is() {
    [ "$(signet status --json | jq -r '[.state, .store_problem.code, .store_problem.reason] | map(tostring) | join(" ")')" = "$1" ]
}
fill 0
refused 8 disk_full 'disk|full' ring add START1/MORE
status_is 'degraded store_not_writable disk_full' || fail "status says $(signet status --json)"
signet status 2>&1 >/dev/null | finds '^warning: nothing can be changed.*Free space' || fail 'people are not told'
make_room
wait_for 10 status_is 'ready null null'
wait_for 10 reserve_is 524288
signet cert alter START1/web --trust >/dev/null
signet ring connect START1/WEB START1/web --default >/dev/null

say 'uses of keys wait for room'
waiting() {
    top_up
    [ "$(signet status --json | jq '.store_problem.uses_not_stored')" -ge 1 ]
}
clients_attach WEB web 1
fill 0
clients_expect sign ok 1
wait_for 10 waiting
make_room
wait_for 10 status_is 'ready null null'
[ "$(signet ring show START1/WEB --json | jq '[.items[].uses] | add')" -ge 2 ] || fail 'uses were lost'

say 'revocations beyond what is kept back are refused, and change nothing'
fill 0
spent=0
while [ "$spent" -lt 40 ]; do
    top_up
    signet cert alter START1/web --notrust --json >"$scratch/refused" 2>&1 || break
    top_up
    signet cert alter START1/web --trust --json >"$scratch/refused" 2>&1 || break
    spent=$((spent + 1))
done
expect_code disk_full 'one revocation too many'
make_room
wait_for 10 reserve_is 524288
signet cert alter START1/web --trust >/dev/null
signet ring remove START1/WEB START1/web >/dev/null

say 'a PIN that is refused while that cannot be stored is stored as refused once it can'
signet ring connect START1/WEB START1/web --default >/dev/null
cp "$instance/signet.conf" "$scratch/signet.conf"
sed -i "0,/^label = .*/s||&\nenvironment = WRAP_ORDERS=$scratch/orders\nenvironment = WRAP_LOG=$scratch/logins|" "$instance/signet.conf"
sed -i "s|^module = .*|module = \"$WRAP_MODULE\"|" "$instance/signet.conf"
: >"$scratch/orders"
restart
expect_ready
fill 0
echo 'C_Login incorrect once' >"$scratch/orders"
kill_all signet-token0.0
wait_for 20 is_token waiting_for_operator
[ "$(logged event=login_not_recorded)" -eq 1 ] || fail 'it could be stored: the disk was not full'
tries=$(wc -l <"$scratch/logins")
make_room
is_stored() {
    [ "$(logged 'event=login_recorded token="softhsm"')" -eq 1 ]
}
wait_for 20 is_stored
restart
[ "$(token_state)" = waiting_for_operator ] || fail "after a restart the token is $(token_state)"
[ "$(wc -l <"$scratch/logins")" -eq "$tries" ] || fail 'the refused PIN was sent again'
signet token login softhsm >/dev/null
cp "$scratch/signet.conf" "$instance/signet.conf"
restart
expect_ready

say 'the token on a full disk'
signet dev down "$instance" >/dev/null
mv "$instance/token" "$scratch/token"
disk=$instance/token
mkdir "$disk"
mount -t tmpfs -o size=1m,mode=700 none "$disk"
cp -a "$scratch/token/." "$disk"
signet dev up "$instance" >/dev/null
expect_ready
clients_attach WEB web 1
run_out token 0 4 8 12 16 20 24 128
