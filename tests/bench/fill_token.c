/* Fill a token with P-256 key pairs, so that a benchmark can ask what a full token costs:
 * bench_fill MODULE TOKEN PIN-FILE COUNT. Labels are fill-1 … fill-COUNT. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "module.h"

static void generate(const struct bench_module *module, unsigned number)
{
    static unsigned char p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    char label[32];
    size_t len = (size_t)snprintf(label, sizeof(label), "fill-%u", number);
    CK_ATTRIBUTE public_key[] = {{CKA_EC_PARAMS, p256, sizeof(p256)},
                                 {CKA_TOKEN, &yes, sizeof(yes)},
                                 {CKA_VERIFY, &yes, sizeof(yes)},
                                 {CKA_LABEL, label, len},
                                 {CKA_ID, &number, sizeof(number)}};
    CK_ATTRIBUTE private_key[] = {
        {CKA_TOKEN, &yes, sizeof(yes)},     {CKA_PRIVATE, &yes, sizeof(yes)},
        {CKA_SENSITIVE, &yes, sizeof(yes)}, {CKA_EXTRACTABLE, &no, sizeof(no)},
        {CKA_SIGN, &yes, sizeof(yes)},      {CKA_LABEL, label, len},
        {CKA_ID, &number, sizeof(number)},
    };
    CK_MECHANISM mechanism = {.mechanism = CKM_EC_KEY_PAIR_GEN};
    CK_OBJECT_HANDLE handles[2];
    bench_check(module->calls->C_GenerateKeyPair(module->session, &mechanism, public_key, 5,
                                                 private_key, 7, &handles[0], &handles[1]),
                "C_GenerateKeyPair");
}

int main(int argc, char **argv)
{
    struct bench_module module;
    char *end = NULL;
    unsigned long count = argc == 5 ? strtoul(argv[4], &end, 10) : 0;
    if (count == 0 || count > 100000 || *end != '\0') {
        errx(1, "usage: bench_fill MODULE TOKEN PIN-FILE COUNT");
    }
    bench_module_open(&module, argv[1], argv[2], argv[3]);
    for (unsigned i = 1; i <= count; i++) {
        generate(&module, i);
    }
    bench_module_close(&module);
    return 0;
}
