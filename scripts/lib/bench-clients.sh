# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # set or used by scripts/bench
# Clients that do something else than sign without a pause: attaching, being idle, TLS handshakes. Sourced by scripts/bench.

# memory_of PID…: mean proportional set size and page tables of processes, KiB.
memory_of() {
    local pid
    for pid in "$@"; do
        cat "/proc/$pid/smaps_rollup" "/proc/$pid/status" 2>/dev/null
    done | awk '/^Pss:/ { pss += $2; n++ } /^VmPTE:/ { tables += $2 } END { printf "%.0f %.0f\n", pss / n, tables / n }'
}

# The children of the instance's rings process, which is the oldest of that name: one for each client.
connection_processes() {
    local pid
    for pid in $(pgrep -f "$scratch/instance/signet.conf"); do
        [ "$(cat "/proc/$pid/comm")" = signet-rings ] && pgrep -P "$pid" && break
    done
    return 0
}

# Sets attach_p50, attach_p99, talk_p50, talk_p99 (us), idle_pss, idle_tables (KiB) for $idle clients that are attached, have signed once, and stay.
attached_clients() {
    local line pids
    echo "attaching $idle clients" >&2
    coproc ATTACHED { P11_KIT_SERVER_ADDRESS=$rings "$build/tests/bench/bench_attach" "$client_module" BENCH/SIGN ec "$idle"; }
    local out=${ATTACHED[0]} in=${ATTACHED[1]} pid=$ATTACHED_PID
    read -r attach_p50 attach_p99 <&"$out"
    read -r talk_p50 talk_p99 <&"$out"
    read -r line <&"$out"
    [ "$line" = attached ]
    pids=$(connection_processes)
    # shellcheck disable=SC2086 # numbers
    read -r idle_pss idle_tables < <(memory_of $pids)
    eval "exec $in>&-"
    wait "$pid"
}

handshakes() {
    echo "TLS handshakes" >&2
    SIGNET_BIN=$signet tests/bench/handshakes.sh "$rounds" "$seconds" >"$scratch/handshakes"
}

# handshake_rate SUBJECT: the median.
handshake_rate() {
    awk -v subject="$1" '$1 == subject { print $2 }' "$scratch/handshakes" | median
}
