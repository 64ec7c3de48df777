/* Attribute templates, put together row by row. The values must outlive the template. */
#ifndef SIGNET_PKCS11_TEMPLATE_INTERNAL_H
#define SIGNET_PKCS11_TEMPLATE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include <p11-kit/pkcs11.h>

#define TEMPLATE_MAX 24

struct template
{
    CK_ATTRIBUTE rows[TEMPLATE_MAX];
    CK_ULONG count;
};

void sg_pkcs11_template_add(struct template *template, CK_ATTRIBUTE_TYPE type, const void *value,
                            size_t len);
void sg_pkcs11_template_add_bool(struct template *template, CK_ATTRIBUTE_TYPE type, bool value);
/* Left out when the text is empty. */
void sg_pkcs11_template_add_text(struct template *template, CK_ATTRIBUTE_TYPE type,
                                 const char *text);

#endif
