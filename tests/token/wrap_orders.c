#include "wrap_orders.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define ORDERS_MAX 1024
#define SLOW_US 100000
#define LATE_S 4

static const struct {
    const char *name;
    enum wrap_fault fault;
    CK_RV answer;
} faults[] = {
    {"crash", WRAP_CRASH, CKR_OK},
    {"hang", WRAP_HANG, CKR_OK},
    {"removed", WRAP_REMOVED, CKR_DEVICE_REMOVED},
    {"absent", WRAP_ABSENT, CKR_TOKEN_NOT_PRESENT},
    {"sessions", WRAP_SESSIONS, CKR_SESSION_COUNT},
    {"failed", WRAP_FAILED, CKR_FUNCTION_FAILED},
    {"arguments", WRAP_ARGUMENTS, CKR_ARGUMENTS_BAD},
    {"error", WRAP_ERROR, CKR_DEVICE_ERROR},
    {"memory", WRAP_MEMORY, CKR_HOST_MEMORY},
    {"incorrect", WRAP_INCORRECT, CKR_PIN_INCORRECT},
    {"expired", WRAP_EXPIRED, CKR_PIN_EXPIRED},
    {"odd", WRAP_ODD, 0x80000042ul},
    {"masked", WRAP_MASKED, CKR_OK},
    {"handle", WRAP_HANDLE, CKR_KEY_HANDLE_INVALID},
    {"gone", WRAP_GONE, CKR_OBJECT_HANDLE_INVALID},
    {"nothing", WRAP_NOTHING, CKR_OK},
    {"silent", WRAP_SILENT, CKR_OK},
    {"logout", WRAP_LOGOUT, CKR_OK},
    {"long", WRAP_LONG, CKR_OK},
    {"short", WRAP_SHORT, CKR_OK},
    {"slow", WRAP_SLOW, CKR_OK},
    {"late", WRAP_LATE, CKR_OK},
};
#define FAULTS (sizeof faults / sizeof *faults)

static enum wrap_fault fault_named(const char *name)
{
    for (size_t i = 0; i < FAULTS; i++) {
        if (strcmp(faults[i].name, name) == 0) {
            return faults[i].fault;
        }
    }
    return WRAP_NONE;
}

/* The first line for the function. One that counts once is blanked, under the lock. */
static enum wrap_fault look(FILE *orders, const char *function)
{
    char line[128];
    long start = 0;
    while (fgets(line, sizeof line, orders) != NULL) {
        char name[40];
        char fault[20];
        char times[10];
        bool whole = sscanf(line, "%39s %19s %9s", name, fault, times) == 3;
        if (whole && (strcmp(name, function) == 0 || strcmp(name, "*") == 0)) {
            if (strcmp(times, "once") == 0 && fseek(orders, start, SEEK_SET) == 0) {
                (void)fputc('#', orders);
                (void)fputc(' ', orders);
            }
            return fault_named(fault);
        }
        start = ftell(orders);
    }
    return WRAP_NONE;
}

static enum wrap_fault find(const char *function)
{
    const char *path = getenv("WRAP_ORDERS");
    FILE *orders = path != NULL ? fopen(path, "r+e") : NULL;
    if (orders == NULL) {
        return WRAP_NONE;
    }
    (void)flock(fileno(orders), LOCK_EX);
    enum wrap_fault fault = look(orders, function);
    (void)fclose(orders);
    return fault;
}

static _Noreturn void hang(void)
{
    for (;;) {
        (void)pause();
    }
}

enum wrap_fault wrap_order(const char *function)
{
    enum wrap_fault fault = find(function);
    if (fault == WRAP_CRASH) {
        (void)raise(
            SIGKILL); /* as the kernel's own kill after a fault, without a core or a report */
    }
    if (fault == WRAP_HANG) {
        hang();
    }
    if (fault == WRAP_SLOW) {
        (void)usleep(SLOW_US);
    }
    if (fault == WRAP_LATE) {
        (void)sleep(LATE_S);
    }
    return fault;
}

CK_RV wrap_answer(enum wrap_fault fault)
{
    for (size_t i = 0; i < FAULTS; i++) {
        if (faults[i].fault == fault) {
            return faults[i].answer;
        }
    }
    return CKR_OK;
}

CK_ULONG wrap_length(enum wrap_fault fault, CK_ULONG length)
{
    if (fault == WRAP_NOTHING) {
        return 0;
    }
    return fault == WRAP_LONG ? length + 1000000 : fault == WRAP_SHORT && length > 0 ? 1 : length;
}
