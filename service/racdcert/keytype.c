/* Key types, sizes and places of RACF, and what stands for them here. */
#include "translate_internal.h"

#include <stdio.h>
#include <string.h>

#define RSA_BITS 2048 /* what current releases make when no SIZE is given */
#define EC_BITS 256

static sg_status read_size(struct sg_rac_run *run, unsigned usual, unsigned *out)
{
    const struct sg_rac_node *node = sg_rac_keyword(run, "SIZE");
    const char *text = sg_rac_value(run, node);
    *out = usual;
    if (text == NULL) {
        return SG_OK;
    }
    size_t len = strlen(text);
    if (len == 0 || len > 5 || strspn(text, "0123456789") != len) {
        sg_fail(run->err, SG_E_USAGE, "bad_size", "\"%.20s\" is no key size", text);
        sg_hint(run->err, "Write a number of bits: SIZE(2048).");
        return sg_rac_fault(run, node);
    }
    *out = 0;
    for (size_t i = 0; i < len; i++) {
        *out = *out * 10 + (unsigned)(text[i] - '0');
    }
    return SG_OK;
}

static sg_status unsupported(struct sg_rac_run *run, const struct sg_rac_node *node,
                             const char *what, const char *instead)
{
    sg_fail(run->err, SG_E_UNSUPPORTED, "key_not_supported", "%s", what);
    sg_hint(run->err, "%s", instead);
    return sg_rac_fault(run, node);
}

static const struct sg_rac_node *size_or(struct sg_rac_run *run, const struct sg_rac_node *other)
{
    const struct sg_rac_node *size = sg_rac_keyword(run, "SIZE");
    return size != NULL ? size : other != NULL ? other : run->function;
}

static sg_status set_rsa(struct sg_rac_run *run, const struct sg_rac_node *type)
{
    unsigned bits = 0;
    char key[24];
    sg_status s = read_size(run, RSA_BITS, &bits);
    if (s != SG_OK) {
        return s;
    }
    if (bits != 2048 && bits != 3072 && bits != 4096) {
        return unsupported(run, size_or(run, type),
                           bits < 2048 ? "RSA keys under 2048 bits are not made any more"
                                       : "RSA keys are made with 2048, 3072 or 4096 bits",
                           "Write SIZE(2048), SIZE(3072) or SIZE(4096), or NISTECC SIZE(256).");
    }
    snprintf(key, sizeof key, "rsa:%u", bits);
    return sg_rac_set_text(run, "key", key);
}

static sg_status set_nist(struct sg_rac_run *run, const struct sg_rac_node *type)
{
    unsigned bits = 0;
    char key[24];
    sg_status s = read_size(run, EC_BITS, &bits);
    if (s != SG_OK) {
        return s;
    }
    if (bits != 256 && bits != 384 && bits != 521) {
        return unsupported(run, size_or(run, type),
                           bits < 256 ? "elliptic curves under 256 bits are not used any more"
                                      : "there is no NIST curve of this size",
                           "Write SIZE(256), SIZE(384) or SIZE(521).");
    }
    snprintf(key, sizeof key, "ec:p%u", bits);
    s = sg_rac_keyword(run, "SIZE") == NULL
            ? sg_rac_note(run, "NISTECC without SIZE: 256 bits (RACF: 192)")
            : s;
    return s == SG_OK ? sg_rac_set_text(run, "key", key) : s;
}

/* Which of the type keywords is there; two of them are a mistake. */
static sg_status find_type(struct sg_rac_run *run, const struct sg_rac_node **out)
{
    static const char *const types[] = {"RSA",  "NISTECC", "BPECC", "DSA",
                                        "PKDS", "PCICC",   "ICSF",  "FROMICSF"};
    *out = NULL;
    for (size_t i = 0; i < SG_COUNT(types); i++) {
        const struct sg_rac_node *node = sg_rac_keyword(run, types[i]);
        if (node != NULL && *out != NULL) {
            sg_fail(run->err, SG_E_USAGE, "two_key_types", "%s and %s exclude each other",
                    (*out)->keyword->name, node->keyword->name);
            return sg_rac_fault(run, node);
        }
        *out = node != NULL ? node : *out;
    }
    return SG_OK;
}

/* RSA(PKDS(LABEL)), RSA(TOKEN(NAME)), ICSF(LABEL): one token is configured, and it is that. */
static sg_status note_place(struct sg_rac_run *run, const struct sg_rac_node *type)
{
    const struct sg_rac_node *place = type->child;
    const struct sg_rac_node *named = place != NULL ? place : type;
    const char *label = sg_rac_value(run, named);
    bool said = place != NULL || label != NULL || strcmp(type->keyword->name, "PKDS") == 0 ||
                strcmp(type->keyword->name, "ICSF") == 0 ||
                strcmp(type->keyword->name, "PCICC") == 0;
    if (!said) {
        return SG_OK;
    }
    return sg_rac_note(run,
                       "%s%s%.60s%s: the key is made in the configured token, under no label "
                       "of it",
                       named->keyword->name, label != NULL ? "(" : "", label != NULL ? label : "",
                       label != NULL ? ")" : "");
}

/* RACF's keys leave its database unless they were put into ICSF; here they leave when that was
 * said, and never when both was. */
sg_status sg_rac_set_extractable(struct sg_rac_run *run)
{
    static const char *const places[] = {"PKDS", "PCICC", "ICSF"};
    const struct sg_rac_node *node = sg_rac_keyword(run, "EXTRACTABLE");
    if (node == NULL) {
        return SG_OK;
    }
    const char *place = sg_rac_child(sg_rac_keyword(run, "RSA"), "PKDS") != NULL ||
                                sg_rac_child(sg_rac_keyword(run, "NISTECC"), "PKDS") != NULL
                            ? "PKDS"
                            : NULL;
    for (size_t i = 0; i < SG_COUNT(places); i++) {
        place = sg_rac_keyword(run, places[i]) != NULL ? places[i] : place;
    }
    if (place != NULL) {
        sg_fail(run->err, SG_E_USAGE, "extractable_in_place",
                "%s says that the key stays where it is, EXTRACTABLE that it may leave", place);
        sg_hint(run->err, "Leave one of them out. A key that stays is used through a ring.");
        return sg_rac_fault(run, node);
    }
    sg_status s = sg_rac_note(run, "EXTRACTABLE: whoever holds IRR.DIGTCERT.EXPORTKEY can take a "
                                   "copy of the private key");
    return s == SG_OK ? sg_rac_set(run, "extractable", json_true()) : s;
}

sg_status sg_rac_key_type(struct sg_rac_run *run)
{
    const struct sg_rac_node *type = NULL;
    sg_status s = find_type(run, &type);
    if (s != SG_OK || type == NULL) {
        return s != SG_OK ? s : set_rsa(run, NULL);
    }
    const char *name = type->keyword->name;
    if (strcmp(name, "BPECC") == 0) {
        return unsupported(run, type, "Brainpool curves are not made here",
                           "Use NISTECC SIZE(256), SIZE(384) or SIZE(521).");
    }
    if (strcmp(name, "DSA") == 0) {
        return unsupported(run, type, "DSA keys are not made: nothing takes them any more",
                           "Use RSA SIZE(2048) or NISTECC SIZE(256).");
    }
    if (strcmp(name, "FROMICSF") == 0) {
        return unsupported(run, type, "keys are not found by a PKDS label here",
                           "Make a request with the key's certificate and certify that: "
                           "GENREQ(LABEL('…')) DSN(file), then GENCERT(file) SIGNWITH(…).");
    }
    s = note_place(run, type);
    if (s != SG_OK) {
        return s;
    }
    return strcmp(name, "NISTECC") == 0 ? set_nist(run, type) : set_rsa(run, type);
}

/* The type is the old key's, which is not known here; but no size is of both types. */
sg_status sg_rac_next_key_type(struct sg_rac_run *run)
{
    const struct sg_rac_node *type = NULL;
    unsigned bits = 0;
    sg_status s = find_type(run, &type);
    s = s == SG_OK ? read_size(run, 0, &bits) : s;
    if (s != SG_OK || type != NULL) {
        return s != SG_OK ? s : sg_rac_key_type(run);
    }
    if (bits == 0) {
        return SG_OK;
    }
    return bits <= 521 ? set_nist(run, NULL) : set_rsa(run, NULL);
}
