# What the listings are made of is for its tests too.
foreach(part listing name)
    sg_test(racdcert_${part} SOURCES test_racdcert_${part}.c USES racdcert)
    target_include_directories(test_racdcert_${part} PRIVATE ${CMAKE_SOURCE_DIR}/service/racdcert)
endforeach()
