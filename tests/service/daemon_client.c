/* PKCS#11 clients that stay attached to a ring, each in a process of its own, and do what standard
 * input says, all of them once a line:
 *
 *   daemon_client MODULE TOKEN LABEL CLIENTS
 *
 * "sign" signs with the private key LABEL that was found at the start, "find" looks for it anew.
 * "certificates" lists the token's certificates in the order in which a search finds them; "begin"
 * does so up to the first in a session of its own, where "rest" goes on later: the others, and the
 * end. One line answers each: what every client got, in order: "ok", a CKR code, a number of
 * objects, or certificates, "LABEL:HASH:CATEGORY,…", "none" when there are none. HASH is the first
 * eight digits of SHA-256 over CKA_VALUE, CATEGORY "user", "authority" or "other", "+trusted" where
 * CKA_TRUSTED says so; what is neither an ASCII letter, a digit, "-" nor "." in a label is "_".
 */
#include <ctype.h>
#include <dlfcn.h>
#include <err.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#include <signet/base/cleanup.h>

#define CLIENTS_MAX 32
#define SLOTS_MAX 1024
#define ANSWER_MAX 1024
#define CERTIFICATES_MAX 16
#define CERTIFICATE_BYTES 4096

struct client {
    CK_FUNCTION_LIST *calls;
    CK_SESSION_HANDLE session;
    CK_SESSION_HANDLE searching; /* of "begin"; CK_INVALID_HANDLE until then */
    CK_OBJECT_HANDLE key;
    char *label;
};

static void check(CK_RV rv, const char *what)
{
    if (rv != CKR_OK) {
        errx(1, "%s: 0x%lx", what, rv);
    }
}

static CK_FUNCTION_LIST *load(const char *module)
{
    void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    CK_FUNCTION_LIST *calls = NULL;
    CK_C_GetFunctionList get = NULL;
    if (library != NULL) {
        *(void **)&get = dlsym(library, "C_GetFunctionList");
    }
    if (get == NULL || get(&calls) != CKR_OK) {
        errx(1, "%s is no PKCS#11 module", module);
    }
    return calls;
}

static CK_SLOT_ID find_slot(CK_FUNCTION_LIST *calls, const char *token)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    check(calls->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        size_t len = strlen(token);
        check(calls->C_GetTokenInfo(slots[i], &info), "C_GetTokenInfo");
        bool fits = len <= sizeof info.label && memcmp(info.label, token, len) == 0;
        if (fits && (len == sizeof info.label || info.label[len] == ' ')) {
            return slots[i];
        }
    }
    errx(1, "no token %s", token);
}

/* How many private keys bear the label; the last one's handle. */
static CK_RV search(const struct client *client, CK_OBJECT_HANDLE *key, CK_ULONG *count)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_LABEL, client->label, strlen(client->label)},
    };
    CK_OBJECT_HANDLE found[8];
    CK_RV rv = client->calls->C_FindObjectsInit(client->session, template, SG_COUNT(template));
    if (rv != CKR_OK) {
        return rv;
    }
    rv = client->calls->C_FindObjects(client->session, found, SG_COUNT(found), count);
    if (rv == CKR_OK && *count > 0) {
        *key = found[*count - 1];
    }
    CK_RV end = client->calls->C_FindObjectsFinal(client->session);
    return rv != CKR_OK ? rv : end;
}

static CK_RV sign(const struct client *client)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_ECDSA};
    unsigned char hash[32] = {1};
    unsigned char signature[256];
    CK_ULONG len = sizeof signature;
    CK_RV rv = client->calls->C_SignInit(client->session, &mechanism, client->key);
    return rv == CKR_OK ? client->calls->C_Sign(client->session, hash, sizeof hash, signature, &len)
                        : rv;
}

static void attach(struct client *client, const char *module, const char *token, char *label)
{
    CK_ULONG count = 0;
    *client = (struct client){.calls = load(module), .label = label};
    check(client->calls->C_Initialize(NULL), "C_Initialize");
    CK_SLOT_ID slot = find_slot(client->calls, token);
    check(client->calls->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &client->session),
          "C_OpenSession");
    check(search(client, &client->key, &count), "C_FindObjects");
    if (count != 1) {
        errx(1, "%lu private keys %s", count, label);
    }
}

/* ---- certificates ---- */

static void add_text(char answer[ANSWER_MAX], const char *text)
{
    size_t used = strlen(answer);
    (void)snprintf(answer + used, ANSWER_MAX - used, "%s", text);
}

static void add_label(char answer[ANSWER_MAX], const char *label, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char text[] = {label[i], '\0'};
        if (isalnum((unsigned char)label[i]) == 0 && strchr("-.", label[i]) == NULL) {
            text[0] = '_';
        }
        add_text(answer, text);
    }
}

static void add_hash(char answer[ANSWER_MAX], const unsigned char *value, size_t len)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char text[9];
    SHA256(value, len, digest);
    (void)snprintf(text, sizeof text, "%02x%02x%02x%02x", digest[0], digest[1], digest[2],
                   digest[3]);
    add_text(answer, text);
}

/* CKA_CERTIFICATE_CATEGORY, PKCS#11 v2.40 base, 4.6.2 */
static const char *category_name(CK_ULONG category)
{
    static const char *const names[] = {"unspecified", "user", "authority", "other"};
    return category < SG_COUNT(names) ? names[category] : "unknown";
}

static CK_RV add_certificate(const struct client *client, CK_SESSION_HANDLE session,
                             CK_OBJECT_HANDLE object, char answer[ANSWER_MAX])
{
    char label[128];
    unsigned char value[CERTIFICATE_BYTES];
    CK_ULONG category = 0;
    CK_BBOOL trusted = CK_FALSE;
    CK_ATTRIBUTE got[] = {
        {CKA_LABEL, label, sizeof label},
        {CKA_VALUE, value, sizeof value},
        {CKA_CERTIFICATE_CATEGORY, &category, sizeof category},
        {CKA_TRUSTED, &trusted, sizeof trusted},
    };
    CK_RV rv = client->calls->C_GetAttributeValue(session, object, got, SG_COUNT(got));
    if (rv != CKR_OK) {
        return rv;
    }
    add_text(answer, answer[0] != '\0' ? "," : "");
    add_label(answer, label, got[0].ulValueLen);
    add_text(answer, ":");
    add_hash(answer, value, got[1].ulValueLen);
    add_text(answer, ":");
    add_text(answer, category_name(category));
    add_text(answer, trusted == CK_TRUE ? "+trusted" : "");
    return CKR_OK;
}

static CK_RV begin_search(const struct client *client, CK_SESSION_HANDLE session)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof class};
    return client->calls->C_FindObjectsInit(session, &template, 1);
}

/* At most so many that come next; fewer only at the end. */
static CK_RV go_on(const struct client *client, CK_SESSION_HANDLE session, CK_ULONG most,
                   char answer[ANSWER_MAX])
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_ULONG count = 1;
    CK_RV rv = CKR_OK;
    for (CK_ULONG i = 0; rv == CKR_OK && count == 1 && i < most; i++) {
        rv = client->calls->C_FindObjects(session, &object, 1, &count);
        if (rv == CKR_OK && count == 1) {
            rv = add_certificate(client, session, object, answer);
        }
    }
    return rv;
}

static CK_RV end_search(const struct client *client, CK_SESSION_HANDLE session,
                        char answer[ANSWER_MAX])
{
    CK_RV rv = go_on(client, session, CERTIFICATES_MAX, answer);
    CK_RV end = client->calls->C_FindObjectsFinal(session);
    return rv != CKR_OK ? rv : end;
}

static CK_RV begin(struct client *client, char answer[ANSWER_MAX])
{
    if (client->searching == CK_INVALID_HANDLE) {
        CK_SESSION_INFO info;
        check(client->calls->C_GetSessionInfo(client->session, &info), "C_GetSessionInfo");
        check(client->calls->C_OpenSession(info.slotID, CKF_SERIAL_SESSION, NULL, NULL,
                                           &client->searching),
              "C_OpenSession");
    }
    CK_RV rv = begin_search(client, client->searching);
    return rv == CKR_OK ? go_on(client, client->searching, 1, answer) : rv;
}

static CK_RV list_certificates(const struct client *client, char answer[ANSWER_MAX])
{
    CK_RV rv = begin_search(client, client->session);
    return rv == CKR_OK ? end_search(client, client->session, answer) : rv;
}

/* ---- orders ---- */

static CK_RV count_keys(const struct client *client, char answer[ANSWER_MAX])
{
    CK_ULONG count = 0;
    CK_OBJECT_HANDLE ignored = CK_INVALID_HANDLE;
    CK_RV rv = search(client, &ignored, &count);
    (void)snprintf(answer, ANSWER_MAX, "%lu", count);
    return rv;
}

/* What was asked for, when it is more than that it went well. */
static CK_RV perform(struct client *client, char verb, char answer[ANSWER_MAX])
{
    switch (verb) {
    case 's':
        add_text(answer, "ok");
        return sign(client);
    case 'f':
        return count_keys(client, answer);
    case 'c':
        return list_certificates(client, answer);
    case 'b':
        return begin(client, answer);
    case 'r':
        return end_search(client, client->searching, answer);
    default:
        errx(1, "no such order");
    }
}

/* An order's first letter comes, the answer goes, until the parent ends. */
static void serve(struct client *client, int parent)
{
    char verb = 0;
    char answer[ANSWER_MAX] = "ready";
    while (send(parent, answer, strlen(answer), MSG_NOSIGNAL) > 0 &&
           recv(parent, &verb, 1, 0) == 1) {
        answer[0] = '\0';
        CK_RV rv = perform(client, verb, answer);
        if (rv != CKR_OK) {
            (void)snprintf(answer, sizeof answer, "0x%lx", rv);
        }
        add_text(answer, answer[0] == '\0' ? "none" : "");
    }
}

static void print_answer(int child)
{
    char answer[ANSWER_MAX];
    ssize_t len = recv(child, answer, sizeof answer - 1, 0);
    if (len <= 0) {
        errx(1, "a client is gone");
    }
    answer[len] = '\0';
    (void)printf("%s ", answer);
}

static void print_all(const int *children, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_answer(children[i]);
    }
    (void)printf("\n");
    (void)fflush(stdout);
}

/* Everybody is asked before anybody is listened to: they work at the same time. */
static void obey(const int *children, size_t count)
{
    char line[64];
    print_all(children, count);
    while (fgets(line, sizeof line, stdin) != NULL) {
        for (size_t i = 0; i < count; i++) {
            if (send(children[i], line, 1, MSG_NOSIGNAL) != 1) {
                errx(1, "a client is gone");
            }
        }
        print_all(children, count);
    }
}

int main(int argc, char **argv)
{
    int children[CLIENTS_MAX];
    size_t count = argc == 5 ? (size_t)strtoul(argv[4], NULL, 10) : 0;
    if (count == 0 || count > CLIENTS_MAX) {
        errx(1, "usage: daemon_client MODULE TOKEN LABEL CLIENTS");
    }
    for (size_t i = 0; i < count; i++) {
        int pair[2];
        pid_t pid = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0 ? fork() : -1;
        if (pid < 0) {
            err(1, "a client");
        }
        if (pid == 0) {
            struct client client;
            (void)close(pair[0]);
            attach(&client, argv[1], argv[2], argv[3]);
            serve(&client, pair[1]);
            _exit(0);
        }
        (void)close(pair[1]);
        children[i] = pair[0];
    }
    obey(children, count);
    return 0;
}
