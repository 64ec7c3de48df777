sg_fuzz(config SOURCES fuzz_config.c USES master)
