/* A token process as control sees it: the real wire, and no token. It remembers what each
 * capability may do, and refuses or dies where a test says so. */
#ifndef SIGNET_TESTS_GRANTS_TOKEN_H
#define SIGNET_TESTS_GRANTS_TOKEN_H

#include <pthread.h>
#include <stdatomic.h>

#include <signet/token/client.h>

#define GRANTS_TOKEN_CAPABILITIES 32
#define GRANTS_TOKEN_KEYS 8

struct grants_token {
    pthread_t thread;
    int socket; /**< its end of the administrative link */
    pthread_mutex_t lock;
    struct grants_token_capability {
        uint64_t number; /**< 0: none */
        uid_t uid;
        struct sg_granted_key keys[GRANTS_TOKEN_KEYS];
        size_t count;
        int holder; /**< its end of the capability */
    } capabilities[GRANTS_TOKEN_CAPABILITIES];
    _Atomic uid_t refuses;  /**< takes no new list for this user; 0: takes all */
    _Atomic bool dies;      /**< at the next new list, without an answer */
    _Atomic unsigned lists; /**< new lists that came, taken or not */
};

/** Start one; returns control's end of the link. */
int grants_token_start(struct grants_token *token);
/** Control's end is closed: wait for its end, and close what it held. */
void grants_token_join(struct grants_token *token);
/** Keys that a user's capability names there, as the bytes of their CKA_IDs in order, "1 2 7";
 * "ended" when the user has none. Static, overwritten by the next call. */
const char *grants_token_keys(struct grants_token *token, uid_t uid);

#endif
