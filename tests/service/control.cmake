# Parts of control, run directly.
set(unit ${CMAKE_CURRENT_SOURCE_DIR}/../unit)
sg_test(control_grants SOURCES test_control_grants.c grants_token.c ${unit}/store_fixture.c ${unit}/x509_fixture.c
    USES daemon LIBRARIES PkgConfig::CRYPTO PkgConfig::SQLITE PkgConfig::LIBEVENT PkgConfig::JANSSON)
target_include_directories(test_control_grants PRIVATE ${unit}
    ${CMAKE_SOURCE_DIR}/service/daemon ${CMAKE_SOURCE_DIR}/service/token ${CMAKE_SOURCE_DIR}/service/store)
sg_test(control_groups SOURCES test_control_groups.c ${unit}/store_fixture.c
    USES daemon LIBRARIES PkgConfig::SQLITE PkgConfig::LIBEVENT PkgConfig::JANSSON)
target_include_directories(test_control_groups PRIVATE ${unit}
    ${CMAKE_SOURCE_DIR}/service/daemon ${CMAKE_SOURCE_DIR}/service/store)
