add_executable(conformance conformance.c)
target_link_libraries(conformance PRIVATE sg_flags sg_base PkgConfig::P11KIT ${CMAKE_DL_LIBS})
add_test(NAME consumers.conformance COMMAND ${CMAKE_CURRENT_LIST_DIR}/conformance.sh)
math(EXPR timeout "180 * ${SG_TEST_PATIENCE}")
set_tests_properties(consumers.conformance PROPERTIES LABELS consumers TIMEOUT ${timeout} ENVIRONMENT
    "SIGNET_PATIENCE=${SG_TEST_PATIENCE};SIGNET_BIN=$<TARGET_FILE:signet>;SIGNETD_BIN=$<TARGET_FILE:signetd>;CONFORMANCE=$<TARGET_FILE:conformance>")
