sg_fuzz(certificates SOURCES fuzz_certificates.c USES keystore)
sg_fuzz(csr SOURCES fuzz_csr.c USES keystore)
sg_fuzz(x509_request SOURCES fuzz_x509_request.c USES x509)
sg_fuzz(pkcs12 SOURCES fuzz_pkcs12.c USES keystore)
