# Operations run directly, against a real store and a real token process.
function(sg_operations_test name)
    sg_test(operations_${name} SOURCES test_operations_${name}.c operations_fixture.c operations_outside.c
            ${CMAKE_CURRENT_SOURCE_DIR}/../support/softhsm_fixture.c ${ARGN}
        USES operations http token_process store
        LIBRARIES PkgConfig::CRYPTO PkgConfig::JANSSON)
endfunction()
sg_operations_test(generate)
sg_operations_test(add)
sg_operations_test(crash)
sg_operations_test(rollover)
sg_operations_test(request)
sg_operations_test(map)
sg_operations_test(served_token)
sg_operations_test(ring)
sg_operations_test(identity)
sg_operations_test(answers)
sg_operations_test(listing)
target_link_libraries(test_operations_listing PRIVATE sg_racdcert)
sg_operations_test(profiles)
sg_operations_test(authority)
target_compile_definitions(test_operations_authority PRIVATE
    AUTHORITY_GOLDEN="${CMAKE_CURRENT_SOURCE_DIR}/authority.golden")
sg_operations_test(policy)
sg_operations_test(check)
sg_operations_test(file)
sg_operations_test(view)
target_link_libraries(test_operations_view PRIVATE PkgConfig::P11KIT)
target_include_directories(test_operations_view PRIVATE ${CMAKE_SOURCE_DIR}/service/rings)
