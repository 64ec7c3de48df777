foreach(part model name name_filter profile authority crypto_rules certificate_id lifecycle)
    sg_test(policy_${part} SOURCES test_policy_${part}.c USES policy)
endforeach()
sg_test(policy_crypto_policy SOURCES test_policy_crypto_policy.c USES policy)
target_compile_definitions(test_policy_crypto_policy PRIVATE
    SIGNET_POLICY_PAGE="${CMAKE_SOURCE_DIR}/docs/policy.md")
