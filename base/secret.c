#include <signet/base/secret.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signet/base/file.h>

struct sg_secret {
    size_t len;
    char data[SG_SECRET_MAX + 1];
};

sg_status sg_secret_new(struct sg_secret **out, struct sg_error *err)
{
    void *page = mmap(NULL, sizeof(struct sg_secret), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return sg_fail_memory(err);
    }
    if (mlock(page, sizeof(struct sg_secret)) != 0) {
        sg_fail_errno(err, SG_E_NO_MEMORY, "cannot_lock_memory", "cannot lock memory for a secret");
        sg_hint(err, "Raise the limit on locked memory (ulimit -l, LimitMEMLOCK=).");
        munmap(page, sizeof(struct sg_secret));
        return SG_E_NO_MEMORY;
    }
    (void)madvise(page, sizeof(struct sg_secret), MADV_DONTDUMP);
    *out = page;
    return SG_OK;
}

void sg_secret_free(struct sg_secret *secret)
{
    if (secret != NULL) {
        explicit_bzero(secret, sizeof *secret);
        munmap(secret, sizeof *secret);
    }
}

char *sg_secret_data(struct sg_secret *secret)
{
    return secret->data;
}

size_t sg_secret_len(const struct sg_secret *secret)
{
    return secret->len;
}

sg_status sg_secret_set(struct sg_secret *secret, const void *data, size_t len,
                        struct sg_error *err)
{
    if (len > SG_SECRET_MAX) {
        return sg_fail(err, SG_E_LIMIT, "secret_too_long", "a secret of %zu bytes is too long",
                       len);
    }
    memcpy(secret->data, data, len);
    secret->data[len] = '\0';
    secret->len = len;
    return SG_OK;
}

/* Cut at the first line end; returns false when there is none and the buffer is full. */
static bool first_line(struct sg_secret *secret)
{
    size_t len = strcspn(secret->data, "\r\n"); /* ends at a NUL too */
    bool nul = len < secret->len && secret->data[len] == '\0';
    bool whole = !nul && (len < secret->len || secret->len < SG_SECRET_MAX);
    explicit_bzero(secret->data + len, sizeof secret->data - len);
    secret->len = len;
    return whole;
}

sg_status sg_secret_read_fd(int fd, const char *what, struct sg_secret **out, struct sg_error *err)
{
    SG_SECRET struct sg_secret *secret = NULL;
    sg_status s = sg_secret_new(&secret, err);
    if (s != SG_OK) {
        return s;
    }
    while (secret->len < SG_SECRET_MAX) {
        ssize_t got = read(fd, secret->data + secret->len, SG_SECRET_MAX - secret->len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return sg_fail_errno(err, SG_E_STORAGE, "cannot_read", "cannot read the %s", what);
        }
        if (got == 0) {
            break;
        }
        secret->len += (size_t)got;
    }
    if (!first_line(secret) || secret->len == 0) {
        return sg_fail(err, SG_E_INPUT, "bad_secret",
                       "the %s must hold 1 to %d bytes, none of them NUL, on its first line", what,
                       SG_SECRET_MAX - 1);
    }
    *out = SG_STEAL(secret);
    return SG_OK;
}

sg_status sg_secret_read_file(const char *path, const char *what, struct sg_secret **out,
                              struct sg_error *err)
{
    SG_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        return sg_fail_errno(err, SG_E_STORAGE, "cannot_read", "cannot open the %s %s", what, path);
    }
    if (S_ISREG(info.st_mode) && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        sg_fail(err, SG_E_INPUT, "secret_exposed", "the %s %s may be read by others (mode %03o)",
                what, path, (unsigned)(info.st_mode & 0777));
        return sg_hint(err, "chmod 600 %s", path);
    }
    return sg_secret_read_fd(fd, what, out, err);
}

sg_status sg_secret_random(size_t len, struct sg_secret **out, struct sg_error *err)
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    SG_SECRET struct sg_secret *secret = NULL;
    sg_status s = sg_secret_new(&secret, err);
    if (s != SG_OK) {
        return s;
    }
    while (secret->len < len && secret->len < SG_SECRET_MAX) {
        unsigned char byte = 0;
        if (getrandom(&byte, 1, 0) != 1) {
            return sg_fail_errno(err, SG_E_INTERNAL, "no_random", "no random numbers");
        }
        if (byte < 248) { /* 4 * 62: every letter equally often */
            secret->data[secret->len++] = letters[byte % 62];
        }
    }
    *out = SG_STEAL(secret);
    return SG_OK;
}
