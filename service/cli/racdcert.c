/* racdcert: RACF's command language. */
#include <signet/cli/racdcert.h>

int main(int argc, char **argv)
{
    return sg_racdcert_main(argc, (const char *const *)argv);
}
