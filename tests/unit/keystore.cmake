sg_test(keystore_read SOURCES test_keystore_read.c x509_fixture.c USES keystore LIBRARIES PkgConfig::CRYPTO)
sg_test(keystore_write SOURCES test_keystore_write.c x509_fixture.c USES keystore LIBRARIES PkgConfig::CRYPTO)
sg_test(keystore_pkcs12 SOURCES test_keystore_pkcs12.c x509_fixture.c USES keystore LIBRARIES PkgConfig::CRYPTO)
