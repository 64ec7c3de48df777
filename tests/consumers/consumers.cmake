# Real programs, unmodified, against the programs just built. Each script makes an instance of its own; a missing program is a failure.
# sg_consumer(NAME TIMEOUT [SCRIPT ARGUMENTS…]); what is labelled "full" is left to scripts/test --full.
function(sg_consumer name timeout)
    math(EXPR timeout "${timeout} * ${SG_TEST_PATIENCE}")
    set(command ${name}.sh)
    if(ARGN)
        set(command ${ARGN})
    endif()
    add_test(NAME consumers.${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/${command})
    set_tests_properties(consumers.${name} PROPERTIES LABELS consumers TIMEOUT ${timeout} ENVIRONMENT
        "SIGNET_PATIENCE=${SG_TEST_PATIENCE};SIGNET_BIN=$<TARGET_FILE:signet>;SIGNETD_BIN=$<TARGET_FILE:signetd>;RACDCERT_BIN=$<TARGET_FILE:racdcert>;BENCH_SIGN=$<TARGET_FILE:bench_sign>;BENCH_PROVISION=$<TARGET_FILE:bench_provision>;BENCH_ATTACH=$<TARGET_FILE:bench_attach>")
endfunction()

foreach(name nginx apache haproxy stunnel openssl gnutls nss postgresql openssh p11_kit jetty java_tls java_pkcs11
        pkcs11_tools truststores provision_texts labels other_users attach attach_ssh bench_programs restart restart_others)
    sg_consumer(${name} 180)
endforeach()
sg_consumer(rollover 600) # ten connections to each of three servers, at each of ten stages
sg_consumer(rollover_reload 300)
sg_consumer(decks_text 200 decks.sh text)
sg_consumer(decks_json 400 decks.sh json) # each command by itself, twice
sg_consumer(tomcat_quick 180 tomcat.sh quick)
sg_consumer(tomcat 300)
set_tests_properties(consumers.tomcat PROPERTIES LABELS "consumers;full")
sg_consumer(token_killed 400)
sg_consumer(dev_instances 400)
# These two want the processors for themselves.
set_tests_properties(consumers.token_killed consumers.dev_instances PROPERTIES PROCESSORS 2)
# The longest first, so that none is alone at the end.
set_tests_properties(consumers.rollover consumers.token_killed consumers.dev_instances consumers.decks_json PROPERTIES COST 100)
set_tests_properties(consumers.truststores consumers.rollover_reload consumers.restart consumers.restart_others consumers.java_tls PROPERTIES COST 60)
set_tests_properties(consumers.decks_text consumers.java_pkcs11 consumers.jetty consumers.tomcat_quick PROPERTIES COST 40)
# docs/consumers.md has a row for each of them.
add_test(NAME consumers.document COMMAND ${CMAKE_SOURCE_DIR}/scripts/consumers --check)
set_tests_properties(consumers.document PROPERTIES LABELS consumers)
