sg_test(view_share SOURCES test_view_share.c USES operations LIBRARIES PkgConfig::JANSSON)
target_include_directories(test_view_share PRIVATE ${CMAKE_SOURCE_DIR}/service/operations)
