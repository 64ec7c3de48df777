#!/usr/bin/env bash
# Many throw-away instances at once, up, used, down, up again: dev_instances.sh [ROUNDS]. Nothing is left running, nothing is lost.
. "$(dirname "$0")/lib.sh"
rounds=${1:-2}

one() {
    local dir=$scratch/instance-$1 round
    for round in $(seq "$rounds"); do
        signet dev up "$dir" >"$scratch/up-$1.log" 2>&1 || return 1
        (
            eval "$(signet dev env "$dir")"
            [ "$round" -gt 1 ] || signet owner add START1 >/dev/null
            signet cert generate "START1/round $round" --subject "CN=round $round" --key ec:p256 >/dev/null
            [ "$(signet cert list START1 --json | grep -o '"label"' | wc -l)" -eq "$round" ]
        ) || return 1
        signet dev down "$dir" >"$scratch/down-$1.log" 2>&1 || return 1
        ! pgrep -f "$dir" >"$scratch/left-$1.log" || return 1
    done
}

pids=()
for number in 1 2 3 4 5 6 7 8; do
    one "$number" &
    pids+=("$!")
done
broken=0
for pid in "${pids[@]}"; do
    wait "$pid" || broken=$((broken + 1))
done
[ "$broken" -eq 0 ] || fail "$broken of 8 instances failed"
for number in 1 2 3 4 5 6 7 8; do
    signet dev down "$scratch/instance-$number" >/dev/null 2>&1 || true
done
