# The store's own header is for its tests too: they look at query plans and limit the file's size.
foreach(part open copy owner certificate ring rollover key_use map profiles journal hint plan crash)
    sg_test(store_${part} SOURCES test_store_${part}.c store_fixture.c USES store LIBRARIES PkgConfig::SQLITE)
    target_include_directories(test_store_${part} PRIVATE ${CMAKE_SOURCE_DIR}/service/store)
endforeach()
