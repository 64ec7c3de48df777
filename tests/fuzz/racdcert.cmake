sg_fuzz(racdcert_deck SOURCES fuzz_racdcert_deck.c USES racdcert)
