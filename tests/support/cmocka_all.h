/* cmocka 1.1.5 wants these before it, in this order. */
#ifndef SIGNET_TESTS_CMOCKA_ALL_H
#define SIGNET_TESTS_CMOCKA_ALL_H
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#endif
