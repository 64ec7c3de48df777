#!/usr/bin/env bash
# The policy by the real configuration and the real commands: what it refuses, what it lets pass, and what "ring check" ends with.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"

# policy LINE…: the instance goes on with these settings.
policy() {
    signet dev down "$instance" >/dev/null
    sed -i '/^policy\|^curves\|^leaf_days_max/d' "$instance/signet.conf"
    local line
    for line in "$@"; do
        sed -i "s/^administrators/$line\n&/" "$instance/signet.conf"
    done
    signet dev up "$instance" >/dev/null
}

# ends STATUS WORD…: signet ends so; its output is in $scratch/out.
ends() {
    local status=$1 got=0
    shift
    signet "$@" >"$scratch/out" 2>"$scratch/err" || got=$?
    [ "$got" -eq "$status" ] || fail "'$*' ended with $got, not $status: $(cat "$scratch/out" "$scratch/err")"
}

instance_up
signet owner add START1 >/dev/null

say 'the browser profile'
policy 'policy = browser'
signet status --json | finds '"profile": "browser"' || fail 'the status does not say which policy is in force'
signet status --json | finds '"leaf_days_max": ' || fail 'the status does not say for how long'
refused 5 policy_validity 'allows [0-9]+ \(leaf_days_max\)' cert generate START1/web --subject CN=web --days 399
refused 5 policy_san 'server_san_required' cert generate START1/web --subject CN=web --profile server
refused 5 policy_curve 'ec:secp256k1' cert generate START1/web --subject CN=web --key ec:secp256k1 --dry-run
[ "$(keys_in_token)" -eq 0 ] || fail 'a key was made for a certificate that is refused'
signet cert generate CERTAUTH/CA --subject 'CN=CA' --days 3650 >/dev/null
signet cert generate START1/web --subject CN=web --profile server --san dns:www.example.com --signed-by CERTAUTH/CA >/dev/null
signet cert show START1/web --json | tr -d ' \n' | finds '"extended_key_usage":\["serverAuth"\]' || fail 'the profile was not used'

say 'an override'
policy 'curves = p384' 'policy = browser'
refused 5 policy_curve 'p384 \(curves\)' cert generate START1/other --subject CN=other
signet cert generate START1/other --subject CN=other --key ec:p384 >/dev/null

say 'ring check'
signet ring add START1/WEB >/dev/null
ends 3 ring check START1/WEB
grep -q '^error .*the ring holds nothing' "$scratch/out" || fail "an empty ring: $(cat "$scratch/out")"
signet ring connect START1/WEB START1/web --default >/dev/null
ends 3 ring check START1/WEB --json
grep -q '"code": "chain_incomplete"' "$scratch/out" || fail "no word of the chain: $(cat "$scratch/out")"
# what it suggests is what helps
next=$(sed -n 's/^ *"next": "signet \(.*\)",*$/\1/p' "$scratch/out" | head -n 1)
eval "signet $next" >/dev/null
policy
ends 0 ring check START1/WEB --host www.example.com
ends 3 ring check START1/WEB --host mail.example.com
grep -q 'host_not_named\|mail.example.com' "$scratch/out" || fail "$(cat "$scratch/out")"
refused 2 ring_not_found NONE ring check START1/NONE
refused 1 bad_value 'not between' ring check START1/WEB --minimum-rsa 100

say 'cert check'
outside_ca_make "$scratch/ca"
signet cert export START1/web --chain --out "$scratch/chain.pem" >/dev/null
ends 0 cert check "$scratch/chain.pem" "$scratch/ca/root.pem"
[ "$(wc -l <"$scratch/out")" -ge 4 ] || fail "cert check lists too little: $(cat "$scratch/out")"
grep -q '^yes .*START1 *web *TRUST *START1/web' "$scratch/out" || fail "cert check does not know START1/web: $(cat "$scratch/out")"
grep -q '^no ' "$scratch/out" || fail "cert check knows what it cannot know: $(cat "$scratch/out")"
refused 5 no_certificate 'key' cert check "$scratch/ca/root.key"

say 'a policy that is none'
signet dev down "$instance" >/dev/null
sed -i 's/^administrators/policy = strict\n&/' "$instance/signet.conf"
! "$SIGNETD_BIN" --config "$instance/signet.conf" --check 2>"$scratch/err" || fail 'policy = strict was taken'
grep -q 'not a value of policy' "$scratch/err" || fail "$(cat "$scratch/err")"
