#!/usr/bin/env bash
# Private keys in and out by the real commands and files of other programs: what works, what is refused and leaves nothing behind,
# and that neither password nor key is found anywhere afterwards.
# shellcheck source=tests/service/daemon_lib.sh
. "$(dirname "$0")/daemon_lib.sh"
need openssl keytool certtool

umask 077
files=$scratch/files
mkdir "$files"
cd "$files"
secret='Kennwort-Zwiebel-77'
echo "$secret" >pw
echo falsches-wort >wrong

instance_up
outside_ca_make "$scratch/ca"
signet owner add START1 >/dev/null

# outside NAME KEYTYPE…: NAME.key, NAME.pem by the outside CA, NAME.p12 with its chain.
outside() {
    local name=$1
    shift
    openssl genpkey "$@" -out "$name.key" 2>/dev/null
    openssl req -new -key "$name.key" -subj "/CN=$name.example.com" -out "$name.csr"
    outside_ca_sign "$scratch/ca" "$name.csr" "$name.pem"
    cat "$name.pem" "$scratch/ca/int.pem" "$scratch/ca/root.pem" >"$name.chain"
    openssl pkcs12 -export -inkey "$name.key" -in "$name.chain" -name "$name" -passout file:pw -out "$name.p12"
}

# signs LABEL: its key in the token makes a request that verifies with the key of LABEL.key.
signs() {
    signet cert request "START1/$1" --out "$1.again.csr" >/dev/null
    openssl req -in "$1.again.csr" -verify -noout 2>/dev/null || fail "the request of $1 does not verify"
    [ "$(openssl req -in "$1.again.csr" -noout -pubkey)" = "$(openssl pkey -in "$1.key" -pubout)" ] || fail "$1 signs with another key"
}

say 'in: files of OpenSSL, Java and GnuTLS'
outside ec -algorithm EC -pkeyopt ec_paramgen_curve:P-256
outside rsa -algorithm RSA -pkeyopt rsa_keygen_bits:2048
outside p384 -algorithm EC -pkeyopt ec_paramgen_curve:P-384
signet cert add START1/ec ec.p12 --password-file pw >/dev/null
expect_text 'Outside Intermediate' signet cert list CERTAUTH
openssl pkcs12 -export -legacy -inkey rsa.key -in rsa.chain -passout file:pw -out rsa-legacy.p12
signet cert add START1/rsa rsa-legacy.p12 --password-file pw >/dev/null
keytool -importkeystore -srckeystore p384.p12 -srcstorepass:file pw -destkeystore java.p12 -deststoretype PKCS12 \
    -deststorepass:file pw >/dev/null 2>&1
signet cert add START1/p384 java.p12 --password-file pw >/dev/null
outside gnu -algorithm EC -pkeyopt ec_paramgen_curve:P-256
certtool --to-p12 --load-privkey gnu.key --load-certificate gnu.pem --p12-name gnu --password "$secret" --outder \
    --outfile gnu.p12 2>/dev/null
signet cert add START1/gnu gnu.p12 --password-file pw >/dev/null
for label in ec rsa p384 gnu; do
    signs "$label"
done
[ "$(keys_in_token)" -eq 4 ] || fail "$(keys_in_token) keys in the token, not 4"
[ "$(look_into_token -O --type privkey | grep -c 'Access:.*sensitive')" -eq 4 ] || fail 'a key is not sensitive'
! look_into_token -O --type privkey | grep -E 'Access:.*(, |: *)extractable' || fail 'a key can be extracted'

say 'in: the password by a descriptor and on standard input, none where none is needed, a PEM block'
outside pipe -algorithm EC -pkeyopt ec_paramgen_curve:P-256
signet ring add START1/KEY >/dev/null
signet cert add START1/pipe pipe.p12 --password-file /dev/fd/3 --connect START1/KEY --default 3< <(cat pw) >/dev/null
signet ring show START1/KEY | finds '^START1 *pipe *PERSONAL *yes *TRUST *yes *yes' || fail 'what came in is not the default of the ring'
outside stdin -algorithm EC -pkeyopt ec_paramgen_curve:P-256
{ echo '-----BEGIN PKCS12-----' && base64 -w 64 stdin.p12 && echo '-----END PKCS12-----'; } >stdin.b64
signet cert add START1/stdin stdin.b64 --password-file - <pw >/dev/null
outside open -algorithm EC -pkeyopt ec_paramgen_curve:P-256
openssl pkcs12 -export -inkey open.key -in open.chain -passout pass: -out open.p12
signet cert add START1/open open.p12 </dev/null >/dev/null
signs pipe && signs stdin && signs open
# access: what the ring says of its only private key.
access() {
    pkcs11-tool --module "$client_module" --token-label START1/KEY -O --type privkey 2>/dev/null | sed -n 's/^  Access: *//p'
}
[ "$(access)" = sensitive ] || fail "the ring says of what came in: $(access)"
[ "$(look_into_token -O --type privkey | grep -c '^  Access: *sensitive$')" -eq 7 ] || fail 'the token says something else of them'

say 'in: what is refused leaves nothing behind'
outside bad -algorithm EC -pkeyopt ec_paramgen_curve:P-256
remember
refused 5 wrong_password 'does not open' cert add START1/bad bad.p12 --password-file wrong
refused 1 password_needed 'no terminal' cert add START1/bad bad.p12 </dev/null
: >empty
refused 5 bad_secret 'password file' cert add START1/bad bad.p12 --password-file empty
cp pw open-to-all && chmod 644 open-to-all
refused 5 secret_exposed 'read by others' cert add START1/bad bad.p12 --password-file open-to-all
openssl pkcs12 -export -nokeys -in bad.chain -passout file:pw -out nokey.p12
refused 5 no_private_key_in_file 'no private key' cert add START1/bad nokey.p12 --password-file pw
keytool -importkeystore -srckeystore bad.p12 -srcstorepass:file pw -destkeystore two.p12 -deststoretype PKCS12 -deststorepass:file pw >/dev/null 2>&1
keytool -importkeystore -srckeystore gnu.p12 -srcstorepass:file pw -destkeystore two.p12 -deststoretype PKCS12 -deststorepass:file pw >/dev/null 2>&1
refused 5 several_private_keys '2 private keys' cert add START1/bad two.p12 --password-file pw
openssl pkcs12 -export -nomac -inkey bad.key -in bad.chain -passout file:pw -out nomac.p12
refused 5 pkcs12_without_mac 'no MAC' cert add START1/bad nomac.p12 --password-file pw
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out weak.key 2>/dev/null
openssl req -x509 -key weak.key -subj /CN=weak -days 30 -out weak.pem
openssl pkcs12 -export -inkey weak.key -in weak.pem -passout file:pw -out weak.p12
refused 5 weak_key '1024 bits' cert add START1/weak weak.p12 --password-file pw
head -c 700 bad.p12 >cut.p12
refused 5 pkcs12_damaged 'damaged' cert add START1/bad cut.p12 --password-file pw
truncate -s 100M huge.p12
refused 5 file_too_large '104857600 bytes' cert add START1/bad huge.p12 --password-file pw
refused 1 bad_usage 'PKCS#12' cert add START1/bad bad.pem --password-file pw
refused 4 extractable_not_allowed 'no extractable keys' cert add START1/bad bad.p12 --password-file pw --extractable
refused 3 wrong_key 'another key' cert add START1/ec bad.p12 --password-file pw
refused 5 several_private_keys 'second file' cert add START1/bad bad.p12 gnu.p12 --password-file pw
signet cert add START1/bad bad.p12 --password-file pw --dry-run >/dev/null
expect_unchanged 'the refusals'

say 'out: a key that may not leave its token stays'
chain=$(signet cert export START1/ec --format pem --chain | grep -c BEGIN)
[ "$chain" -eq 3 ] || fail "$chain certificates in the chain, not 3"
refused 4 key_not_extractable 'never leaves its token' cert export START1/ec --format pkcs12 --password-file pw --out ec.out.p12
refused 4 key_not_extractable 'never leaves its token' ring export START1/KEY --format pkcs12 --with-key --password-file pw --out key.out.p12
refused 3 no_private_key 'no private key' cert export 'CERTAUTH/Outside Root' --format pkcs12 --password-file pw --out root.out.p12
{ [ ! -e ec.out.p12 ] && [ ! -e key.out.p12 ] && [ ! -e root.out.p12 ]; } || fail 'a refused export left a file'

say 'out: where policy and token allow it, into keystores that OpenSSL, Java and GnuTLS open'
signet dev down "$instance" >/dev/null
sed -i 's/^\[token softhsm\]/&\nextractable_allowed = yes/' "$instance/signet.conf"
restart
for kind in 'ec2 -algorithm EC -pkeyopt ec_paramgen_curve:P-256' 'rsa2 -algorithm RSA -pkeyopt rsa_keygen_bits:2048'; do
    # shellcheck disable=SC2086 # a name and options
    outside $kind
    name=${kind%% *}
    signet cert add "START1/$name" "$name.p12" --password-file pw --extractable >/dev/null
    signet cert export "START1/$name" --format pkcs12 --chain --password-file pw --out "$name.out.p12" >said
    grep -q 'a private key and 3 certificates' said || fail "it said: $(cat said)"
    [ "$(stat -c %a "$name.out.p12")" = 600 ] || fail "mode $(stat -c %a "$name.out.p12")"
    openssl pkcs12 -in "$name.out.p12" -passin file:pw -noenc -nocerts -out "$name.out.key" 2>/dev/null
    [ "$(openssl pkey -in "$name.out.key" -pubout)" = "$(openssl pkey -in "$name.key" -pubout)" ] || fail "$name: another key came out"
    [ "$(openssl pkcs12 -in "$name.out.p12" -passin file:pw -nokeys 2>/dev/null | grep -c BEGIN)" -eq 3 ] || fail "$name: not 3 certificates"
    keytool -list -v -keystore "$name.out.p12" -storetype PKCS12 -storepass:file pw >said 2>&1 || fail "keytool: $(cat said)"
    { grep -q 'PrivateKeyEntry' said && grep -q 'Certificate chain length: 3' said; } || fail "keytool shows: $(head -c 600 said)"
    certtool --p12-info --inder --infile "$name.out.p12" --password "$secret" >said 2>&1 || fail "certtool: $(tail -n 3 said)"
    { [ "$(grep -c 'BEGIN CERTIFICATE' said)" -eq 3 ] && grep -q 'PRIVATE KEY' said; } || fail "certtool shows: $(grep BEGIN said)"
done
signet ring connect START1/KEY START1/ec2 --default >/dev/null
signet ring export START1/KEY --format pkcs12 --with-key --password-file pw --out ring.out.p12 >/dev/null
openssl pkcs12 -in ring.out.p12 -passin file:pw -noenc -nocerts -out ring.out.key 2>/dev/null
[ "$(openssl pkey -in ring.out.key -pubout)" = "$(openssl pkey -in ec2.key -pubout)" ] || fail 'the ring exports another key'
signet cert export START1/ec2 --format pkcs12-pem --password-file pw | sed '/^-/d' | base64 -d >b64.out.p12
openssl pkcs12 -in b64.out.p12 -passin file:pw -noenc -nocerts -out /dev/null 2>/dev/null || fail 'the PEM block holds no keystore'
signet cert export START1/ec2 --format pkcs12 --password-file pw --out dry.p12 --dry-run >/dev/null
[ ! -e dry.p12 ] || fail 'a dry run wrote a file'
refused 1 bad_usage 'no private key' ring export START1/KEY --format pem --with-key --out x.pem
refused 1 bad_usage 'JKS' ring export START1/KEY --format jks --with-key --password-file pw --out x.jks
echo short >short
refused 5 password_too_short '5 characters' cert export START1/ec2 --format pkcs12 --password-file short --out x.p12
refused 5 secret_exposed 'read by others' cert export START1/ec2 --format pkcs12 --password-file open-to-all --out x.p12
[ ! -e x.p12 ] || fail 'a refused export left a file'
[ "$(logged 'event=private_key_exported owner=START1')" -ge 4 ] || fail 'exports are not in the log'
# as RACF says it
{
    echo "RACDCERT ID(START1) EXPORT(LABEL('ec2')) DSN('racf.p12') PASSWORD('$secret')"
    echo "RACDCERT ID(START1) EXPORT(LABEL('ec2')) DSN('racf.b64') FORMAT(PKCS12B64) PASSWORD('$secret')"
} | "$(dirname "$SIGNET_BIN")/racdcert" --json >said || fail "racdcert: $(cat said)"
! grep -qF -- "$secret" said || fail 'racdcert repeats the password'
! grep -q private_key said || fail 'racdcert shows a key'
openssl pkcs12 -in racf.p12 -passin file:pw -noenc -nocerts -out racf.key 2>/dev/null
[ "$(openssl pkey -in racf.key -pubout)" = "$(openssl pkey -in ec2.key -pubout)" ] || fail 'EXPORT gives another key'
[ "$(stat -c %a racf.p12)" = 600 ] || fail "mode $(stat -c %a racf.p12)"
grep -q 'BEGIN PKCS12' racf.b64 || fail 'PKCS12B64 is no PEM'
# out and in again, under another name, after the first was deleted
signet cert delete START1/ec2 --force >/dev/null
signet cert add START1/again ec2.out.p12 --password-file pw >/dev/null
cp ec2.key again.key && signs again
signet cert delete START1/again --force >/dev/null
echo "RACDCERT ID(START1) ADD('racf.b64') PASSWORD('$secret') WITHLABEL('racf') TRUST" | "$(dirname "$SIGNET_BIN")/racdcert" >said ||
    fail "racdcert: $(cat said)"
signs racf

say 'neither password nor key is anywhere'
number=$(openssl pkey -in ec.key -noout -text | awk '/^priv:/{on=1;next}/^pub:/{on=0}on' | tr -d ' :\n' | tail -c 62)
in_hex() { find "$@" -type f -exec cat {} + | od -An -v -tx1 | tr -d ' \n'; }
openssl pkey -in ec.key -outform DER -out clear.der
in_hex clear.der | grep -c "$number" >/dev/null || fail 'the key is not even found where it is'
! in_hex "$instance" | grep -c "$number" >/dev/null || fail 'the key stands somewhere in the clear'
! grep -rqaF -- "$secret" "$instance" || fail "the password stands in $(grep -rlaF -- "$secret" "$instance")"
expect_keys_agree
expect_ready
