#include "scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <signet/base/cleanup.h>

enum { SCRATCH_MAX = 16, PATH_ROOM = 128, DEPTH = 16 };

static char made[SCRATCH_MAX][PATH_ROOM]; /* empty: free */
static pid_t maker;

static void remove_what_is_left(void)
{
    for (size_t i = 0; i < SCRATCH_MAX && getpid() == maker; i++) { /* a fork keeps its hands off */
        if (made[i][0] != '\0') {
            scratch_remove(made[i]);
        }
    }
}

/* The row that holds this path ("": a free one), or NULL. */
static char *row_of(const char *path)
{
    for (size_t i = 0; i < SCRATCH_MAX; i++) {
        if (strcmp(made[i], path) == 0) {
            return made[i];
        }
    }
    return NULL;
}

static void remember(const char *path)
{
    if (maker != getpid()) {
        memset(made, 0, sizeof made);
        maker = getpid();
        (void)atexit(remove_what_is_left);
    }
    char *row = row_of("");
    if (row != NULL) {
        snprintf(row, PATH_ROOM, "%s", path);
    }
}

bool scratch_make(char *path)
{
    if (strlen(path) >= PATH_ROOM || mkdtemp(path) == NULL) {
        return false;
    }
    remember(path);
    return true;
}

static int remove_one(const char *path, const struct stat *info SG_UNUSED, int type SG_UNUSED,
                      struct FTW *walk SG_UNUSED)
{
    return remove(path);
}

void scratch_remove(const char *path)
{
    if (path[0] == '\0') {
        return;
    }
    (void)nftw(path, remove_one, DEPTH, FTW_DEPTH | FTW_PHYS);
    char *row = maker == getpid() ? row_of(path) : NULL;
    if (row != NULL) {
        row[0] = '\0';
    }
}
