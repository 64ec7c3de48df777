sg_test(x509_request SOURCES test_x509_request.c x509_fixture.c USES x509 LIBRARIES PkgConfig::CRYPTO)
sg_test(x509_build SOURCES test_x509_build.c x509_fixture.c USES x509 LIBRARIES PkgConfig::CRYPTO)
sg_test(x509_parse SOURCES test_x509_parse.c x509_fixture.c USES x509 LIBRARIES PkgConfig::CRYPTO)
sg_test(x509_chain SOURCES test_x509_chain.c x509_fixture.c USES x509 LIBRARIES PkgConfig::CRYPTO)
