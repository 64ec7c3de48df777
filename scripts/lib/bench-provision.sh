# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # set or used by scripts/bench
# What it costs to provision a server. Sourced by scripts/bench.

now_ms() {
    echo $(($(date +%s%N) / 1000000))
}

# by_commands PREFIX: median milliseconds of "signet" commands for each of the sample; the CA's own time does not count.
by_commands() {
    local number name spent before
    for number in $(seq "$sample"); do
        name=BENCH/$1-$number
        spent=0
        before=$(now_ms)
        signet cert generate "$name" --subject "CN=$1-$number.example.com,O=Example" --key ec:p256
        signet cert request "$name" --out "$scratch/request"
        spent=$((spent + $(now_ms) - before))
        outside_ca_sign "$scratch/ca" "$scratch/request" "$scratch/answer"
        before=$(now_ms)
        signet cert add "$name" "$scratch/answer" "$scratch/ca/int.pem" "$scratch/ca/root.pem"
        signet ring add "$name"
        signet ring connect "$name" "$name" --default
        spent=$((spent + $(now_ms) - before))
        echo "$spent"
    done | median
}

