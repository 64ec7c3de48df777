#include "template_internal.h"

#include <assert.h>
#include <string.h>

#include <signet/base/unconst.h>

void sg_pkcs11_template_add(struct template *template, CK_ATTRIBUTE_TYPE type, const void *value,
                            size_t len)
{
    assert(template->count < TEMPLATE_MAX);
    /* CK_ATTRIBUTE has no const, but a template for creating or finding is only read. */
    template->rows[template->count++] = (CK_ATTRIBUTE){type, sg_unconst(value), (CK_ULONG)len};
}

void sg_pkcs11_template_add_bool(struct template *template, CK_ATTRIBUTE_TYPE type, bool value)
{
    static const CK_BBOOL yes = CK_TRUE;
    static const CK_BBOOL no = CK_FALSE;
    sg_pkcs11_template_add(template, type, value ? &yes : &no, sizeof(CK_BBOOL));
}

void sg_pkcs11_template_add_text(struct template *template, CK_ATTRIBUTE_TYPE type,
                                 const char *text)
{
    if (text != NULL && text[0] != '\0') {
        sg_pkcs11_template_add(template, type, text, strlen(text));
    }
}
