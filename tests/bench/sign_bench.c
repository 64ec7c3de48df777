/* How many signatures a second, and how long one takes: N processes, each with a connection of its
 * own to one PKCS#11 module, sign with one key for S seconds. Prints one line: "ops_per_s p50_us
 * p99_us errors".
 *
 * What counts is what ends within S seconds that are the same for all, while all sign: were each
 * client to count from its own first signature, those whom the kernel lets begin late would end
 * alone, on an idle machine, and the sum of the rates would be more than the machine ever did. */
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
#define AHEAD_S 0.1        /* all sign before it counts */
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
    uint32_t buckets[BUCKETS];
};

/* The seconds that count, by CLOCK_MONOTONIC; in that memory too, set before the start. */
struct window {
    double start, end;
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

static void count(struct tally *tally, double took_us)
{
    tally->buckets[took_us < BUCKETS - 1 ? (size_t)took_us : BUCKETS - 1]++;
    tally->done++;
}

static void sign_through(const struct bench_module *module, CK_MECHANISM_TYPE mechanism,
                         CK_OBJECT_HANDLE key, const struct window *window, struct tally *tally)
{
    double before = now_s();
    while (before < window->end) {
        if (sign_once(module, mechanism, key) != CKR_OK) {
            tally->errors++;
        }
        double after = now_s();
        if (after >= window->start && after < window->end) {
            count(tally, (after - before) * 1e6);
        }
        before = after;
    }
}

/* One client: get ready, say so, wait for the start, sign. */
static void client(const struct settings *settings, const struct window *window,
                   struct tally *tally, int ready, int start)
{
    struct bench_module module;
    char byte = 0;
    bench_module_open(&module, settings->module, settings->token, settings->pin_file);
    CK_OBJECT_HANDLE key = find_key(&module, settings->key);
    bench_check(sign_once(&module, settings->mechanism, key), "the first signature");
    if (write(ready, "r", 1) != 1 || read(start, &byte, 1) != 0) {
        errx(1, "the parent is gone");
    }
    sign_through(&module, settings->mechanism, key, window, tally);
    bench_module_close(&module);
}

static pid_t start_client(const struct settings *settings, const struct window *window,
                          struct tally *tally, const int ready[2], const int start[2])
{
    pid_t pid = fork();
    if (pid < 0) {
        err(1, "fork");
    }
    if (pid == 0) {
        (void)close(start[1]);
        (void)close(ready[0]);
        client(settings, window, tally, ready[1], start[0]);
        exit(0);
    }
    return pid;
}

/* Clients get ready one after the other: SoftHSM 2.6.1 fails when several processes log in at once.
 */
static bool run(const struct settings *settings, struct window *window, struct tally *tallies)
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
        pids[i] = start_client(settings, window, &tallies[i], ready, start);
        (void)close(ready[1]);
        good = read(ready[0], &byte, 1) == 1 && good;
        (void)close(ready[0]);
    }
    window->start = now_s() + AHEAD_S;
    window->end = window->start + settings->seconds;
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

static int report(const struct tally *tallies, unsigned clients, double seconds)
{
    uint64_t done = 0, errors = 0;
    for (unsigned i = 0; i < clients; i++) {
        done += tallies[i].done;
        errors += tallies[i].errors;
    }
    printf("%.0f %u %u %llu\n", (double)done / seconds, percentile(tallies, clients, 0.5),
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

/* Memory that the clients share with the parent, zeroed. */
static void *shared(size_t len)
{
    void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        err(1, "mmap");
    }
    return memory;
}

int main(int argc, char **argv)
{
    struct settings settings = {.mechanism = CKM_ECDSA, .clients = 1, .seconds = 2};
    read_arguments(&settings, argc, argv);
    struct window *window = shared(sizeof(*window));
    struct tally *tallies = shared(settings.clients * sizeof(*tallies));
    (void)signal(SIGPIPE, SIG_IGN);
    if (!run(&settings, window, tallies)) {
        errx(1, "a client failed");
    }
    return report(tallies, settings.clients, settings.seconds);
}
