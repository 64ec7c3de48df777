foreach(part deck translate date page)
    sg_test(racdcert_${part} SOURCES test_racdcert_${part}.c USES racdcert)
endforeach()
target_compile_definitions(test_racdcert_page PRIVATE RACF_PAGE="${CMAKE_SOURCE_DIR}/docs/racf-compatibility.md")
