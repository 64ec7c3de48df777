# shellcheck shell=bash
# TCP ports of this machine, for servers that run for a moment.

listening() {
    (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# A file for each, with the number of the shell that has it.
kept_ports() {
    echo "${TMPDIR:-/tmp}/signet-ports-$(id -u)"
}

# keep_port PORT: nobody else of ours, who works in the same place at the same time, may have it until this shell has ended.
keep_port() {
    local kept holder
    kept=$(kept_ports)
    mkdir -p "$kept" || return 1
    if (set -o noclobber && echo "$$" >"$kept/$1") 2>/dev/null; then
        return 0
    fi
    holder=$(cat "$kept/$1" 2>/dev/null || true)
    if [ -n "$holder" ] && [ "$holder" != "$$" ] && ! kill -0 "$holder" 2>/dev/null; then
        rm -f "$kept/$1" # the next one who asks for it has it
    fi
    return 1
}

# Prints a port where nobody listens, below the range that the kernel gives to clients.
free_port() {
    local port
    for _ in $(seq 50); do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        if ! listening "$port" && keep_port "$port"; then
            echo "$port"
            return
        fi
    done
    echo 'no free port' >&2
    return 1
}

# Whoever has asked for ports gives them back at its end.
give_ports_back() {
    local kept
    kept=$(kept_ports)
    [ -d "$kept" ] || return 0
    { grep -lx -- "$$" "$kept"/* 2>/dev/null || true; } | xargs -r rm -f
    rmdir "$kept" 2>/dev/null || true
}
