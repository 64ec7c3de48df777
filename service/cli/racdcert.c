/* racdcert: RACF's command language. */
#include <stdio.h>

#include <curl/curl.h>

#include <signet/cli/racdcert.h>

int main(int argc, char **argv)
{
    if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK) {
        (void)fprintf(stderr, "racdcert: libcurl does not start\n");
        return 12;
    }
    int status = sg_racdcert_main(argc, (const char *const *)argv);
    curl_global_cleanup();
    return status;
}
