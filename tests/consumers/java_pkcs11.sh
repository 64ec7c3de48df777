#!/usr/bin/env bash
# Java's own PKCS#11 provider sees a ring as a keystore: the key with its chain, the anchors as trusted certificates; and signs.
. "$(dirname "$0")/lib.sh"
need keytool jarsigner jq

consumer 'keytool, jarsigner' openjdk-17-jdk-headless 'key store'
instance_up
outside_ca_make "$scratch/ca"
owner_up
server_certificate web ec:p256
server_certificate rsa rsa:2048
server_ring WEB web
signet ring connect START1/WEB START1/rsa >/dev/null
provision java START1/WEB "$scratch"
mapfile -t environment < <(provisioned_environment "$scratch")
export "${environment[@]}"
signet provision java --ring START1/WEB >"$scratch/signet-p11.cfg" # the whole text is a configuration too
cd "$scratch"

provider() {
    "$@" -keystore NONE -storetype PKCS11 -protected -providerClass sun.security.pkcs11.SunPKCS11 -providerArg "$scratch/signet-p11.cfg"
}

say 'keytool -list, as printed'
bash -c "$(provisioned_example "$scratch" keytool)" >"$scratch/keytool.log" 2>&1 || fail "keytool: $(head -n 5 "$scratch/keytool.log")"
[ "$(grep -c PrivateKeyEntry "$scratch/keytool.log")" -eq 2 ] || fail "not two PrivateKeyEntry: $(cat "$scratch/keytool.log")"
[ "$(grep -c trustedCertEntry "$scratch/keytool.log")" -eq 2 ] || fail "not two trustedCertEntry: $(cat "$scratch/keytool.log")"
provider keytool -list -v -alias web >"$scratch/keytool.log" 2>&1 || fail "keytool -v: $(head -n 5 "$scratch/keytool.log")"
grep -q 'Certificate chain length: 3' "$scratch/keytool.log" || fail 'the chain is not three long'

say 'what is connected as SITE is trusted, what is as PERSONAL is not, whoever owns it'
signet cert generate SITE/anchor --subject CN=anchor --key ec:p256 --usage certsign >/dev/null
signet cert generate SITE/server --subject CN=server --key ec:p256 >/dev/null
signet cert generate SITE/own --subject CN=own --key ec:p256 >/dev/null
signet ring connect START1/WEB SITE/anchor --usage site >/dev/null
signet ring connect START1/WEB SITE/server --usage site >/dev/null
signet ring connect START1/WEB SITE/own --usage personal >/dev/null
provider keytool -list >"$scratch/keytool.log" 2>&1 || fail "keytool: $(head -n 5 "$scratch/keytool.log")"
[ "$(grep -c trustedCertEntry "$scratch/keytool.log")" -eq 4 ] || fail "not four trustedCertEntry: $(cat "$scratch/keytool.log")"
grep -q '^anchor.*trustedCertEntry' "$scratch/keytool.log" || fail "a SITE CA is no anchor: $(cat "$scratch/keytool.log")"
grep -q '^server.*trustedCertEntry' "$scratch/keytool.log" || fail "a SITE server certificate is no anchor: $(cat "$scratch/keytool.log")"
! grep -q '^own.*trustedCertEntry' "$scratch/keytool.log" || fail 'a SITE certificate connected as PERSONAL is an anchor'
for program in java jetty tomcat dropwizard liberty; do
    signet provision "$program" --ring START1/WEB >"$scratch/text"
    grep -q 'usage SITE from CERTAUTH: .*either is a trust anchor' "$scratch/text" || fail "$program is not told that SITE is trusted"
done
for usage in anchor server own; do
    signet ring remove START1/WEB "SITE/$usage" >/dev/null
done

say 'a placeholder without a subject hides nothing'
signet cert generate START1/nameless --subject '' --san dns:localhost --key ec:p256 >/dev/null
signet ring connect START1/WEB START1/nameless >/dev/null
provider keytool -list >"$scratch/keytool.log" 2>&1 || fail "keytool: $(head -n 5 "$scratch/keytool.log")"
grep -q '^nameless.*PrivateKeyEntry' "$scratch/keytool.log" || fail "it is not seen: $(cat "$scratch/keytool.log")"
[ "$(grep -c PrivateKeyEntry "$scratch/keytool.log")" -eq 3 ] || fail "not three PrivateKeyEntry: $(cat "$scratch/keytool.log")"
signet ring remove START1/WEB START1/nameless >/dev/null

say 'keytool can neither delete nor add'
provider keytool -delete -alias web >"$scratch/delete.log" 2>&1 && fail 'keytool deleted a key from a ring'
provider keytool -list 2>/dev/null | finds 'web.*PrivateKeyEntry' || fail 'the key is gone'

say 'jarsigner signs with both keys'
echo content >"$scratch/file"
(cd "$scratch" && jar --create --file a.jar file)
for alias in web rsa; do
    cp "$scratch/a.jar" "$scratch/$alias.jar"
    jarsigner -keystore NONE -storetype PKCS11 -protected -providerClass sun.security.pkcs11.SunPKCS11 -providerArg "$scratch/signet-p11.cfg" \
        "$scratch/$alias.jar" "$alias" >"$scratch/jarsigner.log" 2>&1 || fail "jarsigner $alias: $(tail -n 3 "$scratch/jarsigner.log")"
    expect_text 'jar verified' jarsigner -verify "$scratch/$alias.jar"
done
