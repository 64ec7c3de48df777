sg_fuzz(name_filter SOURCES fuzz_name_filter.c USES policy)
