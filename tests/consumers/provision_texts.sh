#!/usr/bin/env bash
# Every text of "signet provision" is well-formed, whatever a certificate is called; and those whose programs Debian does not have are checked
# as far as text can be: XML, YAML, MQSC.
. "$(dirname "$0")/lib.sh"
need jq xmllint python3

instance=$scratch/5%\ of\ it # a place that is written in another way in an address, and that in another way in a unit
instance_up
owner_up
label='5% & "m" <x> \ i'"'"'s @uri@ %s'
signet cert generate "START1/$label" --subject CN=x >/dev/null
signet ring add "START1/ring 'of' <all>" >/dev/null
signet ring connect "START1/ring 'of' <all>" "START1/$label" --default >/dev/null 2>&1
pin=$(cat "$instance/pin")

programs=$({ signet provision none --ring START1/none 2>&1 || true; } | grep -o 'nginx, .*' | tr -d ',.')
[ "$(wc -w <<<"$programs")" -ge 15 ] || fail "which programs? $programs"
for program in $programs; do
    out=$scratch/$program
    mkdir "$out"
    signet provision "$program" --ring "START1/ring 'of' <all>" --json >"$out/json" 2>"$out/err" || fail "$program: $(cat "$out/err")"
    signet provision "$program" --ring "START1/ring 'of' <all>" >"$out/text" 2>>"$out/err"
    jq -j .text "$out/json" | cmp - "$out/text" || fail "$program: the text is not the text of the answer"
    jq -e '(.files | all(.path != "" and (.mode | test("^0[0-7]{3}$")) and (.content | endswith("\n"))))
        and (.tested | type == "boolean") and (.key == "token" or .key == "file") and (.packages | length > 0) and (.limits | length > 0)
        and (.commands | type == "array") and (.examples | type == "array") and (.environment | type == "object")
        and (.pkcs11_uri | startswith("pkcs11:token="))' "$out/json" >/dev/null || fail "$program: $(jq 'del(.text)' "$out/json")"
    # What is no comment is one of the files, the program's own.
    own=$(grep -v '^#' "$out/text" || true)
    [ -z "$own" ] || jq -e --arg own "$own" '.files | any(.content == $own + "\n")' "$out/json" >/dev/null || fail "$program: the bare lines are no file: $own"
    ! grep -qF "$pin" "$out/json" || fail "$program: a PIN"
    # Who loads the client module is told where the rings are.
    ! grep -qF "$client_module" "$out/text" ||
        jq -e --arg address "$P11_KIT_SERVER_ADDRESS" '.environment.P11_KIT_SERVER_ADDRESS == $address' "$out/json" >/dev/null ||
        fail "$program: another address than $P11_KIT_SERVER_ADDRESS: $(jq .environment "$out/json")"
    # Commands are commands, with the ring as one word.
    jq -r '.commands[], .examples[]' "$out/json" >"$out/commands"
    bash -n "$out/commands" || fail "$program: not a command"
done

say 'systemd gives a program the environment that is printed for it, and that the other tests give it'
# environment_of DROP-IN: as systemd reads it (systemd.exec(5)), NAME=VALUE.
environment_of() {
    sed -nE 's/^Environment="(.*)"$/\1/p' <<<"$1" | sed -E 's/\\(.)/\1/g; s/%%/%/g'
}
units=0
for program in $programs; do
    drop_in=$(jq -r '.files[] | select(.path | test("^/etc/systemd/system/[a-z0-9@]+[.]service[.]d/signet[.]conf$")).content' "$scratch/$program/json")
    [ -n "$drop_in" ] || continue
    units=$((units + 1))
    jq -r '.environment | to_entries[] | "\(.key)=\(.value)"' "$scratch/$program/json" >"$scratch/environment"
    [ -s "$scratch/environment" ] || fail "$program: no environment"
    diff "$scratch/environment" <(environment_of "$drop_in") || fail "$program: systemd gives it another environment"
    [ "$(grep -c Environment <<<"$drop_in")" -eq "$(sed -n '/^\[Service\]$/,$p' <<<"$drop_in" | grep -c '^Environment=')" ] ||
        fail "$program: not all of it in [Service]: $drop_in"
done
[ "$units" -eq 5 ] || fail "$units programs have a drop-in, not five: nginx, apache, stunnel, jetty, tomcat"

say 'what is to be done before a program starts may be done again'
mkdir "$scratch/etc"
jq -r '.commands[]' "$scratch/nginx/json" | sed "s|/etc/nginx|$scratch/etc|" >"$scratch/nginx.sh"
grep -q '^signet owner attach' "$scratch/nginx.sh" || fail 'no user is attached'
for time in first second; do
    PATH="$(dirname "$SIGNET_BIN"):$PATH" bash -e "$scratch/nginx.sh" >"$scratch/nginx.out" 2>&1 || fail "the $time time: $(cat "$scratch/nginx.out")"
done
grep -q 'is attached to START1 already' "$scratch/nginx.out" || fail "it says $(cat "$scratch/nginx.out")"

say 'marked: what Debian does not package was not tried'
[ "$(for program in $programs; do jq -r 'select(.tested | not) | "'"$program"'"' "$scratch/$program/json"; done | sort | xargs)" = \
    'dropwizard liberty mq' ] || fail 'other texts are marked as not tried'
[ "$(for program in $programs; do jq -r 'select(.key == "file") | "'"$program"'"' "$scratch/$program/json"; done | xargs)" = haproxy ] ||
    fail 'other texts say that the key is a file'

say 'a label is named only where there is something to choose'
! grep -qE 'KeyAlias="|certAlias:' "$scratch/tomcat/text" "$scratch/liberty/text" "$scratch/dropwizard/text" || fail 'an alias of the one key that there is'
xmllint --noout - < <(grep -v '^#' "$scratch/tomcat/text") || fail 'tomcat: not XML without its alias'
signet cert generate START1/second --subject CN=second >/dev/null
signet ring connect "START1/ring 'of' <all>" START1/second >/dev/null 2>&1
for program in tomcat liberty dropwizard; do
    signet provision "$program" --ring "START1/ring 'of' <all>" >"$scratch/$program/text" 2>"$scratch/err" || fail "$program: $(cat "$scratch/err")"
done

say 'haproxy: told that the key stays in the token'
grep -q "^warning: .* stays in token \"softhsm\"" "$scratch/haproxy/err" || fail "it says $(cat "$scratch/haproxy/err")"

say 'XML: Tomcat, Liberty'
for program in tomcat liberty; do
    grep -v '^#' "$scratch/$program/text" >"$scratch/$program.xml"
    xmllint --noout "$scratch/$program.xml" || fail "$program: not XML"
done
[ "$(xmllint --xpath 'string(//Certificate/@certificateKeyAlias)' "$scratch/tomcat.xml")" = "$label" ] || fail 'Tomcat: another alias'
[ "$(xmllint --xpath 'string(//ssl/@serverKeyAlias)' "$scratch/liberty.xml")" = "$label" ] || fail 'Liberty: another alias'
[ "$(xmllint --xpath 'string(//ssl/@keyStoreRef)' "$scratch/liberty.xml")" = "$(xmllint --xpath 'string(//keyStore[1]/@id)' "$scratch/liberty.xml")" ] ||
    fail 'Liberty: <ssl> refers to no key store'

say 'YAML: Dropwizard'
grep -v '^#' "$scratch/dropwizard/text" | LABEL=$label python3 -c '
import os, sys, yaml
connector = yaml.safe_load(sys.stdin)["server"]["applicationConnectors"][0]
assert connector["type"] == "https" and connector["keyStoreType"] == "PKCS11", connector
assert connector["certAlias"] == os.environ["LABEL"], connector
assert connector["keyStorePassword"] and connector["keyStorePath"], "Dropwizard refuses empty ones"
' || fail 'Dropwizard: not the YAML that was meant'

say 'MQSC: key words, and strings that end where they should'
grep -v '^#' "$scratch/mq/text" >"$scratch/mqsc"
while IFS= read -r line; do
    grep -qE "^(ALTER QMGR (SSLCRYP|CERTLABL)\('([^']|'')*'\)|REFRESH SECURITY TYPE\(SSL\))$" <<<"$line" || fail "MQSC: $line"
done <"$scratch/mqsc"
grep -q "SSLCRYP('GSK_PKCS11=$client_module;START1/ring ''of'' <all>;" "$scratch/mqsc" || fail "MQ names no ring: $(cat "$scratch/mqsc")"

say 'the longest name of a ring, and what a shell makes of it'
long=$(printf "%0237d" 0 | sed "s/0/'/g; s/''$/\xe2\x82\xac\xe2\x82\xac/")
signet ring add "START1/$long" >/dev/null
signet ring connect "START1/$long" START1/second --default >/dev/null 2>&1
for program in nginx java openssl; do
    signet provision "$program" --ring "START1/$long" --json >"$scratch/long" || fail "$program"
    ! grep -qF 'OWNER/NAME' "$scratch/long" || fail "$program: the ring has no name"
done
words=()
eval "words=($(jq -r '.watch' "$scratch/long"))"
printf '%s\n' "${words[@]}" | finds -xF "START1/$long" || fail "the watch is of another ring: ${words[*]}"

say 'another owner'"'"'s trust ring, which the program would not see'
# shellcheck disable=SC2016 # a name with a shell's sign in it
corp='CORP$A'
signet owner add "$corp" >/dev/null
signet ring add "$corp/TRUST" >/dev/null
expect_text "^warning: .*opens CORP.A/TRUST as the user that it runs as.*signet explain USER 'ring show' 'CORP[$]A/TRUST'" \
    signet provision jetty --ring "START1/$long" --trust-ring "$corp/TRUST"
signet authority define RDATALIB "$corp.TRUST.LST" >/dev/null 2>&1
signet authority permit RDATALIB "$corp.TRUST.LST" --to owner:START1 --level read >/dev/null
signet provision jetty --ring "START1/$long" --trust-ring "$corp/TRUST" >/dev/null 2>"$scratch/err"
[ ! -s "$scratch/err" ] || fail "it says $(cat "$scratch/err")"

say 'refused'
expect_failure 1 'nginx' signet provision iis --ring START1/none
expect_failure 2 'none' signet provision nginx --ring START1/none
expect_failure 2 'nothing' signet provision java --ring "START1/ring 'of' <all>" --trust-ring START1/nothing
