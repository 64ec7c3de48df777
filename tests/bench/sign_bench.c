/* How many signatures a second, and how long one takes: N processes, each with a connection of its
 * own to one PKCS#11 module, sign with one key for S seconds. Prints one line: "ops_per_s p50_us
 * p99_us errors". */
#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "module.h"

#define CLIENTS_MAX 64
#define BUCKETS (1u << 20) /* of one microsecond; the last takes everything slower */

struct settings {
    const char *module, *token, *pin_file;
    char *key;
    CK_MECHANISM_TYPE mechanism;
    unsigned clients;
    double seconds;
};

/* What one client found out; in memory that it shares with the parent. */
struct tally {
    uint64_t done, errors;
    double seconds;
    uint32_t buckets[BUCKETS];
};

/* DigestInfo of a SHA-256 hash (RFC 8017, 9.2, note 1), as every RSA client sends it. */
static const unsigned char digest_info[51] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                              0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                              0x01, 0x05, 0x00, 0x04, 0x20, 0x5a};

static double now_s(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        err(1, "clock_gettime");
    }
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static CK_OBJECT_HANDLE find_key(const struct bench_module *module, char *label)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof(class)},
        {CKA_LABEL, label, strlen(label)},
    };
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_ULONG count = 0;
    bench_check(module->calls->C_FindObjectsInit(module->session, template, 2),
                "C_FindObjectsInit");
    bench_check(module->calls->C_FindObjects(module->session, &key, 1, &count), "C_FindObjects");
    bench_check(module->calls->C_FindObjectsFinal(module->session), "C_FindObjectsFinal");
    if (count != 1) {
        errx(1, "the token has no private key labelled %s", label);
    }
    return key;
}

static CK_RV sign_once(const struct bench_module *module, CK_MECHANISM_TYPE type,
                       CK_OBJECT_HANDLE key)
{
    CK_MECHANISM mechanism = {.mechanism = type};
    unsigned char data[sizeof(digest_info)], signature[1024];
    CK_ULONG len = sizeof(signature);
    memcpy(data, digest_info, sizeof(data));
    CK_RV rv = module->calls->C_SignInit(module->session, &mechanism, key);
    if (rv != CKR_OK) {
        return rv;
    }
    return module->calls->C_Sign(module->session, data, type == CKM_ECDSA ? 32 : sizeof(data),
                                 signature, &len);
}

static void sign_until(const struct bench_module *module, const struct settings *settings,
                       CK_OBJECT_HANDLE key, struct tally *tally)
{
    double start = now_s(), end = start + settings->seconds, before = start;
    while (before < end) {
        if (sign_once(module, settings->mechanism, key) != CKR_OK) {
            tally->errors++;
        }
        double after = now_s(), took_us = (after - before) * 1e6;
        tally->buckets[took_us < BUCKETS - 1 ? (size_t)took_us : BUCKETS - 1]++;
        tally->done++;
        before = after;
    }
    tally->seconds = before - start;
}

/* One client: get ready, say so, wait for the start, sign. */
static void client(const struct settings *settings, struct tally *tally, int ready, int start)
{
    struct bench_module module;
    char byte = 0;
    bench_module_open(&module, settings->module, settings->token, settings->pin_file);
    CK_OBJECT_HANDLE key = find_key(&module, settings->key);
    bench_check(sign_once(&module, settings->mechanism, key), "the first signature");
    if (write(ready, "r", 1) != 1 || read(start, &byte, 1) != 0) {
        errx(1, "the parent is gone");
    }
    sign_until(&module, settings, key, tally);
    bench_module_close(&module);
}

static pid_t start_client(const struct settings *settings, struct tally *tally, const int ready[2],
                          const int start[2])
{
    pid_t pid = fork();
    if (pid < 0) {
        err(1, "fork");
    }
    if (pid == 0) {
        (void)close(start[1]);
        (void)close(ready[0]);
        client(settings, tally, ready[1], start[0]);
        exit(0);
    }
    return pid;
}

/* Clients get ready one after the other: SoftHSM 2.6.1 fails when several processes log in at once.
 */
static bool run(const struct settings *settings, struct tally *tallies)
{
    int start[2];
    pid_t pids[CLIENTS_MAX];
    bool good = true;
    if (pipe(start) != 0) {
        err(1, "pipe");
    }
    for (unsigned i = 0; i < settings->clients; i++) {
        int ready[2];
        char byte = 0;
        if (pipe(ready) != 0) {
            err(1, "pipe");
        }
        pids[i] = start_client(settings, &tallies[i], ready, start);
        (void)close(ready[1]);
        good = read(ready[0], &byte, 1) == 1 && good;
        (void)close(ready[0]);
    }
    (void)close(start[1]);
    for (unsigned i = 0; i < settings->clients; i++) {
        int status = 0;
        good = waitpid(pids[i], &status, 0) == pids[i] && status == 0 && good;
    }
    return good;
}

/* The latency, in microseconds, that the given share of all signatures did not exceed. */
static unsigned percentile(const struct tally *tallies, unsigned clients, double share)
{
    uint64_t total = 0, seen = 0;
    for (unsigned i = 0; i < clients; i++) {
        total += tallies[i].done;
    }
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        for (unsigned i = 0; i < clients; i++) {
            seen += tallies[i].buckets[bucket];
        }
        if ((double)seen >= share * (double)total) {
            return bucket;
        }
    }
    return BUCKETS;
}

static int report(const struct tally *tallies, unsigned clients)
{
    double rate = 0;
    uint64_t errors = 0;
    for (unsigned i = 0; i < clients; i++) {
        rate += (double)tallies[i].done / tallies[i].seconds;
        errors += tallies[i].errors;
    }
    printf("%.0f %u %u %llu\n", rate, percentile(tallies, clients, 0.5),
           percentile(tallies, clients, 0.99), (unsigned long long)errors);
    return errors == 0 ? 0 : 1;
}

static void usage(void)
{
    errx(1, "usage: bench_sign --module FILE --token LABEL --key LABEL --mechanism ecdsa|rsa "
            "[--clients 1..64] [--seconds S] [--pin-file FILE]");
}

static void read_number(double *out, const char *text, double least, double most)
{
    char *end = NULL;
    *out = strtod(text, &end);
    if (end == text || *end != '\0' || !(*out >= least && *out <= most)) {
        errx(1, "%s is no number from %g to %g", text, least, most);
    }
}

static void read_arguments(struct settings *settings, int argc, char **argv)
{
    static const struct option options[] = {
        {"module", required_argument, NULL, 'm'},   {"token", required_argument, NULL, 't'},
        {"key", required_argument, NULL, 'k'},      {"mechanism", required_argument, NULL, 'x'},
        {"clients", required_argument, NULL, 'c'},  {"seconds", required_argument, NULL, 's'},
        {"pin-file", required_argument, NULL, 'p'}, {0},
    };
    double number = 1;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'm':
            settings->module = optarg;
            break;
        case 't':
            settings->token = optarg;
            break;
        case 'k':
            settings->key = optarg;
            break;
        case 'x':
            settings->mechanism = strcmp(optarg, "rsa") == 0 ? CKM_RSA_PKCS : CKM_ECDSA;
            break;
        case 'c':
            read_number(&number, optarg, 1, CLIENTS_MAX);
            settings->clients = (unsigned)number;
            break;
        case 's':
            read_number(&settings->seconds, optarg, 0.1, 3600);
            break;
        case 'p':
            settings->pin_file = optarg;
            break;
        default:
            usage();
        }
    }
    if (settings->module == NULL || settings->token == NULL || settings->key == NULL) {
        usage();
    }
}

int main(int argc, char **argv)
{
    struct settings settings = {.mechanism = CKM_ECDSA, .clients = 1, .seconds = 2};
    read_arguments(&settings, argc, argv);
    struct tally *tallies = mmap(NULL, settings.clients * sizeof(*tallies), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tallies == MAP_FAILED) {
        err(1, "mmap");
    }
    (void)signal(SIGPIPE, SIG_IGN);
    if (!run(&settings, tallies)) {
        errx(1, "a client failed");
    }
    return report(tallies, settings.clients);
}
