/* What a test tells the misbehaving module while it runs, through the file that WRAP_ORDERS names:
 * one order a line,
 *
 *   FUNCTION FAULT once|always      C_Sign crash once
 *
 * "*" stands for every function that can misbehave. "once" is carried out by one process, and the
 * line is gone then; "always" until the file changes. Faults: crash, hang, removed (the device is
 * lost: CKR_DEVICE_REMOVED, and no session is left), absent (CKR_TOKEN_NOT_PRESENT), sessions
 * (CKR_SESSION_COUNT), failed (CKR_FUNCTION_FAILED), arguments (CKR_ARGUMENTS_BAD), error
 * (CKR_DEVICE_ERROR), memory (CKR_HOST_MEMORY), incorrect (CKR_PIN_INCORRECT), expired
 * (CKR_PIN_EXPIRED), odd (a vendor's code), masked (C_Login: what it refuses is told as
 * CKR_FUNCTION_FAILED, and counted), handle (CKR_KEY_HANDLE_INVALID), gone
 * (CKR_OBJECT_HANDLE_INVALID), silent (C_Login: it works,
 * and C_GetTokenInfo does no more), logout (logs itself out: CKR_USER_NOT_LOGGED_IN), long, short,
 * nothing (a length or a count that is not true; 0), slow (it takes 100 ms longer), late (4 s
 * longer). */
#ifndef SIGNET_TESTS_WRAP_ORDERS_H
#define SIGNET_TESTS_WRAP_ORDERS_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

enum wrap_fault {
    WRAP_NONE,
    WRAP_CRASH,
    WRAP_HANG,
    WRAP_REMOVED,
    WRAP_ABSENT,
    WRAP_SESSIONS,
    WRAP_FAILED,
    WRAP_ARGUMENTS,
    WRAP_ERROR,
    WRAP_MEMORY,
    WRAP_INCORRECT,
    WRAP_EXPIRED,
    WRAP_ODD,
    WRAP_MASKED,
    WRAP_HANDLE,
    WRAP_GONE,
    WRAP_NOTHING,
    WRAP_SILENT,
    WRAP_LOGOUT,
    WRAP_LONG,
    WRAP_SHORT,
    WRAP_SLOW,
    WRAP_LATE
};

/** The order for this function. Crashes, hangs and waits happen in here. */
enum wrap_fault wrap_order(const char *function);
/** What a fault answers instead of doing anything; CKR_OK when it does something first. */
CK_RV wrap_answer(enum wrap_fault fault);
/** A length or count as the fault tells it. */
CK_ULONG wrap_length(enum wrap_fault fault, CK_ULONG length);

#endif
