/* Operations against a real store and a real token process, by a clock and a listener of the tests'
 * own. Everything here fails the test it is called in when it does not work. */
#ifndef SIGNET_TESTS_OPERATIONS_FIXTURE_H
#define SIGNET_TESTS_OPERATIONS_FIXTURE_H

#include <jansson.h>
#include <openssl/x509.h>
#include <pthread.h>

#include <signet/operations/run.h>

#include "cmocka_all.h"
#include "softhsm_fixture.h"

#define NOW INT64_C(1792000000) /* 2026-10-14T17:46:40Z */
#define DAY INT64_C(86400)

/** A go-between on the administrative link: lets some requests through, then kills the token
 * process. */
struct cutter {
    pthread_t thread;
    int ours, theirs;   /**< its two sockets */
    unsigned through;   /**< requests that are answered */
    bool does_the_last; /**< the request that is not answered reaches the token all the same */
    pid_t victim;
};

struct world {
    struct softhsm_fixture token;
    struct token_process process; /**< pid -1: none */
    struct cutter cutter;
    char directory[64]; /**< of the store */
    struct sg_service service;
    struct sg_clock clock;
    int64_t now_s, monotonic_ms;
    const struct sg_caller *caller; /**< who asks; the administrator unless a test says otherwise */
    bool down;                      /**< the token is not available */
    enum sg_serving serving;        /**< whether it serves rings */
    bool extractable_allowed;
    bool refuse_narrow;
    gid_t group;     /**< that every loaded user is in, besides its own; 0: none */
    bool refuse_pin; /**< a login fails, for its PIN */
    unsigned narrowed, widened, failures, logins;
    uint64_t counted; /**< certificates that the listener saw in the store when it was last asked to
                         widen */
    struct sg_error err;
    json_t *answer; /**< of the last operation that succeeded */
};

extern const struct sg_caller administrator, owner_of_start1, stranger;

/** Group: a token with its process. Test: an empty store with the owners START1 and START2. */
int world_setup_group(void **state);
int world_teardown_group(void **state);
int world_setup(void **state);
int world_teardown(void **state);
/** Kill the token process without mercy. */
void world_kill_token(struct world *world);
/** A fresh token process, logged in. */
void world_start_token(struct world *world);
/** Put the go-between into the link. */
void world_cut_after(struct world *world, unsigned requests, bool does_the_last);
/** Close and open the store. */
void world_reopen(struct world *world);

/** JSON from a text with ' in the place of ". */
json_t *json_of(const char *text);
/** Run an operation ("cert generate"), parameters checked as the daemon checks them. Takes params.
 */
sg_status ask(struct world *world, const char *operation, json_t *params, bool dry_run);
/** It succeeds, and a dry run before it foretold the same and changed nothing. Gives the answer
 * (borrowed). */
json_t *must(struct world *world, const char *operation, const char *params);
json_t *must_json(struct world *world, const char *operation, json_t *params);
/** It fails so, says a sentence, hides the PIN, and leaves store, token and capabilities as they
 * were. */
void refused(struct world *world, const char *operation, const char *params, sg_status status,
             const char *code);
void refused_json(struct world *world, const char *operation, json_t *params, sg_status status,
                  const char *code);

/** What must not change: the store's rows and the token's objects. */
struct snapshot {
    struct sg_store_counts counts;
    uint64_t digest; /**< over everything that the store shows */
    uint64_t private_keys, certificates;
    int64_t profiles; /**< another after each change */
};
struct snapshot snapshot(struct world *world);
void assert_same(const struct snapshot *before, const struct snapshot *after);

/** Text of a key of the last answer. */
const char *answered(const struct world *world, const char *key);
/** Does a list of sentences in the last answer ("did", "warnings") hold one with this in it? */
bool says(const struct world *world, const char *list, const char *part);
#define assert_says(world, list, part) assert_true(says((world), (list), (part)))
/** The error's text or hint holds this. */
#define assert_told(world, part)                                                                   \
    assert_true(strstr((world)->err.text, (part)) != NULL ||                                       \
                strstr((world)->err.hint, (part)) != NULL)
/** A row of the store. End it with sg_certificate_row_done. */
struct sg_certificate_row row_of(struct world *world, const char *owner, const char *label);
bool has_row(struct world *world, const char *owner, const char *label);
struct sg_store_counts counts(struct world *world);
/** The ring's change counter. */
uint64_t sequence_of(struct world *world, const char *owner, const char *ring);

/** Connect a certificate, or say anew how it is connected. */
void connect_as(struct world *world, const char *ring, const char *certificate, const char *usage,
                bool is_default);
/** "label USAGE*|label USAGE|…" of a ring's members in order, * for the default. */
void assert_ring(struct world *world, const char *ring, const char *expected);

/* ---- the world outside: CAs made with OpenSSL ---- */

/** What outside() makes. */
struct recipe {
    const char *name;        /**< common name */
    EVP_PKEY *key;           /**< certified; stays the caller's */
    X509 *issuer;            /**< NULL: self-signed */
    EVP_PKEY *signer;        /**< the issuer's key; NULL: .key */
    int64_t from_s, until_s; /**< 0: valid around NOW */
    bool ca;
    const char *sans; /**< "DNS:a,DNS:b" or NULL */
};
X509 *outside(const struct recipe *recipe);
EVP_PKEY *new_key(void); /**< P-256 */
/** A root and an intermediate. */
struct outside_ca {
    EVP_PKEY *root_key, *int_key;
    X509 *root, *intermediate;
};
/** Ways to be malformed. */
enum malformed {
    EMPTY_ISSUER,
    EMPTY_SUBJECT, /**< and no subjectAltName */
    EXTENSION_TWICE,
    SHORT_ADDRESS, /**< in a critical subjectAltName */
    NO_NAME,       /**< in a critical subjectAltName */
    NO_USAGE,      /**< in a critical keyUsage */
    NO_PURPOSES,   /**< an extendedKeyUsage that is none, critical */
    MALFORMED_COUNT
};
X509 *malformed(enum malformed how, const struct recipe *recipe);
/** A CA of this name, self-signed and malformed so. */
X509 *malformed_ca(enum malformed how, const char *name);
void outside_ca_make(struct outside_ca *ca);
void outside_ca_done(struct outside_ca *ca);
/** The public key of a certificate of the store. */
EVP_PKEY *key_of(struct world *world, const char *owner, const char *label);
/** The CA's certificate for the key of OWNER/LABEL. */
X509 *certify(struct world *world, const struct outside_ca *ca, const char *owner,
              const char *label);

/** Base64 of DER as a JSON string. */
json_t *der_json(const unsigned char *der, int len);
json_t *certificate_json(X509 *certificate);
/** {"target": …, "certificates": […]} of certificates up to NULL. */
json_t *bundle_json(const char *target, ...) __attribute__((sentinel));
/** The certificate in a field of the last answer; the caller's to free. */
X509 *answered_certificate(const struct world *world);
X509_REQ *answered_request(const struct world *world);

#endif
