foreach(part model name authority crypto_rules certificate_id)
    sg_test(policy_${part} SOURCES test_policy_${part}.c USES policy)
endforeach()
