#!/usr/bin/env bash
# pkcs11-tool and p11tool see the ring, only the ring, and the key is usable and never readable.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool p11tool openssl

consumer 'OpenSC (pkcs11-tool)' opensc 'signing, decryption'
instance_up
outside_ca_make "$scratch/ca"
owner_up
server_certificate web ec:p256
server_certificate rsa rsa:2048
server_certificate other ec:p256 # in no ring
server_ring WEB web
signet ring connect START1/WEB START1/rsa >/dev/null

tool() {
    pkcs11-tool --module "$client_module" --token-label START1/WEB "$@"
}

# pkcs11-tool chooses a key by its CKA_ID only.
id_of() {
    tool -O --type privkey 2>/dev/null | awk -v label="$1" '/label:/ { found = $2 == label } /ID:/ && found { print $2; exit }'
}

sign() {
    local label=$1 id
    shift
    id=$(id_of "$label")
    [ -n "$id" ] || fail "no private key $label"
    tool --sign --id "$id" "$@" >"$scratch/sign.log" 2>&1 || fail "signing with $label: $(tail -n 2 "$scratch/sign.log")"
}

say 'one slot: the ring'
expect_text 'START1/WEB' pkcs11-tool --module "$client_module" -L
[ "$(grep -c 'token label' "$scratch/out")" -eq 1 ] || fail "other tokens are seen: $(cat "$scratch/out")"

say 'its members and nothing else'
tool -O >"$scratch/objects" 2>&1
for label in web rsa 'Outside Root' 'Outside Intermediate'; do
    grep -q "label: *$label\$" "$scratch/objects" || fail "$label is not listed: $(cat "$scratch/objects")"
done
! grep -q 'label: *other$' "$scratch/objects" || fail 'a certificate that is in no ring is listed'
[ "$(grep -c '^Private Key Object' "$scratch/objects")" -eq 2 ] || fail 'not two private keys'
[ "$(grep -c '^Certificate Object' "$scratch/objects")" -eq 4 ] || fail 'not four certificates'

say 'ECDSA takes the leftmost bits of what is longer than its field'
signet cert generate START1/p521 --subject CN=p521 --key ec:p521 >/dev/null
signet cert export START1/p521 --out "$scratch/p521.pem" >/dev/null
signet ring connect START1/WEB START1/p521 >/dev/null
head -c 300 /dev/urandom >"$scratch/long"
for label in web p521; do
    sign "$label" --mechanism ECDSA -i "$scratch/long" -o "$scratch/long.sig"
    # OpenSSL's own way with what is longer, in the module: it gets all of it
    expect_text 'Signature is valid' pkcs11-tool --module "$client_module" --token-label START1/WEB --verify --id "$(id_of "$label")" \
        --mechanism ECDSA -i "$scratch/long" --signature-file "$scratch/long.sig"
done
sign web --mechanism ECDSA --signature-format openssl -i "$scratch/long" -o "$scratch/long.sig"
openssl x509 -in "$scratch/web.pem" -pubkey -noout >"$scratch/web.pub"
head -c 32 "$scratch/long" >"$scratch/leftmost"
expect_text 'Signature Verified Successfully' openssl pkeyutl -verify -pubin -inkey "$scratch/web.pub" -in "$scratch/leftmost" -sigfile "$scratch/long.sig"
signet ring remove START1/WEB START1/p521 >/dev/null

say 'signatures verify with OpenSSL'
head -c 1000 /dev/urandom >"$scratch/data"
openssl dgst -sha256 -binary "$scratch/data" >"$scratch/hash"
for label in web rsa; do
    openssl x509 -in "$scratch/$label.pem" -pubkey -noout >"$scratch/$label.pub"
done
sign web --mechanism ECDSA --signature-format openssl -i "$scratch/hash" -o "$scratch/web.sig"
expect_text 'Verified OK' openssl dgst -sha256 -verify "$scratch/web.pub" -signature "$scratch/web.sig" "$scratch/data"
sign rsa --mechanism SHA256-RSA-PKCS -i "$scratch/data" -o "$scratch/rsa.sig"
expect_text 'Verified OK' openssl dgst -sha256 -verify "$scratch/rsa.pub" -signature "$scratch/rsa.sig" "$scratch/data"
sign rsa --mechanism RSA-PKCS-PSS --hash-algorithm SHA256 -i "$scratch/hash" -o "$scratch/pss.sig"
expect_text 'Verified OK' openssl dgst -sha256 -sigopt rsa_padding_mode:pss -verify "$scratch/rsa.pub" -signature "$scratch/pss.sig" "$scratch/data"
echo tampered >>"$scratch/data"
expect_failure 1 'Verification failure' openssl dgst -sha256 -verify "$scratch/web.pub" -signature "$scratch/web.sig" "$scratch/data"

say 'the private key cannot be read, changed, deleted; nothing can be written'
grep -q 'Access:.*sensitive.*always sensitive.*never extractable' "$scratch/objects" || fail "a key is not sensitive: $(cat "$scratch/objects")"
expect_failure 1 '.' tool --delete-object --type privkey --label web
expect_failure 1 '.' tool --write-object "$scratch/ca/root.pem" --type cert --label mine
expect_failure 1 '.' tool --keypairgen --key-type EC:prime256v1 --label mine
tool -O 2>/dev/null | finds 'label: *web$' || fail 'the key is gone'

say 'GnuTLS: the same view'
p11tool --provider "$client_module" --list-all 'pkcs11:token=START1%2FWEB' >"$scratch/p11tool" 2>&1 ||
    fail "p11tool: $(tail -n 3 "$scratch/p11tool")"
[ "$(grep -c 'Type: Private key' "$scratch/p11tool")" -eq 2 ] || fail "p11tool shows other than two private keys: $(cat "$scratch/p11tool")"
! grep -q 'Label: other$' "$scratch/p11tool" || fail 'p11tool lists a certificate that is in no ring'

say 'a change of the ring is seen'
signet ring remove START1/WEB START1/rsa >/dev/null
! tool -O 2>/dev/null | finds 'label: *rsa$' || fail 'a removed member is still listed'
signet cert alter START1/web --notrust >/dev/null
! tool -O 2>/dev/null | finds 'label: *web$' || fail 'a NOTRUST certificate is visible'
