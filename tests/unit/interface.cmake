sg_test(interface SOURCES test_interface.c USES interface policy)
