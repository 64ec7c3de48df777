#!/usr/bin/env bash
# RACF decks as practitioners write them (tests/decks), run by racdcert against a throw-away instance: once as text, compared with the
# expected listings beside them, and once as JSON in a second instance. A dry run of each deck must foretell, line by line, what it
# then prints, and change nothing; one of each command what then happens. What an outside CA does between two decks is done here, by "openssl ca".
#
#   decks.sh [text|json]         run them all, in both ways or in one
#   DECKS_UPDATE=1 decks.sh      write the expected listings anew; read the difference before you keep it
. "$(dirname "$0")/lib.sh"
: "${RACDCERT_BIN:?set it to the racdcert program under test}"
need openssl jq
decks=$(cd "$here/../decks" && pwd)
export TZ=Europe/Berlin

# Both, for midnight may come while this runs.
today="$(date +%Y/%m/%d)|$(date -d tomorrow +%Y/%m/%d)"
next_year="$(date -d '+1 year' +%Y/%m/%d)|$(date -d '+1 year +1 day' +%Y/%m/%d)"

# outside_date FILE: until when a certificate of the outside CA is valid, as the listings say it and as messages do.
outside_dates=()
outside_date() {
    local end
    end=$(openssl x509 -in "$1" -noout -enddate | sed 's/^notAfter=//')
    outside_dates+=(-e "s|$(date -d "$end" '+%Y/%m/%d %H:%M:%S')|(date)|" -e "s/$(date -u -d "$end" '+%Y-%m-%dT%H:%M:%SZ')/(time)/")
}

# What a dry run must leave as it was, byte by byte: the store, the token's objects, the files here.
everything() {
    find "$instance" -path "$instance/token/*" -type f -exec cksum {} + | sort
    find "$instance" -name 'signet.db*' -exec cksum {} + | sort
    find . -type f -exec cksum {} + | sort
}

# Serial numbers, fingerprints and the dates of today are different each time; everything else is compared as it stands.
masked() {
    sed -E -e "s@($today) 00:00:00@TODAY 00:00:00@; s@($next_year) 23:59:59@NEXT-YEAR 23:59:59@" \
        -e 's/(serial number )[0-9A-F]{20,}/\1(serial)/' \
        -e 's/>([0-9A-F]{2}){12,20}</>(serial)</' "${outside_dates[@]}" \
        -e 's/^( {7})([0-9A-F]{2}:){15}[0-9A-F]{2}(:?)$/\1(fingerprint)\3/' \
        -e "s@(${today%%/*}|${next_year%%/*})/[0-9]{2}/[0-9]{2} [0-9:]{8}@(date)@" \
        -e "s/(${today%%/*}|${next_year%%/*})-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/(time)/g"
}

# rehearsed DECK: the dry run of the whole of it, before it really runs, without what says that it is one.
rehearsed() {
    local name=$1 status=0
    everything >"$scratch/before"
    "$RACDCERT_BIN" --dry-run <"$decks/$name.deck" >"$scratch/$name.dry.raw" 2>&1 || status=$?
    everything >"$scratch/after"
    cmp "$scratch/before" "$scratch/after" || fail "the dry run of $name changed something"
    grep -q '^note: dry run: ' "$scratch/$name.dry.raw" || fail "the dry run of $name does not say that it is one"
    {
        sed -e '/^note: dry run: nothing was changed/d' -e 's/^dry run: //' "$scratch/$name.dry.raw" | masked
        echo "return code $status"
    } >"$scratch/$name.dry"
}

# text DECK: as a person sees it, messages and all.
text() {
    local name=$1 status=0
    rehearsed "$name"
    "$RACDCERT_BIN" <"$decks/$name.deck" >"$scratch/$name.raw" 2>&1 || status=$?
    { masked <"$scratch/$name.raw" && echo "return code $status"; } >"$scratch/$name.out"
    if [ -n "${DECKS_UPDATE:-}" ]; then
        cp "$scratch/$name.out" "$decks/$name.expected"
    fi
    diff -u "$decks/$name.expected" "$scratch/$name.out" || fail "$name does not print what it should"
    diff -u "$scratch/$name.out" "$scratch/$name.dry" || fail "the dry run of $name does not foretell what it prints"
}

# outcome FILE NUMBER: what that command in it came to: how it ended, what it changed. A listing changes nothing: a dry run of one command
# is silent about it.
outcome() {
    jq -r --argjson number "$2" '.commands[$number] | select(.function | test("^(R?LIST|CHECKCERT)") | not)
        | "\(.return_code) \(.error.code // "done"): \((.answer.effects // .answer.did // []) | join("; "))"' "$1" | masked
}

# json DECK: of each command, the effects of a dry run are what it then does: of that command alone, and of the deck as a whole.
json() {
    local name=$1 from to changed=0
    "$RACDCERT_BIN" --json --dry-run <"$decks/$name.deck" >"$scratch/whole.json" || true
    local -a lines
    mapfile -t lines < <(jq -r '.commands[].line' "$scratch/whole.json")
    lines+=(1000000)
    for ((i = 0; i + 1 < ${#lines[@]}; i++)); do
        from=${lines[i]} to=$((lines[i + 1] - 1))
        sed -n "${from},${to}p" "$decks/$name.deck" >"$scratch/one.deck"
        "$RACDCERT_BIN" --json --dry-run <"$scratch/one.deck" >"$scratch/dry.json" || true
        "$RACDCERT_BIN" --json <"$scratch/one.deck" >"$scratch/did.json" || true
        outcome "$scratch/dry.json" 0 >"$scratch/dry"
        outcome "$scratch/did.json" 0 >"$scratch/did"
        outcome "$scratch/whole.json" "$i" >"$scratch/foretold"
        diff -u "$scratch/dry" "$scratch/did" || fail "$name, line $from, did something else than its dry run foretold"
        diff -u "$scratch/foretold" "$scratch/did" || fail "$name, line $from, did something else than the dry run of the deck foretold"
        ! grep -qE '^[04] done: .' "$scratch/did" || changed=$((changed + 1))
    done
    [ "$changed" -gt 0 ] || fail "$name changed nothing"
}

# sign REQUEST CERTIFICATE: what the outside CA does with a request.
sign() {
    outside_ca_sign "$scratch/ca" "$1" "$2" -days 90
}

owners() {
    local owner
    for owner in "$@"; do
        signet owner add "$owner" >/dev/null
    done
}

# Every scenario in its order: some go on where another ended.
scenarios() {
    local run=$1
    owners MIGR SRV1 WEBSRV BATCH DAEMON1 DAEMON2 MQM LBL DST ERR USER1 WEBUSER NOBODY
    "$run" own-ca

    "$run" outside-ca.1
    sign WEBSRV.SHOP.CSR WEBSRV.SHOP.CERT
    cp "$scratch/ca/root.pem" CA.ROOT
    cp "$scratch/ca/int.pem" CA.INT
    "$run" outside-ca.2

    "$run" renewal.1
    sign WEBSRV.RENEW.CSR WEBSRV.RENEW.CERT
    "$run" renewal.2

    "$run" rekey
    "$run" cross-certification
    expect_text 'OK$' openssl verify -CAfile NEWCA.SELF NEWCA.SELF
    "$run" many-rings
    cp "$scratch/partner.pem" PARTNER.CERT
    cat CA.INT WEBSRV.RENEW.CERT >SHOP.CHAIN
    cat CA.ROOT PARTNER.CERT >NO.CHAIN
    echo 'no certificate' >TEXT.FILE
    cp "$scratch/MIGR.SERVER.P12" "$scratch/MIGR.NOKEY.P12" "$scratch/MIGR.PLAIN" .
    head -c 700 MIGR.NOKEY.P12 >MIGR.CUT.P12
    "$run" checkcert
    "$run" partner
    "$run" labels
    "$run" dates
    "$run" map
    "$run" tokens
    "$run" profiles
    "$run" mistakes
    cp "$scratch/migr.pem" MIGR.CERT
    "$run" keystore
    [ ! -e MIGR.OUT.P12 ] || fail 'a private key that may not leave its token stands in a file'
}

# in_instance RUN: all scenarios in an instance and a directory of their own.
in_instance() {
    instance=$scratch/$1
    instance_up
    mkdir "$scratch/$1.files"
    cd "$scratch/$1.files"
    scenarios "$1"
    cd "$scratch"
    signet dev down "$instance" >/dev/null
}

outside_ca_make "$scratch/ca"
outside_date "$scratch/ca/root.pem"
outside_date "$scratch/ca/int.pem"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj '/C=DE/O=Partner/CN=mq.partner.example' -days 90 \
    -keyout "$scratch/partner.key" -out "$scratch/partner.pem" 2>/dev/null

openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj '/C=DE/O=Umzug/CN=migr.example.com' \
    -keyout "$scratch/migr.key" -out "$scratch/migr.csr" 2>/dev/null
sign "$scratch/migr.csr" "$scratch/migr.pem"
outside_date "$scratch/migr.pem"
cat "$scratch/migr.pem" "$scratch/ca/int.pem" "$scratch/ca/root.pem" >"$scratch/migr.chain"
openssl pkcs12 -export -inkey "$scratch/migr.key" -in "$scratch/migr.chain" -passout pass:Umzug-2026 -out "$scratch/MIGR.SERVER.P12"
openssl pkcs12 -export -nokeys -in "$scratch/migr.chain" -passout pass:Umzug-2026 -out "$scratch/MIGR.NOKEY.P12"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj '/C=DE/O=Umzug/CN=Umzug CA' -days 90 \
    -keyout "$scratch/plain.key" -out "$scratch/MIGR.PLAIN" 2>/dev/null
outside_date "$scratch/MIGR.PLAIN"

# Bytes that are no UTF-8 are a mistake like any other, in JSON too.
printf "RACDCERT ID(A) ADDRING('\\xff')\nRDEFINE \\xff X\nRDEFINE FACILITY (A\\xc3\nPERMIT X CLASS(FACILITY) ID(\\xe2\\x82)\n" >"$scratch/bytes.deck"
"$RACDCERT_BIN" --json --socket "$scratch/none" <"$scratch/bytes.deck" >"$scratch/bytes.json" || true
[ "$(jq -r '[.commands[].error.code] | join(" ")' "$scratch/bytes.json")" = "bad_character class_not_kept unclosed_parenthesis bad_character" ] ||
    fail "bytes that are no text are not refused: $(cat "$scratch/bytes.json")"

for way in ${1:-text json}; do
    in_instance "$way"
done

