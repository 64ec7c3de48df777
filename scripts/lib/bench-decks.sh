# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # set or used by scripts/bench
# What a deck of RACDCERT commands costs, and a long LIST. Sourced by scripts/bench. $commands and $listed say how many.

# make_deck COUNT: rings come, are connected to, looked at and go; no key is made. On standard output.
make_deck() {
    local number
    for number in $(seq "$(($1 / 4))"); do
        cat <<COMMANDS
RACDCERT ID(BENCH) ADDRING(DECK.$number)
RACDCERT ID(BENCH) CONNECT(LABEL('deck') RING(DECK.$number) -
   USAGE(PERSONAL) DEFAULT)
RACDCERT ID(BENCH) LISTRING(DECK.$number)
RACDCERT ID(BENCH) DELRING(DECK.$number)
COMMANDS
    done
}

# fill_certauth COUNT: so many certificates under CERTAUTH, a thousand at a time.
fill_certauth() {
    local first=1 count
    while [ "$first" -le "$1" ]; do
        count=$(($1 - first + 1 < 1000 ? $1 - first + 1 : 1000))
        "$build/tests/bench/bench_certificates" "$first" "$count" >"$scratch/roots.pem"
        signet cert add CERTAUTH "$scratch/roots.pem"
        first=$((first + count))
    done
}

# timed FILE COMMAND…: sets $took, milliseconds; what it prints goes into the file.
timed() {
    local into=$1 before
    shift
    before=$(now_ms)
    "$@" >"$into"
    took=$(($(now_ms) - before))
}

decks() {
    echo "a deck of $commands commands, a LIST of $listed certificates" >&2
    signet cert generate BENCH/deck --subject 'CN=deck.example.com,O=Example' --key ec:p256
    make_deck "$commands" >"$scratch/deck"
    # the certificate is a placeholder, of which CONNECT warns: 4
    # shellcheck disable=SC2016 # the inner shell expands it
    timed "$scratch/deck.out" bash -c '"$1" <"$2" 2>/dev/null || [ $? -le 4 ]' - "$racdcert" "$scratch/deck"
    deck_ms=$took
    fill_certauth "$listed"
    timed "$scratch/list.out" "$racdcert" 'CERTAUTH LIST'
    list_ms=$took
    [ "$(grep -c '^  Label: ' "$scratch/list.out")" -ge "$listed" ] || { echo 'bench: LIST is not whole' >&2 && exit 1; }
    timed "$scratch/list.out" "$signet" cert list CERTAUTH
    names_ms=$took
}

deck_section() {
    cat <<PAGE

## Decks

| | seconds |
|---|---|
| a deck of $commands commands (ADDRING, CONNECT, LISTRING, DELRING; each change durable before the next) | $(seconds "$deck_ms") |
| \`racdcert 'CERTAUTH LIST'\` of $listed certificates, every field of each | $(seconds "$list_ms") |
| \`signet cert list CERTAUTH\` of them | $(seconds "$names_ms") |
PAGE
}
