/* What attaching costs. bench_attach MODULE TOKEN KEY COUNT, first half: COUNT clients one after
 * the other each load nothing new, attach (C_Initialize to C_OpenSession), find the key and sign
 * once; prints "p50_us p99_us". Second half: COUNT clients at once do the same and stay; prints
 * "attached" and holds them until its standard input ends. */
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

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

static void one_by_one(const struct settings *settings)
{
    uint32_t *took = mmap(NULL, ONE_BY_ONE * sizeof *took, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (took == MAP_FAILED) {
        err(1, "mmap");
    }
    for (unsigned i = 0; i < ONE_BY_ONE; i++) {
        int status = 0;
        pid_t pid = fork_or_fail();
        if (pid == 0) {
            struct bench_module module;
            took[i] = attach(&module, settings);
            bench_module_close(&module);
            _exit(0);
        }
        if (waitpid(pid, &status, 0) != pid || status != 0) {
            errx(1, "client %u failed", i);
        }
    }
    qsort(took, ONE_BY_ONE, sizeof *took, by_number);
    printf("%u %u\n", took[ONE_BY_ONE / 2], took[ONE_BY_ONE * 99 / 100]);
}

/* Each says when it is attached, and ends with the pipe. */
static void all_at_once(const struct settings *settings, unsigned count)
{
    int ready[2], hold[2];
    char byte = 'r';
    if (pipe(ready) != 0 || pipe(hold) != 0) {
        err(1, "pipe");
    }
    for (unsigned i = 0; i < count; i++) {
        if (fork_or_fail() == 0) {
            struct bench_module module;
            (void)close(hold[1]);
            (void)close(ready[0]);
            (void)attach(&module, settings);
            if (write(ready[1], &byte, 1) != 1 || read(hold[0], &byte, 1) != 0) {
                _exit(1);
            }
            _exit(0);
        }
        if (read(ready[0], &byte, 1) != 1) {
            errx(1, "client %u did not attach", i + 1);
        }
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
