# Real programs, unmodified, against the programs just built. Each script makes an instance of its own; a missing program is a failure.
function(sg_consumer name timeout)
    add_test(NAME consumers.${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/${name}.sh)
    set_tests_properties(consumers.${name} PROPERTIES LABELS consumers TIMEOUT ${timeout} ENVIRONMENT
        "SIGNET_BIN=$<TARGET_FILE:signet>;SIGNETD_BIN=$<TARGET_FILE:signetd>;BENCH_SIGN=$<TARGET_FILE:bench_sign>;BENCH_PROVISION=$<TARGET_FILE:bench_provision>;BENCH_ATTACH=$<TARGET_FILE:bench_attach>")
endfunction()

foreach(name nginx truststores java_pkcs11 pkcs11_tools other_users gnutls openssl bench_programs)
    sg_consumer(${name} 180)
endforeach()
sg_consumer(token_killed 400)
sg_consumer(dev_instances 400)
# These two want the processors for themselves.
set_tests_properties(consumers.token_killed consumers.dev_instances PROPERTIES PROCESSORS 2)
