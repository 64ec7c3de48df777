# The ring as a token: the view's writer and reader, the stock p11-kit client against a real rings process, and that
# process against clients and a control that misbehave.
pkg_get_variable(SIGNET_P11_MODULES p11-kit-1 p11_module_path)
find_program(SIGNET_PKCS11_TOOL pkcs11-tool)
function(sg_rings_test name)
    sg_test(${name} SOURCES test_${name}.c ${ARGN} USES rings token policy base
        LIBRARIES PkgConfig::CRYPTO PkgConfig::P11KIT ${CMAKE_DL_LIBS})
    target_include_directories(test_${name} PRIVATE
        ${CMAKE_SOURCE_DIR}/service/rings ${CMAKE_SOURCE_DIR}/service/token)
    target_compile_definitions(test_${name} PRIVATE
        P11_KIT_CLIENT="${SIGNET_P11_MODULES}/p11-kit-client.so"
        PKCS11_TOOL="$<$<BOOL:${SIGNET_PKCS11_TOOL}>:${SIGNET_PKCS11_TOOL}>")
endfunction()
sg_rings_test(rings_view rings_material.c)
sg_rings_test(rings rings_material.c rings_token.c rings_fixture.c)
sg_rings_test(rings_process rings_material.c rings_token.c rings_fixture.c)
sg_rings_test(rings_stream)
sg_rings_test(rings_place)
sg_rings_test(rings_relay)
