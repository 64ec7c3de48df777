# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # set or used by scripts/bench
# Signatures a second: SoftHSM in process, "p11-kit server", a ring. Sourced by scripts/bench.

make_softhsm_token() {
    local pin=987654
    mkdir "$scratch/tokens"
    printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$scratch" >"$scratch/softhsm2.conf"
    echo "$pin" >"$scratch/pin"
    softhsm "$scratch" softhsm2-util --init-token --free --label store --so-pin 12345678 --pin "$pin" >/dev/null
    local type
    for type in ec:EC:prime256v1 rsa:rsa:2048; do
        softhsm "$scratch" pkcs11-tool --module "$module" --token-label store --login --pin "$pin" --keypairgen \
            --key-type "${type#*:}" --label "${type%%:*}" >/dev/null 2>&1
    done
}

softhsm() {
    local dir=$1
    shift
    SOFTHSM2_CONF=$dir/softhsm2.conf "$@"
}

start_p11_kit_server() {
    SOFTHSM2_CONF=$scratch/softhsm2.conf p11-kit server --foreground --name "$scratch/server.sock" --provider "$module" 'pkcs11:token=store' >/dev/null 2>&1 &
    server=$!
    until [ -S "$scratch/server.sock" ]; do sleep 0.1; done
}

# make_ring INSTANCE: leaves its environment as the current one.
make_ring() {
    "$signet" dev up "$1" >/dev/null
    eval "$("$signet" dev env "$1")"
    signet owner add BENCH
    signet ring add BENCH/SIGN
    local type
    for type in ec:p256 rsa:2048; do
        signet cert generate "BENCH/${type%:*}" --subject "CN=${type%:*}" --key "$type"
        signet ring connect BENCH/SIGN "BENCH/${type%:*}"
    done
}

# Two instances: one that is filled, and one that keeps its two keys, to be compared with.
make_rings() {
    make_ring "$scratch/small"
    small_rings=$P11_KIT_SERVER_ADDRESS
    make_ring "$scratch/instance"
    rings=$P11_KIT_SERVER_ADDRESS
}

# measure SUBJECT MECHANISM CLIENTS: prints "ops_per_s p50_us p99_us errors".
measure() {
    local key=ec
    [ "$2" = ecdsa ] || key=rsa
    set -- "$1" --mechanism "$2" --key "$key" --clients "$3" --seconds "$seconds"
    case $1 in
    inside) softhsm "$scratch" "$bench_sign" --module "$module" --token store --pin-file "$scratch/pin" "${@:2}" ;;
    server) P11_KIT_SERVER_ADDRESS=unix:path=$scratch/server.sock "$bench_sign" --module "$client_module" --token store --pin-file "$scratch/pin" "${@:2}" ;;
    ring) P11_KIT_SERVER_ADDRESS=$rings "$bench_sign" --module "$client_module" --token BENCH/SIGN "${@:2}" ;;
    small) P11_KIT_SERVER_ADDRESS=$small_rings "$bench_sign" --module "$client_module" --token BENCH/SIGN "${@:2}" ;;
    esac
}

# signatures ROUNDS INSIDE KEYS CLIENTS…: with so many keys in each token but the small one; SoftHSM in process, which reads all keys at
# each start, only in the first INSIDE rounds. Every other round goes backwards, so that what comes first has no advantage. Many short rounds
# rather than few long ones: where the kernel puts the processes differs more between runs than within one.
signatures() {
    local rounds=$1 inside=$2 keys=$3 round mechanism clients subject line subjects
    shift 3
    for round in $(seq "$rounds"); do
        echo "signatures, $keys keys, round $round of $rounds" >&2
        subjects=(server ring)
        [ "$round" -gt "$inside" ] || subjects=(inside server ring)
        [ "$keys" -eq 2 ] || subjects+=(small)
        [ $((round % 2)) -eq 1 ] || mapfile -t subjects < <(printf '%s\n' "${subjects[@]}" | tac)
        for mechanism in ecdsa rsa; do
            for clients in "$@"; do
                for subject in "${subjects[@]}"; do
                    line=$(measure "$subject" "$mechanism" "$clients")
                    echo "$keys $mechanism $clients $subject $round $line" >>"$results"
                done
            done
        done
    done
}

# fill COUNT: so many more keys in both tokens. The instance rests meanwhile, for nobody else may write to its token.
fill() {
    echo "filling the tokens with $1 keys" >&2
    softhsm "$scratch" "$build/tests/bench/bench_fill" "$module" store "$scratch/pin" "$1" &
    local beside=$!
    signet dev down "$scratch/instance"
    SOFTHSM2_CONF=$scratch/instance/softhsm2.conf "$build/tests/bench/bench_fill" "$module" signet "$scratch/instance/pin" "$1"
    wait "$beside"
    signet dev up "$scratch/instance"
}

# median: of the numbers on standard input, one a line.
median() {
    sort -n | awk '{ value[NR] = $1 } END { print NR % 2 ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2 }'
}

# table MECHANISM KEYS: one row a number of clients. A ratio is the median of the ratios within each round: what the machine does
# slowly in one round, it does to all of them.
table() {
    awk -v mechanism="$1" -v keys="$2" '
        function median(text,    n, values, i, j, t) {
            n = split(text, values, " ")
            for (i = 2; i <= n; i++) for (j = i; j > 1 && values[j - 1] + 0 > values[j] + 0; j--) {
                t = values[j]; values[j] = values[j - 1]; values[j - 1] = t
            }
            return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
        }
        function ratio(c, subject,    i, all) {
            for (i = 1; i <= rounds; i++) if ((c, subject, i) in one) all = all " " one[c, "ring", i] / one[c, subject, i]
            return median(all)
        }
        $1 == keys && $2 == mechanism {
            one[$3, $4, $5] = $6
            rounds = $5 > rounds ? $5 : rounds
            rate[$3, $4] = rate[$3, $4] " " $6
            p50[$3, $4] = p50[$3, $4] " " $7
            p99[$3, $4] = p99[$3, $4] " " $8
        }
        END {
            for (c = 1; c <= 32; c *= 2) if ((c, "ring") in rate) {
                printf "| %d | %d | %d | %d | %.2f | %.2f | %s | %d / %d | %d / %d |\n", c, median(rate[c, "inside"]),
                    median(rate[c, "server"]), median(rate[c, "ring"]), ratio(c, "inside"), ratio(c, "server"),
                    (c, "small") in rate ? sprintf("%.2f", ratio(c, "small")) : "1",
                    median(p50[c, "server"]), median(p99[c, "server"]), median(p50[c, "ring"]), median(p99[c, "ring"])
            }
        }' "$results"
}
