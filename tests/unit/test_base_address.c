/* Addresses of sockets as p11-kit's client takes them. */
#include "cmocka_all.h"

#include <string.h>

#include <signet/base/address.h>

static void is(const char *path, const char *wanted)
{
    struct sg_address got;
    sg_address_of_socket(path, &got);
    assert_string_equal(got.text, wanted);
}

static void an_ordinary_path_stays_as_it_is(void **state)
{
    (void)state;
    is("/run/signet/pkcs11.sock", "unix:path=/run/signet/pkcs11.sock");
}

static void what_would_end_or_change_an_address_is_encoded(void **state)
{
    (void)state;
    is("/a;b,c/s", "unix:path=/a%3Bb%2Cc/s");
    is("/100%/s", "unix:path=/100%25/s");
    is("/a b/\n", "unix:path=/a%20b/%0A");
    is("/a=b", "unix:path=/a%3Db");
    is("/\xC3\xA9", "unix:path=/%C3%A9");
    is("/it's $HOME", "unix:path=/it%27s%20%24HOME");
}

static void the_longest_path_fits(void **state)
{
    (void)state;
    char path[PATH_MAX];
    memset(path, ' ', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    struct sg_address got;
    sg_address_of_socket(path, &got);
    assert_int_equal(strlen(got.text), strlen("unix:path=") + 3 * (sizeof path - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ordinary_path_stays_as_it_is),
        cmocka_unit_test(what_would_end_or_change_an_address_is_encoded),
        cmocka_unit_test(the_longest_path_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
