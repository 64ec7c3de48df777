#!/usr/bin/env bash
# What signetd puts in the place of libraries' functions is found by those libraries, libcrypto's with its version. The commands put
# nothing anywhere.
set -euo pipefail
: "${SIGNET_BIN:?set it to the signet program under test}" "${SIGNETD_BIN:?set it to the signetd program under test}"

# exports PROGRAM: of the functions in question, those that it defines for others.
exports() {
    local symbols
    symbols=$(nm -D --defined-only --with-symbol-versions "$1")
    awk '$3 ~ /^(RSA_|d2i_|(read|write)$)/ { print $3 }' <<<"$symbols" | LC_ALL=C sort
}

wanted='RSA_blinding_on@@OPENSSL_3.0.0
RSA_private_decrypt@@OPENSSL_3.0.0
RSA_private_encrypt@@OPENSSL_3.0.0
d2i_ECPKParameters@@OPENSSL_3.0.0
read
write'
found=$(exports "$SIGNETD_BIN")
[ "$found" = "$wanted" ] || {
    echo "signetd defines: $found" >&2
    exit 1
}
found=$(exports "$SIGNET_BIN")
[ -z "$found" ] || {
    echo "signet defines: $found" >&2
    exit 1
}
