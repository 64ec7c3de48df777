# The gate over the whole table of operations.
sg_test(authority_table SOURCES test_authority_table.c USES operations LIBRARIES PkgConfig::JANSSON)
target_include_directories(test_authority_table PRIVATE ${CMAKE_SOURCE_DIR}/service/operations)
target_compile_definitions(test_authority_table PRIVATE GOLDEN="${CMAKE_CURRENT_SOURCE_DIR}/golden/authority.txt")
