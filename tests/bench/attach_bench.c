/* What attaching costs. bench_attach MODULE TOKEN KEY COUNT, first half: 1000 clients one after
 * the other each load nothing new, attach (C_Initialize to C_OpenSession), find the key and sign
 * once, and in turn with them two processes of our own that compute and talk for about as long, to
 * see what of the slow ones is the machine's; prints "p50_us p99_us" of each. Second half: COUNT
 * clients at once do the same and stay; prints "attached" and holds them until its standard input
 * ends. */
#include <dlfcn.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <signet/base/cleanup.h>

#include "module.h"

#define COUNT_MAX 10000
#define ONE_BY_ONE 1000u
#define TALKS 20    /* words and answers of the two that are compared with */
#define TALK_US 40u /* for which each of them computes before it speaks */

struct settings {
    const char *module, *token, *key;
};

static uint32_t now_us(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        err(1, "clock_gettime");
    }
    return (uint32_t)((uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u);
}

static void sign_once(const struct bench_module *module, const char *label)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    SG_FREE char *copy = strdup(label);
    if (copy == NULL) {
        errx(1, "out of memory");
    }
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, copy, strlen(copy)}};
    CK_MECHANISM mechanism = {.mechanism = CKM_ECDSA};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    unsigned char hash[32] = {1}, signature[256];
    CK_ULONG count = 0, len = sizeof signature;
    bench_check(module->calls->C_FindObjectsInit(module->session, template, 2),
                "C_FindObjectsInit");
    bench_check(module->calls->C_FindObjects(module->session, &key, 1, &count), "C_FindObjects");
    bench_check(module->calls->C_FindObjectsFinal(module->session), "C_FindObjectsFinal");
    if (count != 1) {
        errx(1, "the token has no private key labelled %s", label);
    }
    bench_check(module->calls->C_SignInit(module->session, &mechanism, key), "C_SignInit");
    bench_check(module->calls->C_Sign(module->session, hash, sizeof hash, signature, &len),
                "C_Sign");
}

/* The library is loaded before the fork: a program's start is not what is measured. */
static uint32_t attach(struct bench_module *module, const struct settings *settings)
{
    uint32_t start = now_us();
    bench_module_open(module, settings->module, settings->token, NULL);
    sign_once(module, settings->key);
    return now_us() - start;
}

static pid_t fork_or_fail(void)
{
    pid_t pid = fork();
    if (pid < 0) {
        err(1, "fork");
    }
    return pid;
}

/* Computes for about so long, of processor time on a machine that does nothing else. */
static void compute(unsigned rounds)
{
    for (volatile unsigned i = 0; i < rounds; i++) {
    }
}

/* Rounds of compute() for TALK_US: the best of many tries, so that nobody has interrupted it. */
static unsigned rounds_of_a_talk(void)
{
    enum { TRIES = 50, ROUNDS = 100000 };
    uint32_t best_us = UINT32_MAX;
    for (int i = 0; i < TRIES; i++) {
        uint32_t start = now_us();
        compute(ROUNDS);
        uint32_t us = now_us() - start;
        best_us = us < best_us ? us : best_us;
    }
    return (unsigned)((uint64_t)ROUNDS * TALK_US / (best_us > 0 ? best_us : 1));
}

static void answer(int in, int out, unsigned rounds)
{
    char byte;
    while (read(in, &byte, 1) == 1) {
        compute(rounds);
        if (write(out, &byte, 1) != 1) {
            _exit(1);
        }
    }
    _exit(0);
}

/* us that the two take. */
static uint32_t talk(const int to[2], const int from[2], unsigned rounds)
{
    char byte = 't';
    uint32_t start = now_us();
    for (int i = 0; i < TALKS; i++) {
        compute(rounds);
        if (write(to[1], &byte, 1) != 1 || read(from[0], &byte, 1) != 1) {
            errx(1, "the other process is gone");
        }
    }
    return now_us() - start;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

static void print_spread(uint32_t took[ONE_BY_ONE])
{
    qsort(took, ONE_BY_ONE, sizeof *took, by_number);
    printf("%u %u\n", took[ONE_BY_ONE / 2], took[ONE_BY_ONE * 99 / 100]);
}

/* us that a new process takes to attach and to sign. shared: memory that both see. */
static uint32_t attach_one(uint32_t *shared, const struct settings *settings)
{
    int status = 0;
    pid_t pid = fork_or_fail();
    if (pid == 0) {
        struct bench_module module;
        *shared = attach(&module, settings);
        bench_module_close(&module);
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        errx(1, "a client failed");
    }
    return *shared;
}

static void one_by_one(const struct settings *settings)
{
    uint32_t attaches[ONE_BY_ONE], talks[ONE_BY_ONE];
    int to[2], from[2];
    unsigned rounds = rounds_of_a_talk();
    uint32_t *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || pipe(to) != 0 || pipe(from) != 0) {
        err(1, "no memory or pipe");
    }
    pid_t other = fork_or_fail();
    if (other == 0) {
        (void)close(to[1]);
        answer(to[0], from[1], rounds);
    }
    (void)close(from[1]);
    for (unsigned i = 0; i < ONE_BY_ONE; i++) {
        attaches[i] = attach_one(shared, settings);
        talks[i] = talk(to, from, rounds);
    }
    (void)close(to[1]);
    (void)waitpid(other, NULL, 0);
    (void)close(to[0]);
    (void)close(from[0]);
    print_spread(attaches);
    print_spread(talks);
}

/* Never returns. */
static void stay_attached(const struct settings *settings, int ready, int hold)
{
    struct bench_module module;
    char byte = 'r';
    (void)attach(&module, settings);
    _exit(write(ready, &byte, 1) == 1 && read(hold, &byte, 1) == 0 ? 0 : 1);
}

/* Returns when the client is attached; it ends with the pipe. */
static void add_client(const struct settings *settings, const int hold[2])
{
    int ready[2];
    char byte;
    if (pipe(ready) != 0) {
        err(1, "pipe");
    }
    if (fork_or_fail() == 0) {
        (void)close(hold[1]);
        (void)close(ready[0]);
        stay_attached(settings, ready[1], hold[0]);
    }
    (void)close(ready[1]);
    if (read(ready[0], &byte, 1) != 1) {
        errx(1, "a client did not attach");
    }
    (void)close(ready[0]);
}

static void all_at_once(const struct settings *settings, unsigned count)
{
    int hold[2];
    char byte;
    if (pipe(hold) != 0) {
        err(1, "pipe");
    }
    for (unsigned i = 0; i < count; i++) {
        add_client(settings, hold);
    }
    puts("attached");
    (void)fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    (void)close(hold[1]);
    for (unsigned i = 0; i < count; i++) {
        (void)wait(NULL);
    }
}

int main(int argc, char **argv)
{
    char *end = NULL;
    unsigned long count = argc == 5 ? strtoul(argv[4], &end, 10) : 0;
    if (count == 0 || count > COUNT_MAX || *end != '\0') {
        errx(1, "usage: bench_attach MODULE TOKEN KEY COUNT(1..%d)", COUNT_MAX);
    }
    struct settings settings = {.module = argv[1], .token = argv[2], .key = argv[3]};
    if (dlopen(settings.module, RTLD_NOW | RTLD_LOCAL) == NULL) {
        errx(1, "could not load %s: %s", settings.module, dlerror());
    }
    one_by_one(&settings);
    (void)fflush(stdout);
    all_at_once(&settings, (unsigned)count);
    return 0;
}
