foreach(part deck translate date)
    sg_test(racdcert_${part} SOURCES test_racdcert_${part}.c USES racdcert)
endforeach()
