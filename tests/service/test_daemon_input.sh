#!/usr/bin/env bash
# Bad input by the real command line and by HTTP: refused in words, at once, without a change; odd names are data and nothing else;
# who is slow waits alone.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"

instance_up
signet dev down "$instance" >/dev/null
deadline=$((2 + ${SIGNET_PATIENCE:-1}))
sed -i "s/^administrators/request_deadline_s = $deadline\n&/" "$instance/signet.conf"
signet dev up "$instance" >/dev/null
signet owner add START1 >/dev/null
ring_with_key WEB web
remember

letters() {
    printf "%0$1d" 0 | tr 0 a
}
newline=$'new\nline'
escape=$'esc\e[31mred'
broken=$'\xff\xfe'
refuse_label() {
    local status=$1 code=$2 text=$3
    refused "$status" "$code" "$text" cert generate "START1/$4" --subject CN=x
    refused "$status" "$code" "$text" cert show "START1/$4"
    refused "$status" "$code" "$text" cert request "START1/$4"
    refused "$status" "$code" "$text" cert delete "START1/$4"
    refused "$status" "$code" "$text" ring connect START1/WEB "START1/$4"
    refused "$status" "$code" "$text" cert add "START1/$4" "$scratch/ca/root.pem"
}
outside_ca_make "$scratch/ca"

say 'names that are none'
refuse_label 5 bad_label 'character 4 of the label is a control character' "$newline"
refuse_label 5 bad_label 'character 4 of the label is a control character' "$escape"
refuse_label 5 bad_label '33 characters, at most 32' "$(letters 33)"
refuse_label 5 bad_label '238 characters, at most 32' "$(letters 238)"
refuse_label 5 bad_label 'the label is empty' ''
refuse_label 5 bad_label 'the label is empty' '   '
refuse_label 1 bad_value 'not valid UTF-8' "$broken"
refused 1 bad_value 'maximum|at most|long' cert show "START1/$(letters 100000)"
refused 5 bad_label 'control character' cert alter START1/web --label "$newline"
refused 5 bad_ring_name 'control character' ring add "START1/$newline"
refused 5 bad_ring_name '238 characters, at most 237' ring add "START1/$(letters 238)"
refused 5 bad_ring_name 'empty' ring add START1/
refused 5 bad_ring_name 'virtual ring' ring add 'START1/*'
refused 1 bad_value 'not valid UTF-8' ring add "START1/$broken"
for owner in "qu'ote" '../up' '%s' 'x y' "x'; DROP TABLE owner; --" "$newline" "$escape" 'MULTIID' 'IRRSITEC' '' "$(letters 33)"; do
    refused 5 bad_owner '.' owner add "$owner"
done
for subject in 'CN=' 'x' "CN=$newline" "CN=$(letters 65)" 'C=GBR,CN=x'; do
    refused 5 bad_subject 'subject: ' cert generate START1/none --subject "$subject"
done
refused 1 bad_value 'not valid UTF-8' cert generate START1/none --subject "CN=$broken"
for san in 'dns:' 'dns:a b' "dns:$newline" 'ip:300.1.1.1' 'x' "email:$newline@x" "uri:$escape"; do
    refused 5 bad_san '.' cert generate START1/none --subject CN=x --san "$san"
done
expect_unchanged 'bad names'

say 'names that are odd: data, and nothing else'
mkdir "$scratch/exports"
signet ring add START1/ODD >/dev/null
while IFS= read -r label; do
    signet cert generate "CERTAUTH/$label" --subject "CN=odd" --key ec:p256 >/dev/null 2>"$scratch/err" || fail "$label: $(cat "$scratch/err")"
    signet ring connect START1/ODD "CERTAUTH/$label" >/dev/null
    signet cert show "CERTAUTH/$label" >"$scratch/show"
    grep -qF -- "$label" "$scratch/show" || fail "'$label' is shown as $(grep label "$scratch/show")"
    signet ring add "START1/$label" >/dev/null
    signet ring connect "START1/$label" START1/web --default >/dev/null 2>&1
    signet provision nginx --ring "START1/$label" >>"$scratch/provisioned"
done <<'LABELS'
quo'te
dou"ble
a/b
../../../../tmp/up
/tmp/absolute
%s%n%x%d
x'; DROP TABLE certificate; --
$(touch pwned) `touch pwned`
-rf
* ?
ünïcödé
LABELS
for format in hashdir der; do
    (cd "$scratch/exports" && signet ring export START1/ODD --format "$format" --out "$scratch/exports/$format" >/dev/null)
    [ "$(find "$scratch/exports/$format" -type f | wc -l)" -eq 11 ] || fail "$format holds $(ls "$scratch/exports/$format")"
done
[ "$(find "$scratch/exports" -mindepth 1 -maxdepth 1 | wc -l)" -eq 2 ] || fail "beside the directories: $(ls -a "$scratch/exports")"
[ -z "$(find /tmp -maxdepth 1 '(' -name 'up*' -o -name 'absolute*' ')' -newer "$scratch/before")" ] || fail 'a label became a path'
[ "$(pkcs11-tool --module "$client_module" --token-label START1/ODD -O 2>/dev/null | grep -c '^Certificate')" -eq 11 ] ||
    fail 'the ring shows other certificates'
! LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]' "$instance/signetd.log" || fail 'the log holds control characters'
remember

say 'HTTP: bytes that are no request'
# http STATUS CODE OPTION… of curl
http() {
    local status=$1 code=$2 got
    shift 2
    got=$(curl -s --max-time "$(patiently 20)" --unix-socket "$SIGNET_SOCKET" -o "$scratch/refused" -w '%{http_code}' "$@")
    [ "$got" = "$status" ] || fail "HTTP $got instead of $status: $* $(head -c 300 "$scratch/refused")"
    [ -z "$code" ] || expect_code "$code" "$*"
    ! LC_ALL=C grep -q $'[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]' "$scratch/refused" || fail "control characters in the answer to $*"
}
body() {
    http "$1" "$2" --data-binary @- "http://signet/v1/$3"
}
printf '{"owner": "\xff\xfe"}' | body 400 bad_json owner/add
printf '{"owner": "A\\u0000B"}' | body 400 bad_json owner/add
printf '{"owner": "A\\u000aB"}' | body 422 bad_owner owner/add
printf '{"certificate": "START1/a\\u001b[31m", "subject": "CN=x"}' | body 422 bad_label cert/generate
printf '{"ring": "START1/a\x01b"}' | body 400 bad_json ring/add
printf '{"owner": "A", "owner": "B"}' | body 400 bad_json owner/add
printf '{"owner": 7}' | body 400 bad_parameter owner/add
printf '{"owner": "A", "administrator": true}' | body 400 bad_parameter owner/add
printf '{"certificate": "START1/%s", "subject": "CN=x"}' "$(letters 100000)" | body 400 bad_parameter cert/generate
head -c 10000 /dev/zero | tr '\0' '[' | body 400 bad_json owner/add
for _ in $(seq 10000); do printf '{"a":'; done | body 400 bad_json owner/add
head -c 10000000 /dev/zero | body 413 '' owner/add
http 400 bad_query 'http://signet/v1/cert/list?owner=%FF'
http 400 bad_query 'http://signet/v1/cert/list?owner=%00'
http 422 bad_label 'http://signet/v1/cert/show?certificate=START1/%0a%1b'
http 404 certificate_not_found 'http://signet/v1/cert/show?certificate=START1/..%2f..%2fetc%2fpasswd'
http 404 unknown_route --path-as-is 'http://signet/v1/../../etc/passwd'
http 405 wrong_method -X DELETE 'http://signet/v1/cert/list'
http 400 '' -H "X-Long: $(letters 20000)" 'http://signet/v1/status'
expect_unchanged 'bad requests'

say 'files that are too much'
truncate -s 100M "$scratch/huge.pem"
started=$SECONDS
refused 5 file_too_large '104857600 bytes' cert add START1 "$scratch/huge.pem"
refused 5 too_large 'more than 16777216 bytes' cert add START1 - <"$scratch/huge.pem"
{ printf -- '-----BEGIN CERTIFICATE-----\n' && head -c 8000000 /dev/zero | base64; } >"$scratch/endless.pem"
refused 5 not_a_certificate 'END line is missing' cert add START1 "$scratch/endless.pem"
refused 5 is_a_directory 'is a directory' cert add START1 "$scratch"
refused 5 no_certificate 'no certificate' cert add START1 "$scratch/ca/root.key"
: >"$scratch/empty"
refused 5 empty_file 'empty' cert add START1 "$scratch/empty"
head -c 100000 /dev/urandom >"$scratch/noise"
refused 5 no_certificate 'no known kind' cert add START1 "$scratch/noise"
in_time 10 "$started" || fail 'refusing took long'
expect_unchanged 'bad files'

say 'certificates that are too large for the token'
fifty=$(letters 50)
# big_answer NAMES: an answer for START1/web with so many names of 60 bytes
big_answer() {
    { printf 'subjectAltName=@names\n[names]\n' && for number in $(seq "$1"); do echo "DNS.$number=$number.$fifty.example"; done; } \
        >"$scratch/names.cnf"
    openssl x509 -req -in "$scratch/web.csr" -CA "$scratch/ca/int.pem" -CAkey "$scratch/ca/int.key" -days 30 \
        -extfile "$scratch/names.cnf" -out "$scratch/big.pem" 2>"$scratch/big.log"
}
signet cert request START1/web --out "$scratch/web.csr" >/dev/null
remember
big_answer 800
refused 5 certificate_too_large 'START1/web has 5[0-9]* bytes' cert add START1/web "$scratch/big.pem" "$scratch/ca/int.pem" "$scratch/ca/root.pem"
big_answer 1100
refused 5 '.*' '65536|too large|too long|bytes' cert add START1/web "$scratch/big.pem" "$scratch/ca/int.pem" "$scratch/ca/root.pem"
names=()
for number in $(seq 800); do names+=(--san "dns:$number.$fifty.example"); done
refused 5 certificate_too_large 'START1/big has 5[0-9]* bytes' cert generate START1/big --subject CN=big --key ec:p256 "${names[@]}"
expect_unchanged 'certificates that are too large'
expect_keys_agree
big_answer 600
signet cert add START1/web "$scratch/big.pem" "$scratch/ca/int.pem" "$scratch/ca/root.pem" >/dev/null
expect_keys_agree
[ "$(look_into_token -O --type cert | grep -c 'START1/web')" -eq 1 ] || fail 'a certificate of 40,000 bytes does not stand in the token'

say 'a bundle of a thousand certificates'
remember
openssl req -new -key "$scratch/ca/int.key" -config "$scratch/ca/int.cnf" -subj '/C=GB/O=Outside/CN=One of many' -out "$scratch/many.csr"
requests=()
for _ in $(seq 1000); do requests+=("$scratch/many.csr"); done
mkdir "$scratch/many"
openssl ca -batch -notext -config "$scratch/ca/root.cnf" -extensions intermediate -outdir "$scratch/many" \
    -infiles "${requests[@]}" >/dev/null 2>"$scratch/many.log"
cat "$scratch/many"/*.pem >"$scratch/many.pem"
cat "$scratch/many.pem" "$scratch/ca/root.pem" >"$scratch/too-many.pem"
refused 5 too_many_certificates '1000' cert add CERTAUTH "$scratch/too-many.pem"
expect_unchanged 'one certificate too many'
before=$(number certificates)
signet cert add CERTAUTH "$scratch/many.pem" >"$scratch/many.out" || fail "a thousand certificates: $(tail -n 3 "$scratch/many.out")"
[ "$(number certificates)" -eq $((before + 1000)) ] || fail "$(($(number certificates) - before)) were added"
expect_text 'One of many-1000' signet cert list CERTAUTH
refused 3 certificate_exists '1000 certificates' cert add CERTAUTH "$scratch/many.pem"
expect_keys_agree

say 'what HTTP refuses is logged with who sent it'
http 400 bad_request -H 'Content-Length : 3' http://signet/v1/status
sleep 2.5 # one line a second, and another request failed just before
grep 'event=http_request_failed .*code=bad_request.*blank before its colon' "$instance/signetd.log" | finds -E " uid=$(id -u) pid=[1-9]" ||
    fail "the log says $(grep 'code=bad_request' "$instance/signetd.log")"

say 'who sends a byte now and then is cut, and the others are served meanwhile'
drip() {
    trap - EXIT
    local got=0
    { printf '{"owner": "' && for _ in $(seq $((deadline * 6))); do sleep 0.5 && printf a || break; done; } 2>/dev/null |
        curl -s --max-time $((deadline * 5)) --unix-socket "$SIGNET_SOCKET" -X POST -T - -o /dev/null http://signet/v1/owner/add || got=$?
    echo "$got $SECONDS" >"$scratch/drip.$1"
}
started=$SECONDS
for number in 1 2 3 4; do
    drip "$number" &
    children+=("$!")
done
served=0
while [ "$(cat "$scratch"/drip.* 2>/dev/null | wc -l)" -lt 4 ]; do
    signet status --json >/dev/null || fail 'nobody else is served'
    served=$((served + 1))
    [ $((SECONDS - started)) -lt $((deadline * 3)) ] || fail 'who drips is not cut'
    sleep 0.1
done
[ "$served" -gt 5 ] || fail "only $served requests were served meanwhile"
! grep -q '^0' "$scratch"/drip.* || fail 'who drips got an answer'
! signet owner list --json | finds AAAA || fail 'what was dripped was done'
