foreach(part error buffer secret hex packet file schedule shell log address stranger)
    sg_test(base_${part} SOURCES test_base_${part}.c USES base)
endforeach()
