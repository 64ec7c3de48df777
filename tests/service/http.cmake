sg_test(http SOURCES test_http.c http_fixture.c USES http)
sg_test(http_limits SOURCES test_http_limits.c http_fixture.c USES http)
sg_test(http_params SOURCES test_http_params.c USES http)
sg_test(http_queue SOURCES test_http_queue.c http_fixture.c USES http)
