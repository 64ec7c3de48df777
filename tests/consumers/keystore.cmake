sg_test(keystore_consumers
    SOURCES test_keystore_consumers.c ../unit/x509_fixture.c
    USES keystore
    LIBRARIES PkgConfig::CRYPTO
    TIMEOUT 300)
set_tests_properties(consumers.keystore_consumers PROPERTIES COST 80)
target_include_directories(test_keystore_consumers PRIVATE ../unit)
target_compile_definitions(test_keystore_consumers PRIVATE
    TRUSTSTORE_JAVA="${CMAKE_CURRENT_LIST_DIR}/Truststore.java")
