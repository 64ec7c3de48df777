/* Runs a fuzz target over files that are kept: each argument is a file or a directory of files. The
 * corpus is an ordinary test that way, under every compiler. Exits 1 when there was nothing to
 * replay: a test that runs no case is no test. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX 33554432 /* 32 MiB; larger files are no fuzz inputs */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long replayed;

static bool replay_stream(FILE *file, const char *path, size_t size)
{
    /* Exactly as large as the input, so that AddressSanitizer sees the first byte read beyond it.
     */
    uint8_t *data = malloc(size == 0 ? 1 : size);
    bool ok = data != NULL && fread(data, 1, size, file) == size;
    if (ok) {
        (void)LLVMFuzzerTestOneInput(data, size);
        replayed++;
    } else {
        (void)fprintf(stderr, "%s: could not be read\n", path);
    }
    free(data);
    return ok;
}

static bool replay_file(const char *path, size_t size)
{
    if (size > INPUT_MAX) {
        (void)fprintf(stderr, "%s: too large\n", path);
        return false;
    }
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    bool ok = replay_stream(file, path, size);
    (void)fclose(file);
    return ok;
}

static bool replay_folder(const char *path)
{
    struct dirent **names = NULL;
    int count = scandir(path, &names, NULL, alphasort);
    bool ok = count >= 0;
    for (int i = 0; i < count; i++) {
        char file[4096];
        struct stat info;
        int len = snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
        if (len > 0 && (size_t)len < sizeof(file) && stat(file, &info) == 0 &&
            S_ISREG(info.st_mode)) {
            ok = replay_file(file, (size_t)info.st_size) && ok;
        }
        free(names[i]);
    }
    free(names);
    return ok;
}

static bool replay(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    return S_ISDIR(info.st_mode) ? replay_folder(path) : replay_file(path, (size_t)info.st_size);
}

int main(int argc, char **argv)
{
    bool ok = true;
    for (int i = 1; i < argc; i++) {
        ok = replay(argv[i]) && ok;
    }
    (void)printf("%lu inputs replayed\n", replayed);
    return ok && replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
