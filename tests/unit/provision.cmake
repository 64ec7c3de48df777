sg_test(provision_text SOURCES test_provision_text.c USES operations LIBRARIES PkgConfig::JANSSON)
target_include_directories(test_provision_text PRIVATE ${CMAKE_SOURCE_DIR}/service/operations)
