# The whole service: real processes, real SoftHSM, the real commands; each test with an instance of its own.
if(TARGET signetd)
    add_executable(daemon_client daemon_client.c)
    target_link_libraries(daemon_client PRIVATE sg_flags sg_base PkgConfig::P11KIT ${CMAKE_DL_LIBS})
    function(sg_daemon_test name timeout)
        add_test(NAME service.daemon_${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/test_daemon_${name}.sh)
        set_tests_properties(service.daemon_${name} PROPERTIES LABELS service TIMEOUT ${timeout} ENVIRONMENT
            "SIGNET_BIN=$<TARGET_FILE:signet>;SIGNETD_BIN=$<TARGET_FILE:signetd>;DAEMON_CLIENT=$<TARGET_FILE:daemon_client>")
    endfunction()
    foreach(name deck crowd pin token disk kill revoke race input users served config policy wait watch rollover uses frozen)
        sg_daemon_test(${name} 180)
    endforeach()
    sg_daemon_test(instances 300)
    sg_daemon_test(module 300)
    set_property(TEST service.daemon_module APPEND PROPERTY ENVIRONMENT "WRAP_MODULE=$<TARGET_FILE:wrap_module>")
    sg_daemon_test(carry 180)
    sg_daemon_test(storm 300)
    set_tests_properties(service.daemon_storm PROPERTIES PROCESSORS 4) # it measures, and wants them for itself
endif()
