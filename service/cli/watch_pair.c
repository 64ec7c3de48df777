/* A program's chain and key as one thing. The file that it includes names a chain that never
 * changes and the key, so that one rename switches both; chains that it no longer names go later,
 * since a server may just be reading the lines that name them. */
#include "watch_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include <signet/base/file.h>
#include <signet/base/hex.h>

#define DIGITS 16  /* behind the chain's name and a dot */
#define GRACE_S 60 /* that a chain stays after it was named last */
#define CROWD 32   /* chains; when there are more, they stay as long as CROWD_S */
#define CROWD_S 1
#define PLAIN_MS 1000 /* that the chain's own name stays when the lines have named it until now */
#define TEXT_MAX 65536u

/* Where the bytes of both are, as whole paths. */
struct place {
    char *chain, *pair;
};

static void place_done(struct place *place)
{
    free(place->chain);
    free(place->pair);
}
#define PLACE SG_CLEANUP(place_done) struct place

/* ---- paths ---- */

/* From wherever the server reads it. */
static sg_status whole(char **path, struct sg_error *err)
{
    char here[PATH_MAX];
    char *out = NULL;
    if (**path == '/') {
        return SG_OK;
    }
    if (getcwd(here, sizeof here) == NULL) {
        return sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "%s is nowhere", *path);
    }
    if (asprintf(&out, "%s/%s", here, *path) < 0) {
        return sg_fail_memory(err);
    }
    free(*path);
    *path = out;
    return SG_OK;
}

/* What means something else between the double quotes of a configuration or a shell. */
sg_status sg_watch_check_quotable(const char *path, struct sg_error *err)
{
    for (const char *c = path; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte < ' ' || byte == 0x7F || strchr("\"\\$`", *c) != NULL) {
            sg_fail(err, SG_E_USAGE, "bad_usage", "the file of --pair cannot name %s",
                    sg_excerpt(path).text);
            return sg_hint(err, "--chain FILE: another path, without quotation marks, backslashes, "
                                "dollar signs, backquotes and control characters.");
        }
    }
    return SG_OK;
}

static sg_status find_place(const struct sg_watch_files *files, struct place *place,
                            struct sg_error *err)
{
    sg_status s = sg_watch_follow(files->file[SG_WATCH_CHAIN].path, &place->chain, err);
    s = s == SG_OK ? sg_watch_follow(files->file[SG_WATCH_PAIR].path, &place->pair, err) : s;
    s = s == SG_OK ? whole(&place->chain, err) : s;
    s = s == SG_OK ? whole(&place->pair, err) : s;
    return s == SG_OK ? sg_watch_check_quotable(place->chain, err) : s;
}

/* ---- names ---- */

/* Of what a chain holds, and of the pair that it is for: two watches that share a chain's name do
 * not take each other's. */
static bool digits_of(const char *pair, const struct sg_buffer *content, char out[DIGITS + 1])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned len = 0;
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool made = hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(hash, pair, strlen(pair) + 1) == 1 &&
                EVP_DigestUpdate(hash, content->data, content->len) == 1 &&
                EVP_DigestFinal_ex(hash, digest, &len) == 1;
    EVP_MD_CTX_free(hash);
    if (made) {
        sg_hex_encode(digest, len, hex);
        snprintf(out, DIGITS + 1, "%.*s", DIGITS, hex);
    }
    return made;
}

static sg_status name_chain(const struct place *place, const struct sg_buffer *content, char **out,
                            struct sg_error *err)
{
    char digits[DIGITS + 1];
    if (!digits_of(place->pair, content, digits) ||
        asprintf(out, "%s.%s", place->chain, digits) < 0) {
        *out = NULL;
        return sg_fail_memory(err);
    }
    return SG_OK;
}

/* The digits behind "CHAIN.", or NULL. */
static const char *digits_behind(const char *name, const char *chain)
{
    size_t len = strlen(chain);
    bool is_one = strncmp(name, chain, len) == 0 && name[len] == '.' &&
                  strspn(name + len + 1, "0123456789abcdef") == DIGITS;
    return is_one ? name + len + 1 : NULL;
}

enum naming { NO_CHAIN, PLAIN_CHAIN, OWN_CHAIN };

/* What the pair's file names now: OWN_CHAIN with its digits; PLAIN_CHAIN as "provision" prints it.
 */
static enum naming named_now(const struct place *place, char out[DIGITS + 1])
{
    SG_BUFFER text;
    struct sg_error ignored = SG_ERROR_INIT;
    const char *digits = NULL;
    sg_buffer_init(&text, TEXT_MAX);
    if (sg_watch_read(place->pair, &text, &ignored) != SG_OK || text.len == 0) {
        return NO_CHAIN;
    }
    const char *first = strstr((const char *)text.data, place->chain);
    for (const char *at = first; at != NULL && digits == NULL; at = strstr(at + 1, place->chain)) {
        digits = digits_behind(at, place->chain);
    }
    if (digits != NULL) {
        snprintf(out, DIGITS + 1, "%.*s", DIGITS, digits);
        return OWN_CHAIN;
    }
    return first != NULL ? PLAIN_CHAIN : NO_CHAIN;
}

/* ---- chains that are there ---- */

/* A regular file of ours that holds what its name says. *named: when a pair named it last. */
static bool is_ours(int directory, const char *name, const struct place *place, const char *digits,
                    struct timespec *named)
{
    SG_BUFFER content;
    struct stat info;
    struct sg_error ignored = SG_ERROR_INIT;
    char made[DIGITS + 1];
    sg_buffer_init(&content, SG_WATCH_FILE_MAX);
    SG_FD int fd =
        openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != geteuid() ||
        sg_fd_read_all(fd, name, &content, &ignored) != SG_OK ||
        !digits_of(place->pair, &content, made)) {
        return false;
    }
    *named = info.st_mtim;
    return strncmp(made, digits, DIGITS) == 0;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* The chains beside the one that is named now. */
struct others {
    const struct place *place;
    const char *base; /* last part of the chain's path */
    char current[DIGITS + 1];
    int directory;
    unsigned count;
    struct timespec latest; /* when the one that was named before was named last */
};

static void count_other(struct others *others, const char *name, const struct timespec *named)
{
    (void)name;
    others->count++;
    if (is_later(named, &others->latest)) {
        others->latest = *named;
    }
}

/* A clock that was put back does not keep a chain for ever. */
static bool is_old(const struct others *others, const struct timespec *named)
{
    time_t grace = others->count > CROWD ? CROWD_S : GRACE_S;
    time_t age = time(NULL) - named->tv_sec;
    return age >= grace || age <= -GRACE_S;
}

static void remove_other(struct others *others, const char *name, const struct timespec *named)
{
    bool gone = is_later(&others->latest, named) && is_old(others, named) &&
                unlinkat(others->directory, name, 0) == 0;
    others->count -= gone ? 1 : 0;
}

static void each_other(struct others *others, void (*visit)(struct others *others, const char *name,
                                                            const struct timespec *named))
{
    int copy = openat(others->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry = NULL;
    if (entries == NULL) {
        sg_fd_closep(&copy);
        return;
    }
    while ((entry = readdir(entries)) != NULL) {
        struct timespec named;
        const char *digits = digits_behind(entry->d_name, others->base);
        if (digits != NULL && digits[DIGITS] == '\0' && strcmp(digits, others->current) != 0 &&
            is_ours(others->directory, entry->d_name, others->place, digits, &named)) {
            visit(others, entry->d_name, &named);
        }
    }
    closedir(entries);
}

static int directory_of(const char *path, const char **base)
{
    const char *slash = strrchr(path, '/');
    SG_FREE char *directory = strndup(path, (size_t)(slash - path) + 1);
    *base = slash + 1;
    return directory != NULL ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

/* What cannot be removed now is left until the next change. */
static bool tidy(const struct place *place)
{
    struct others others = {.place = place};
    SG_FD int directory = directory_of(place->chain, &others.base);
    if (directory < 0 || named_now(place, others.current) != OWN_CHAIN) {
        return true;
    }
    others.directory = directory;
    each_other(&others, count_other);
    each_other(&others, remove_other);
    return others.count <= 1;
}

void sg_watch_tidy(struct sg_watch_files *files)
{
    PLACE place = {0};
    struct sg_error ignored = SG_ERROR_INIT;
    if (files->untidy && find_place(files, &place, &ignored) == SG_OK) {
        files->untidy = !tidy(&place);
    }
}

/* The one that is named until the next rename is not named from then on. */
static void mark_named(const struct place *place, const char *next)
{
    char current[DIGITS + 1];
    struct timespec ignored;
    const char *base = NULL;
    SG_FREE char *name = NULL;
    SG_FD int directory = directory_of(place->chain, &base);
    if (directory < 0 || named_now(place, current) != OWN_CHAIN ||
        strcmp(current, digits_behind(next, place->chain)) == 0 ||
        asprintf(&name, "%s.%s", base, current) < 0) {
        return;
    }
    if (is_ours(directory, name, place, current, &ignored)) {
        (void)utimensat(directory, name, NULL, AT_SYMLINK_NOFOLLOW);
    }
}

/* ---- the pair ---- */

/* The lines as "provision" prints them, with another name for the chain. */
static sg_status write_lines(const struct sg_watch_files *files, const char *chain,
                             struct sg_buffer *out, struct sg_error *err)
{
    const char *text = (const char *)files->file[SG_WATCH_PAIR].content.data;
    sg_status s = SG_OK;
    const char *at = NULL;
    while (s == SG_OK && (at = strstr(text, files->named)) != NULL) {
        s = sg_buffer_append(out, text, (size_t)(at - text), err);
        s = s == SG_OK ? sg_buffer_append(out, chain, strlen(chain), err) : s;
        text = at + strlen(files->named);
    }
    return s == SG_OK ? sg_buffer_append(out, text, strlen(text), err) : s;
}

/* A server that has just read lines with the chain's own name finds it as it was. */
static sg_status put_lines(const struct place *place, const char *chain,
                           const struct sg_buffer *lines, bool *changed, struct sg_error *err)
{
    char current[DIGITS + 1];
    bool renamed = false, plain = named_now(place, current) == PLAIN_CHAIN;
    mark_named(place, chain);
    sg_status s = sg_watch_put_file(place->pair, NULL, lines, &renamed, err);
    *changed = *changed || renamed;
    if (renamed && plain) {
        sg_watch_sleep(PLAIN_MS);
    }
    return s;
}

sg_status sg_watch_put_pair(struct sg_watch_files *files, bool *changed, struct sg_error *err)
{
    PLACE place = {0};
    SG_FREE char *chain = NULL;
    SG_BUFFER lines;
    bool ignored = false;
    const struct sg_buffer *content = &files->file[SG_WATCH_CHAIN].content;
    sg_buffer_init(&lines, TEXT_MAX);
    sg_status s = find_place(files, &place, err);
    s = s == SG_OK ? name_chain(&place, content, &chain, err) : s;
    s = s == SG_OK ? write_lines(files, chain, &lines, err) : s;
    s = s == SG_OK ? sg_watch_put_file(chain, place.chain, content, &ignored, err) : s;
    s = s == SG_OK ? put_lines(&place, chain, &lines, changed, err) : s;
    if (s == SG_OK) {
        files->untidy = !tidy(&place);
    }
    return s;
}
