/* Aimed at: what a person types: subject (first line), alternative names and extended key usages
 * (one a line, "eku:" before the latter). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <signet/x509/certificate.h>

#define LINES_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool invariant)
{
    if (!invariant) {
        abort();
    }
}

/* Cut text at its line ends; the subject first. */
static void fill(char *text, struct sg_x509_request *request, const char **sans, const char **ekus)
{
    char *rest = NULL;
    request->subject = text;
    char *line = strchr(text, '\n');
    if (line != NULL) {
        *line++ = '\0';
    }
    for (line = line != NULL ? strtok_r(line, "\n", &rest) : NULL; line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "eku:", 4) == 0 && request->eku_count < LINES_MAX) {
            ekus[request->eku_count++] = line + 4;
        } else if (request->san_count < LINES_MAX) {
            sans[request->san_count++] = line;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *sans[LINES_MAX];
    const char *ekus[LINES_MAX];
    struct sg_error err = SG_ERROR_INIT;
    char *text = malloc(size + 1);
    if (text == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    struct sg_x509_request request = {.sans = sans, .ekus = ekus};
    fill(text, &request, sans, ekus);
    sg_status s = sg_x509_request_check(&request, &err);
    require(s == SG_OK || s == SG_E_INPUT || s == SG_E_LIMIT);
    require(s == err.status && (s == SG_OK || err.text[0] != '\0'));
    free(text);
    return 0;
}
