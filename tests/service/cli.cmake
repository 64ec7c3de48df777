sg_test(cli_arguments SOURCES test_cli_arguments.c USES cli)
sg_test(cli_help SOURCES test_cli_help.c USES cli)
sg_test(cli_output SOURCES test_cli_output.c USES cli)
sg_test(cli_http SOURCES test_cli_http.c USES cli)
target_include_directories(test_cli_http PRIVATE ${CMAKE_SOURCE_DIR}/service/cli)
sg_test(cli_files SOURCES test_cli_files.c cli_support.c USES cli)
sg_test(cli_kept SOURCES test_cli_kept.c USES cli)

# These run the command itself; those of the fake service need nothing else, those of dev the whole build.
sg_test(cli_command SOURCES test_cli_command.c cli_support.c USES cli LIBRARIES PkgConfig::CRYPTO)
target_compile_definitions(test_cli_command PRIVATE SIGNET_COMMAND="$<TARGET_FILE:signet>")
add_dependencies(test_cli_command signet)
if(TARGET signetd)
    sg_test(dev SOURCES test_dev.c cli_support.c USES cli TIMEOUT 300)
    target_compile_definitions(test_dev PRIVATE SIGNET_COMMAND="$<TARGET_FILE:signet>" FAULT_AT="$<TARGET_FILE:fault_at>")
    add_dependencies(test_dev signet signetd fault_at)
endif()

# The committed list of operations is what the command prints.
add_test(NAME service.operations_document COMMAND ${CMAKE_COMMAND} -DSIGNET=$<TARGET_FILE:signet>
    -DDOCUMENT=${CMAKE_SOURCE_DIR}/docs/operations.md -P ${CMAKE_CURRENT_SOURCE_DIR}/compare_document.cmake.inc)
set_tests_properties(service.operations_document PROPERTIES TIMEOUT 60 LABELS service)
