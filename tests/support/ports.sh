# shellcheck shell=bash
# TCP ports of this machine, for servers that run for a moment.

listening() {
    (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Prints a port where nobody listens, below the range that the kernel gives to clients.
free_port() {
    local port
    for _ in $(seq 50); do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        if ! listening "$port"; then
            echo "$port"
            return
        fi
    done
    echo 'no free port' >&2
    return 1
}
