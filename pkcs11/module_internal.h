/* What the files of this room know of a module. */
#ifndef SIGNET_PKCS11_MODULE_INTERNAL_H
#define SIGNET_PKCS11_MODULE_INTERNAL_H

#include <libp11.h>
#include <p11-kit/pkcs11.h>

#include <signet/pkcs11/module.h>
#include <signet/pkcs11/result.h>

struct sg_pkcs11_module {
    void *library;          /* our own reference to the same instance that libp11 has loaded */
    PKCS11_CTX *context;    /* libp11's */
    bool initialised;       /* context is loaded */
    CK_FUNCTION_LIST *call; /* Cryptoki itself */
};

/* Fail with what libp11 left in OpenSSL's error queue, and empty the queue. Clear the queue before
 * the call. */
#define sg_pkcs11_fail_libp11(err, code, ...)                                                      \
    sg_pkcs11_fail_libp11_at((err), (code), __FILE__, __LINE__, __VA_ARGS__)
sg_status sg_pkcs11_fail_libp11_at(struct sg_error *err, const char *code, const char *file,
                                   int line, const char *format, ...) SG_PRINTF(5, 6);

#endif
