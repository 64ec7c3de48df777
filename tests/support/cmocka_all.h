/* cmocka 1.1.5 wants these before it, in this order. */
#ifndef SIGNET_TESTS_CMOCKA_ALL_H
#define SIGNET_TESTS_CMOCKA_ALL_H
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
/* clang-format on */

/* That a test does not go on behind a failure is said by no attribute of cmocka's. */
#undef fail
#define fail()                                                                                     \
    do {                                                                                           \
        _fail(__FILE__, __LINE__);                                                                 \
        abort();                                                                                   \
    } while (0)
#endif
