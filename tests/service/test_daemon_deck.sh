#!/usr/bin/env bash
# Decks against the whole service: what a refusal points at, what a policy does to RACF's year, keys that may leave, data sets that cannot
# be written, and what programs read of a deck.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
need openssl jq
racdcert=$(dirname "$SIGNET_BIN")/racdcert
umask 077
mkdir "$scratch/files"
cd "$scratch/files"

# deck STATUS <DECK: racdcert ends so; what it says is in said, errors too.
deck() {
    local status=$1 got=0
    "$racdcert" >said 2>&1 || got=$?
    [ "$got" -eq "$status" ] || fail "the deck ended with $got, not $status: $(cat said)"
}

# line STATUS WORD…
line() {
    local status=$1 got=0
    shift
    "$racdcert" "$@" >said 2>&1 || got=$?
    [ "$got" -eq "$status" ] || fail "'$*' ended with $got, not $status: $(cat said)"
}

said() {
    grep -qE -- "$1" said || fail "it did not say '$1': $(cat said)"
}

# settings SECTION-LINE LINE…: the instance goes on with these lines before that one.
settings() {
    local before=$1 line
    shift
    signet dev down "$instance" >/dev/null
    sed -i '/^policy\|^extractable_keys\|^extractable_allowed/d' "$instance/signet.conf"
    for line in "$@"; do
        case $line in
        extractable_allowed*) sed -i "s/^\[token softhsm\]/&\n$line/" "$instance/signet.conf" ;;
        *) sed -i "s/^$before/$line\n&/" "$instance/signet.conf" ;;
        esac
    done
    signet dev up "$instance" >/dev/null
}

requested() {
    signet cert show START1/web --json | jq -r .requested
}

instance_up
signet owner add START1 >/dev/null
signet cert generate START1/web --subject 'CN=web,O=Example' >/dev/null

say 'a data set that cannot be written asks for nothing'
mkdir REQ
deck 12 <<<"RACDCERT ID(START1) GENREQ(LABEL('web')) DSN(REQ)"
said 'cannot replace ./REQ'
[ "$(requested)" = false ] || fail 'a request that nobody has was counted'
refused 2 cannot_write 'nonexistent' cert request START1/web --out "$scratch/nonexistent/web.csr"
refused 2 cannot_write 'nonexistent' cert request START1/web --out "$scratch/nonexistent/web.csr" --dry-run
[ "$(requested)" = false ] || fail 'a request that nobody has was counted'
deck 0 <<<"RACDCERT ID(START1) GENREQ(LABEL('web')) DSN(WEB.CSR)"
[ "$(requested)" = true ] || fail 'a request was not counted'
[ "$(find . -name '*.tmp*' | wc -l)" -eq 0 ] || fail "left behind: $(ls)"

say 'a dry run knows what cannot be written, or read'
mkdir OUT
mkfifo PIPE
for dry in '' --dry-run; do
    got=0
    # shellcheck disable=SC2086 # no word, or one
    timeout "$(patiently 30)" "$racdcert" $dry >said 2>&1 <<-'DECK' || got=$?
	RACDCERT ID(START1) EXPORT(LABEL('web')) DSN(OUT)
	RACDCERT CHECKCERT(PIPE)
	RACDCERT ID(START1) EXPORT(LABEL('web')) DSN(WEB.P12) PASSWORD('short')
	DECK
    [ "$got" -eq 12 ] || fail "the deck ended with $got: $(cat said)"
    said 'cannot replace ./OUT'
    said 'line 2, column 20: ./PIPE is no file'
    said 'line 3, column [0-9]+: the password has 5 characters'
done

say 'a refusal points at its operand'
line 0 'ID(START1) ADDRING(KEY)'
line 8 "ID(START1) CONNECT(LABEL('wep') RING(KEY))"
said 'line 1, column 35: START1 has no certificate'
said '^ {28,}\^{5}$'
line 8 "ID(START1) CONNECT(LABEL('web') RING(KEX))"
said 'column 47: '
line 8 'ID(START1) ADDRING(KEY)'
said 'column 29: '

say 'options stand before or behind; the rest is the command'
line 0 'ID(START1) LISTRING(KEY)' --json
[ "$(jq -r '.commands[0].answer.ring' said)" = KEY ] || fail "no JSON: $(cat said)"
line 0 --json ID\(START1\) LISTRING\(KEY\)
line 12 'ID(START1) LISTRING(KEY)' --jsen
said 'is no option'
line 12 -- --json
said 'no keyword'

say 'programs read of what was skipped'
printf '//J JOB\n//SYSTSIN DD *\nSETROPTS RACLIST(DIGTRING) REFRESH\n/*\n//NEXT EXEC PGM=IEFBR14\n' >jcl.deck
"$racdcert" --json <jcl.deck >said || fail "$(cat said)"
[ "$(jq -r '.notes | join("; ")' said)" = 'lines 1 to 2 skipped: job control; lines 4 to 5 skipped: job control' ] || fail "notes: $(cat said)"
jq -e '.commands[0].notes[0] | test("not needed")' said >/dev/null || fail "SETROPTS says nothing: $(cat said)"
deck 0 <jcl.deck
said 'lines 4 to 5 skipped'

say 'several profiles: all, or none'
line 4 'RDEFINE FACILITY IRR.DIGTCERT.MAP'
line 8 'RDEFINE FACILITY (IRR.DIGTCERT.ADD IRR.DIGTCERT.MAP)'
said 'column 36: '
line 8 'RLIST FACILITY IRR.DIGTCERT.ADD NOGENERIC'
line 12 'RDEFINE FACILITY (IRR.DIGTCERT.ADD irr.digtcert.add)'
said 'stands there twice'
line 0 'RDELETE FACILITY IRR.DIGTCERT.MAP'

say 'a day without a midnight'
export TZ=America/Santiago
year=$(($(date +%Y) + 1))
day=$(for d in 01 02 03 04 05 06 07 08 09 10; do date -d "$year-09-$d 00:00:00" >/dev/null 2>&1 || echo "$year-09-$d"; done)
[ -n "$day" ] || fail 'Chile has changed its clocks: find another country'
line 4 "ID(START1) GENCERT SUBJECTSDN(CN('gap')) NISTECC SIZE(256) NOTBEFORE(DATE($day)) WITHLABEL('gap')"
said '01:00:00 is taken'
[ "$(signet cert show START1/gap --json | jq -r .not_before)" = "${day}T04:00:00Z" ] || fail 'the day begins at another time'
line 8 "ID(START1) GENCERT SUBJECTSDN(CN('gap')) NISTECC SIZE(256) NOTBEFORE(DATE($day) TIME(00:00:00)) WITHLABEL('gap2')"
export TZ=UTC0

say 'a policy that allows less than a year'
settings administrators 'policy = browser'
line 4 "ID(START1) GENCERT SUBJECTSDN(CN('short')) NISTECC SIZE(256) WITHLABEL('short')"
said 'warning: START1/short is valid until .* only: policy "browser" allows [0-9]+ days'
next=$(date -d '+1 year' +%Y-%m-%d)
line 8 "ID(START1) GENCERT SUBJECTSDN(CN('long')) NISTECC SIZE(256) NOTAFTER(DATE($next)) WITHLABEL('long')"
said 'column 70: START1/long: .*leaf_days_max'
line 8 "ID(START1) GENCERT SUBJECTSDN(CN('s')) NISTECC SIZE(256) EKU(serverAuth) ALTNAME(EMAIL('a@b.example')) WITHLABEL('s')"
said 'server_san_required'

say 'keys that may leave their token'
line 8 "ID(START1) GENCERT SUBJECTSDN(CN('out')) NISTECC SIZE(256) EXTRACTABLE WITHLABEL('out')"
said 'makes no extractable keys'
settings administrators 'policy = fips' 'extractable_allowed = yes'
line 8 "ID(START1) GENCERT SUBJECTSDN(CN('out')) NISTECC SIZE(256) EXTRACTABLE WITHLABEL('out')"
said 'column 69: START1/out: its key can be exported, and policy "fips" allows that never'
settings administrators 'extractable_allowed = yes'
deck 0 <<DECK
RACDCERT ID(START1) GENCERT SUBJECTSDN(CN('out')) NISTECC SIZE(256) -
   EXTRACTABLE WITHLABEL('out')
RACDCERT ID(START1) EXPORT(LABEL('out')) DSN(OUT.P12) PASSWORD('Ausfuhr-1')
RACDCERT CHECKCERT(OUT.P12) PASSWORD('Ausfuhr-1')
DECK
said 'note: EXTRACTABLE: whoever holds IRR.DIGTCERT.EXPORTKEY'
said "CN=out"
openssl pkcs12 -in OUT.P12 -passin pass:Ausfuhr-1 -noenc -nocerts 2>/dev/null | openssl pkey -noout || fail 'OUT.P12 holds no key'
deck 8 <<<"RACDCERT CHECKCERT(OUT.P12) PASSWORD('Einfuhr-1')"
said 'column 29: ./OUT.P12: the password does not open'
! grep -q 'fuhr-1' said || fail 'the password is shown'
signet cert check OUT.P12 --password-file <(echo Ausfuhr-1) | finds 'START1 *out' || fail 'signet does not look into it'
refused 5 wrong_password 'does not open' cert check OUT.P12 --password-file <(echo Einfuhr-1)
expect_keys_agree
expect_ready
