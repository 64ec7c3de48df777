#include "patience.h"

#include <stdlib.h>

#define PATIENCE_MAX 100

int patiently(int limit)
{
    const char *text = getenv("SIGNET_PATIENCE");
    long times = text != NULL ? strtol(text, NULL, 10) : 1;
    return limit * (int)(times < 1 ? 1 : times > PATIENCE_MAX ? PATIENCE_MAX : times);
}
