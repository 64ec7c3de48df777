/* PKCS#11 clients that stay attached to a ring, each in a process of its own, and do what standard
 * input says, all of them once a line:
 *
 *   daemon_client MODULE TOKEN LABEL CLIENTS
 *
 * "sign" signs with the private key LABEL that was found at the start, "find" looks for it anew.
 * One line answers each: what every client got, in order: "ok", a CKR code, or a number of objects.
 */
#include <dlfcn.h>
#include <err.h>
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
#define ANSWER_MAX 32

struct client {
    CK_FUNCTION_LIST *calls;
    CK_SESSION_HANDLE session;
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

static void describe(char answer[ANSWER_MAX], CK_RV rv, const char *good)
{
    if (rv == CKR_OK) {
        (void)snprintf(answer, ANSWER_MAX, "%s", good);
    } else {
        (void)snprintf(answer, ANSWER_MAX, "0x%lx", rv);
    }
}

/* 's' or 'f' comes, the answer goes, until the parent ends. */
static void serve(const struct client *client, int parent)
{
    char verb = 0;
    char answer[ANSWER_MAX] = "ready";
    while (send(parent, answer, strlen(answer), MSG_NOSIGNAL) > 0 &&
           recv(parent, &verb, 1, 0) == 1) {
        char number[ANSWER_MAX] = "";
        CK_ULONG count = 0;
        CK_OBJECT_HANDLE ignored = CK_INVALID_HANDLE;
        CK_RV rv = verb == 's' ? sign(client) : search(client, &ignored, &count);
        (void)snprintf(number, sizeof number, "%lu", count);
        describe(answer, rv, verb == 's' ? "ok" : number);
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
