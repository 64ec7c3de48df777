sg_test(racdcert_listing SOURCES test_racdcert_listing.c USES racdcert)
