sg_test(config SOURCES test_config.c USES master)
# The table of settings, and the page that must explain each of them.
target_include_directories(test_config PRIVATE ${CMAKE_SOURCE_DIR}/service/daemon)
target_compile_definitions(test_config PRIVATE SIGNET_CONFIGURATION_PAGE="${CMAKE_SOURCE_DIR}/docs/configuration.md")
