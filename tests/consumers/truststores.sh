#!/usr/bin/env bash
# A ring's trust anchors in every format, each read by the program that it is meant for, each against a real server.
. "$(dirname "$0")/lib.sh"
need nginx curl openssl java javac keytool jq python3

instance_up
outside_ca_make "$scratch/ca"
owner_up
server_certificate web ec:p256
server_ring WEB web
signet ring add START1/EMPTY >/dev/null
port=$(free_port)
nginx_up "$scratch/nginx" "$port" WEB

out=$scratch/out.d
mkdir "$out"
export_ring() {
    signet ring export START1/WEB --format "$@" >/dev/null
}
export_ring pem --out "$out/trust.pem"
export_ring pkcs12 --password-file "$scratch/password" --out "$out/trust.p12"
export_ring jks --password-file "$scratch/password" --out "$out/trust.jks"
export_ring pkcs7 --out "$out/trust.p7b"
export_ring der --out "$out/der"
export_ring hashdir --out "$out/hashdir"

say 'PEM: curl, OpenSSL'
[ "$(grep -c 'BEGIN CERTIFICATE' "$out/trust.pem")" -eq 2 ] || fail 'not two certificates in trust.pem'
expect_text 'served from WEB' curl -sS --cacert "$out/trust.pem" "https://localhost:$port/"
expect_text ': OK' openssl verify -CAfile "$out/trust.pem" "$scratch/web.pem"

say 'hashed directory: OpenSSL'
expect_text ': OK' openssl verify -CApath "$out/hashdir" "$scratch/web.pem"

say 'PKCS#7, DER: OpenSSL'
openssl pkcs7 -inform DER -in "$out/trust.p7b" -print_certs -out "$scratch/p7.pem" 2>/dev/null ||
    openssl pkcs7 -in "$out/trust.p7b" -print_certs -out "$scratch/p7.pem"
expect_text ': OK' openssl verify -CAfile "$scratch/p7.pem" "$scratch/web.pem"
[ "$(find "$out/der" -type f | wc -l)" -eq 2 ] || fail 'not two DER files'
find "$out/der" -type f | while read -r file; do
    openssl x509 -inform DER -in "$file" -noout || fail "$file is not DER"
done

say 'PKCS#12: OpenSSL, curl by way of OpenSSL'
openssl pkcs12 -in "$out/trust.p12" -nokeys -passin "file:$scratch/password" -out "$scratch/p12.pem" || fail 'openssl pkcs12'
expect_text 'served from WEB' curl -sS --cacert "$scratch/p12.pem" "https://localhost:$port/"

say 'PKCS#12 and JKS: keytool and a Java client'
javac -d "$scratch/classes" "$here/TlsClient.java"
for format in PKCS12:p12 JKS:jks; do
    type=${format%:*} file=$out/trust.${format#*:}
    keytool -list -storetype "$type" -keystore "$file" -storepass changeit >"$scratch/keytool.log" 2>&1 ||
        fail "keytool -list: $(head -n 3 "$scratch/keytool.log")"
    [ "$(grep -c trustedCertEntry "$scratch/keytool.log")" -eq 2 ] || fail "keytool shows other than two trusted certificates in $file"
    expect_text 'verified CN=localhost.* by TLSv1\.3' java -cp "$scratch/classes" TlsClient localhost "$port" "$type" "$file" changeit
    expect_failure 1 'password was incorrect|Integrity check failed' java -cp "$scratch/classes" TlsClient localhost "$port" "$type" "$file" wrong-password
done
expect_text 'by TLSv1\.2' java -cp "$scratch/classes" TlsClient localhost "$port" PKCS12 "$out/trust.p12" changeit TLSv1.2

say 'the chain of the default certificate'
signet ring export START1/WEB --format pem --chain --out "$out/chain.pem" >/dev/null
openssl x509 -in "$out/chain.pem" -noout -subject | finds 'CN = localhost' || fail 'the default is not the first of its chain'

say 'a store that would trust nothing is refused'
expect_failure 2 'EMPTY' signet ring export START1/EMPTY --format pkcs12 --password-file "$scratch/password" --out "$out/empty.p12"
[ ! -e "$out/empty.p12" ] || fail 'an empty truststore was written'

say 'a malformed certificate, stored by an earlier version, hides no others from Java'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj / -days 30 -keyout "$scratch/bad.key" -out "$scratch/bad.pem" 2>/dev/null
keytool -printcert -file "$scratch/bad.pem" >/dev/null 2>&1 && fail 'Java reads it'
expect_failure 5 'its issuer has no name' signet cert add CERTAUTH "$scratch/bad.pem"
signet cert generate CERTAUTH/old --subject CN=old >/dev/null
signet ring connect START1/WEB CERTAUTH/old >/dev/null
signet dev down "$instance" >/dev/null
openssl x509 -in "$scratch/bad.pem" -outform DER -out "$scratch/bad.der"
python3 - "$instance/state/signet.db" "$scratch/bad.der" <<'END'
import sqlite3, sys
store = sqlite3.connect(sys.argv[1])
store.execute("UPDATE certificate SET der = ? WHERE label = 'old'", (open(sys.argv[2], "rb").read(),))
store.commit()
END
instance_up
expect_text 'left out CERTAUTH/old' signet ring export START1/WEB --format jks --password-file "$scratch/password" --out "$scratch/left.jks"
keytool -list -keystore "$scratch/left.jks" -storepass changeit >"$scratch/keytool.log" 2>&1 || fail "keytool: $(head -n 3 "$scratch/keytool.log")"
[ "$(grep -c trustedCertEntry "$scratch/keytool.log")" -eq 2 ] || fail "other than two: $(cat "$scratch/keytool.log")"
provision java START1/WEB "$scratch/java"
mapfile -t environment < <(provisioned_environment "$scratch/java")
(cd "$scratch/java" && env "${environment[@]}" bash -c "$(provisioned_example "$scratch/java" keytool)") >"$scratch/keytool.log" 2>&1 ||
    fail "keytool, on the ring: $(head -n 3 "$scratch/keytool.log")"
[ "$(grep -c trustedCertEntry "$scratch/keytool.log")" -eq 2 ] || fail "other than two in the ring: $(cat "$scratch/keytool.log")"

say 'none of these files holds a private key'
! grep -rl 'PRIVATE KEY' "$out" || fail 'a private key was exported'
openssl pkcs12 -in "$out/trust.p12" -nocerts -noenc -passin "file:$scratch/password" 2>/dev/null | finds 'PRIVATE KEY' &&
    fail 'a private key is in the PKCS#12 truststore'
exit 0
