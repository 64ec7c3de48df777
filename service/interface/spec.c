#include <signet/interface/spec.h>

#include <assert.h>
#include <string.h>

#include <signet/base/cleanup.h>

/* Word lists of the WORD parameters. What is typed may be in any case, what is sent is written as
 * here. */
static const char *const sg_words_key_usage[] = {
    "handshake", "dataencrypt", "docsign", "certsign", "keyagree", NULL,
};
static const char *const sg_words_profile[] = {"server", "client", "code", NULL};
static const char *const sg_words_trust[] = {"trust", "notrust", "hightrust", NULL};
static const char *const sg_words_map_trust[] = {"trust", "notrust", NULL};
static const char *const sg_words_connect_usage[] = {"personal", "certauth", "site", NULL};
static const char *const sg_words_class[] = {"FACILITY", "RDATALIB", "DIGTCRIT", NULL};
static const char *const sg_words_level[] = {"none", "read", "update", "control", NULL};
static const char *const sg_words_cert_format[] = {
    "der", "pem", "pkcs7", "pkcs7-pem", "pkcs12", "pkcs12-pem", NULL,
};
static const char *const sg_words_ring_format[] = {
    "pem", "der", "pkcs7", "pkcs12", "jks", "hashdir", NULL,
};
static const char *const sg_words_programs[] = {
    "nginx", "apache", "haproxy",    "stunnel", "jetty",   "tomcat", "dropwizard", "liberty",
    "mq",    "java",   "postgresql", "openssh", "openssl", "gnutls", "nss",        NULL,
};

/* Those whose chain and key stand in one file, as "provision" prints them. */
static const char *const sg_words_pairs[] = {
    "nginx", "apache", "stunnel", "postgresql", "openssl", NULL,
};

bool sg_program_follows(const char *program)
{
    const char *const *word = sg_words_pairs;
    while (*word != NULL && strcmp(*word, program) != 0) {
        word++;
    }
    return *word != NULL;
}

/* A need says .when only where it depends on something; few rows say .answers. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* First expansion: every row names at least one need, SG_FUNCTION_NONE if it must be, and no more
 * than fit. A row that forgets NEEDS(...) altogether has too few arguments and does not get this
 * far. */
#define NEEDS(...) (sizeof((struct sg_need[]){__VA_ARGS__}) / sizeof(struct sg_need))
#define PARAMS(...)
#define SG_OPERATION(identifier, noun, verb, flags, needs, params, columns, ...)                   \
    static_assert((needs) >= 1 && (needs) <= SG_NEEDS_MAX,                                         \
                  "operation " #identifier " must say which authority it needs");
#include <signet/interface/operations.def>
#undef SG_OPERATION
#undef PARAMS
#undef NEEDS

/* Second expansion: the rows themselves. (Macro arguments are expanded before they are put in
 * place, so that the commas between the braces do no harm.) */
/* clang-format off */
/* NOLINTBEGIN(bugprone-macro-parentheses): initialisers are no expressions */
#define NEEDS(...) {__VA_ARGS__}
#define PARAMS(...) (const struct sg_param[]){__VA_ARGS__, {0}}
#define SG_OPERATION(identifier, noun_, verb_, flags_, needs_, params_, columns_, ...)             \
    {.id = SG_OP_##identifier, .noun = (noun_), .verb = (verb_), .flags = (flags_),                \
     .needs = needs_, .params = params_, .columns = (columns_), .help = __VA_ARGS__},
/* clang-format on */
static const struct sg_operation rows[] = {
#include <signet/interface/operations.def>
};
#undef SG_OPERATION

/* sg_operations()[id] is the row of that id: the enum is the same expansion. */
#define SG_OPERATION(identifier, ...) +1
/* NOLINTEND(bugprone-macro-parentheses) */
static_assert(SG_COUNT(rows) == 0
#include <signet/interface/operations.def>
              ,
              "one row for each identifier");
#undef SG_OPERATION

const struct sg_operation *sg_operations(size_t *count)
{
    *count = SG_COUNT(rows);
    return rows;
}

const struct sg_operation *sg_operation_find(const char *noun, const char *verb)
{
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        if (strcmp(rows[i].noun, noun) == 0 && strcmp(rows[i].verb, verb) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

const struct sg_param *sg_param_find(const struct sg_operation *operation, const char *name)
{
    for (const struct sg_param *param = operation->params; param->name != NULL; param++) {
        if (strcmp(param->name, name) == 0) {
            return param;
        }
    }
    return NULL;
}

/* Files do not fit into an address. */
static bool sends_files(const struct sg_operation *operation)
{
    bool files = false;
    for (const struct sg_param *param = operation->params; param->name != NULL; param++) {
        files =
            files || param->type == SG_PARAM_CERTIFICATE_FILES || param->type == SG_PARAM_CSR_FILE;
    }
    return files;
}

const char *sg_operation_method(const struct sg_operation *operation)
{
    bool body = (operation->flags & SG_OP_CHANGES) != 0 || sends_files(operation);
    return body ? "POST" : "GET";
}
