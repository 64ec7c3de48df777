#!/usr/bin/env bash
# The benchmark's programs do what they claim, for a moment, on a small scale: a benchmark that does not run measures nothing.
. "$(dirname "$0")/lib.sh"
: "${BENCH_SIGN:?}" "${BENCH_PROVISION:?}" "${BENCH_ATTACH:?}"

instance_up
signet owner add BENCH >/dev/null
signet ring add BENCH/SIGN >/dev/null
for type in ec:p256 rsa:2048; do
    signet cert generate "BENCH/${type%:*}" --subject "CN=${type%:*}" --key "$type" >/dev/null
    signet ring connect BENCH/SIGN "BENCH/${type%:*}" >/dev/null
done
expect_text '^[1-9][0-9]* [0-9]+ [0-9]+ 0$' "$BENCH_SIGN" --module "$client_module" --token BENCH/SIGN --key ec --mechanism ecdsa --clients 2 --seconds 1.5
expect_text '^[1-9][0-9]* [0-9]+ [0-9]+ 0$' "$BENCH_SIGN" --module "$client_module" --token BENCH/SIGN --key rsa --mechanism rsa --clients 1 --seconds 1.5
expect_failure 1 'no private key' "$BENCH_SIGN" --module "$client_module" --token BENCH/SIGN --key none --mechanism ecdsa
expect_failure 1 'labelled BENCH/NONE' "$BENCH_SIGN" --module "$client_module" --token BENCH/NONE --key ec --mechanism ecdsa

"$BENCH_PROVISION" --socket "$SIGNET_SOCKET" --owner BENCH --servers 4 >"$scratch/provision.log" 2>&1 ||
    fail "bench_provision: $(tail -n 3 "$scratch/provision.log")"
signet ring show BENCH/server-4 --json | finds '"server-4"' || fail 'the fourth server has no ring with its certificate'

expect_text '^attached$' "$BENCH_ATTACH" "$client_module" BENCH/SIGN ec 5 </dev/null
expect_failure 1 'no private key' "$BENCH_ATTACH" "$client_module" BENCH/SIGN none 5
expect_failure 1 'usage' "$BENCH_ATTACH" "$client_module" BENCH/SIGN ec 10001
