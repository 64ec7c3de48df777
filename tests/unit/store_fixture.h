/* A store in a directory of its own, and rows to put into it. */
#ifndef SIGNET_TESTS_STORE_FIXTURE_H
#define SIGNET_TESTS_STORE_FIXTURE_H

#include "cmocka_all.h"

#include <signet/store/store.h>

struct fixture {
    char directory[64];
    char path[96];
    struct sg_store *store;
    struct sg_error err;
};

/** A fresh directory without a store in it. */
int fixture_directory(void **state);
/** A fresh store with the owners START1 and START2. */
int fixture_store(void **state);
int fixture_gone(void **state);
/** Close the store and open it again. */
void fixture_reopen(struct fixture *fixture);

/** The call succeeds; otherwise the error's text is shown. */
#define assert_ok(fixture, call) assert_ok_at((fixture), (call), __FILE__, __LINE__)
void assert_ok_at(const struct fixture *fixture, sg_status s, const char *file, int line);
/** The call fails so. */
#define assert_fails(fixture, call, expected, wanted)                                              \
    do {                                                                                           \
        assert_int_equal((call), (expected));                                                      \
        assert_int_equal((fixture)->err.status, (expected));                                       \
        assert_string_equal((fixture)->err.code, (wanted));                                        \
    } while (0)
/** text holds part. */
#define assert_has(text, part) assert_non_null(strstr((text), (part)))

/** A keyless certificate; serial and DER follow from number. End it with sg_certificate_row_done.
 */
struct sg_certificate_row row_of(const char *owner, const char *label, unsigned number);
/** The same with a key whose bytes follow from key. */
struct sg_certificate_row keyed_row_of(const char *owner, const char *label, unsigned number,
                                       unsigned char key);
struct sg_certificate_name name_of(const char *owner, const char *label);
struct sg_ring_ref ring_of(const char *owner, const char *ring);
/** Add one and give its number. */
int64_t add_certificate(struct fixture *fixture, const char *owner, const char *label,
                        unsigned number);
int64_t add_keyed(struct fixture *fixture, const char *owner, const char *label, unsigned number,
                  unsigned char key);
int64_t add_ring(struct fixture *fixture, const char *owner, const char *ring);

/** Run a statement past the store, on its own connection; gives SQLite's extended code. */
int run_sql(struct fixture *fixture, const char *sql);
/** The first column of the first row. */
int64_t number_of_sql(struct fixture *fixture, const char *sql);

#endif
