/* Aimed at: the ring's PKCS#11 module behind p11-kit's RPC server, as a hostile client would drive
 * it. The input is messages, each behind its length (two bytes, lowest first), as long as it can
 * be; the transport's own frame around them is ours. Tokens are played here: sg_channel_ask and
 * sg_token_use are wrapped by the linker. With the first capability on each token the view
 * changes, under all that the client holds. */
#define P11_KIT_FUTURE_UNSTABLE_API
#include <p11-kit/p11-kit.h>
#include <p11-kit/remote.h>

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/base/log.h>
#include <signet/rings/view.h>

#include "module_internal.h"

#define RING_BOTH 7
#define RING_RSA 9
#define CERTIFICATE_MAX 4096
#define VIEWS 2
#define MEMORY_MAX ((rlim_t)256 << 20) /* bytes; the default of connection_memory_max */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);
sg_status __wrap_sg_channel_ask(struct sg_connection *connection, enum sg_rings_kind kind,
                                uint32_t token, int *out_fd, struct sg_error *err);
sg_status __wrap_sg_token_use(struct sg_token_link *link, enum sg_key_verb verb,
                              const struct sg_key_id *key, const struct sg_mechanism *mechanism,
                              struct sg_bytes data, unsigned char *out, size_t *out_len,
                              struct sg_error *err);

enum member { MEMBER_RSA, MEMBER_EC, MEMBERS };

static int views[VIEWS]; /* memfds */
static struct sg_generation_page page;

static void require(bool invariant)
{
    if (!invariant) {
        abort();
    }
}

/* p11-kit allocates, and fills, what a message asks for: a connection process has a limit. */
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1:max_allocation_size_mb=64";
}

static void limit_memory(void)
{
#ifndef SIGNET_SANITIZED /* whose shadow needs more */
    const struct rlimit limit = {MEMORY_MAX, MEMORY_MAX};
    require(setrlimit(RLIMIT_AS, &limit) == 0);
#endif
}

/* ---- what the module asks for ---- */

sg_status __wrap_sg_channel_ask(struct sg_connection *connection, enum sg_rings_kind kind,
                                uint32_t token, int *out_fd, struct sg_error *err)
{
    (void)connection;
    (void)err;
    require(kind == SG_RINGS_VIEW || (kind == SG_RINGS_GRANT && token < SG_TOKENS_MAX));
    if (kind == SG_RINGS_GRANT && atomic_load(&page.generation) < VIEWS) {
        (void)atomic_fetch_add(&page.generation, 1);
    }
    *out_fd = fcntl(views[atomic_load(&page.generation) - 1], F_DUPFD_CLOEXEC, 3);
    require(*out_fd >= 0);
    return SG_OK;
}

static bool is_ec(const struct sg_mechanism *mechanism)
{
    return mechanism->kind == SG_MECHANISM_ECDSA;
}

sg_status __wrap_sg_token_use(struct sg_token_link *link, enum sg_key_verb verb,
                              const struct sg_key_id *key, const struct sg_mechanism *mechanism,
                              struct sg_bytes data, unsigned char *out, size_t *out_len,
                              struct sg_error *err)
{
    (void)link;
    (void)err;
    size_t len = verb == SG_VERB_SIGN && !is_ec(mechanism) ? 256 : 64;
    unsigned sum = key->bytes[0];
    for (size_t i = 0; i < data.len; i++) {
        sum += data.data[i];
    }
    require(*out_len >= len);
    memset(out, (int)(sum & 0xffu), len);
    *out_len = len;
    return SG_OK;
}

/* ---- two views ---- */

static size_t read_certificate(const char *name, unsigned char der[CERTIFICATE_MAX])
{
    char path[4096];
    require(snprintf(path, sizeof path, "%s/%s.der", FUZZ_MATERIAL, name) < (int)sizeof path);
    FILE *file = fopen(path, "rbe");
    require(file != NULL);
    size_t len = fread(der, 1, CERTIFICATE_MAX, file);
    require(len > 0 && len < CERTIFICATE_MAX);
    (void)fclose(file);
    return len;
}

static void add(struct sg_view_writer *writer, enum member which)
{
    static const char *const names[MEMBERS] = {"rsa", "ec"};
    struct sg_error err = SG_ERROR_INIT;
    unsigned char der[CERTIFICATE_MAX];
    struct sg_view_member member = {.der = {der, read_certificate(names[which], der)},
                                    .label = names[which],
                                    .usage = SG_USAGE_PERSONAL,
                                    .is_default = which == MEMBER_RSA,
                                    .key_usable = true,
                                    .token = which,
                                    .may_decrypt = which == MEMBER_RSA,
                                    .may_derive = which == MEMBER_EC};
    memset(member.key.bytes, 'a' + (int)which, sizeof member.key.bytes);
    require(sg_view_add_member(writer, &member, &err) == SG_OK);
}

static void add_ring(struct sg_view_writer *writer, uint64_t number)
{
    struct sg_error err = SG_ERROR_INIT;
    char label[33];
    (void)snprintf(label, sizeof label, "START1/RING%-21u", (unsigned)number);
    require(sg_view_add_slot(writer, number, label, 1, &err) == SG_OK);
}

static int make_view(uint64_t generation)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view_writer *writer = NULL;
    int fd = -1;
    require(sg_view_writer_new(generation, &writer, &err) == SG_OK);
    add_ring(writer, RING_BOTH);
    add(writer, MEMBER_RSA);
    if (generation == 1) {
        add(writer, MEMBER_EC);
        add_ring(writer, RING_RSA);
        add(writer, MEMBER_RSA);
    }
    require(sg_view_finish(writer, &fd, &err) == SG_OK);
    sg_view_writer_free(writer);
    return fd;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    limit_memory();
    p11_kit_be_quiet();
    sg_module_warm_up();
    for (uint64_t i = 0; i < VIEWS; i++) {
        views[i] = make_view(i + 1);
    }
    return 0;
}

/* ---- one client ---- */

static void serve(int in, int out)
{
    static struct sg_connection connection;
    struct sg_error err = SG_ERROR_INIT;
    CK_FUNCTION_LIST *module = NULL;
    atomic_store(&page.generation, 1);
    sg_connection_init(&connection, -1, -1, 0, &page);
    require(sg_module_new(&connection, &module, &err) == SG_OK);
    (void)p11_kit_remote_serve_module(module, in, out);
    sg_module_free(module);
    sg_connection_done(&connection);
}

static void put(int fd, const void *data, size_t len)
{
    require(write(fd, data, len) == (ssize_t)len);
}

/* The frame: a number, the options' length, the message's length, highest byte first. */
static void put_message(int fd, const uint8_t *message, size_t len)
{
    const uint8_t head[12] = {[3] = 1, [10] = (uint8_t)(len >> 8), [11] = (uint8_t)(len & 0xffu)};
    put(fd, head, sizeof head);
    put(fd, message, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int nowhere = -1;
    static bool ready;
    if (!ready) { /* the replay has no LLVMFuzzerInitialize */
        nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
        require(nowhere >= 0 && (views[0] > 0 || LLVMFuzzerInitialize(NULL, NULL) == 0));
        ready = true;
    }
    SG_FD int in = memfd_create("client", MFD_CLOEXEC);
    const uint8_t version = 0;
    require(in >= 0);
    put(in, &version, 1);
    for (size_t at = 0; size - at > 2;) {
        size_t len = data[at] | (size_t)data[at + 1] << 8;
        at += 2;
        len = len < size - at ? len : size - at;
        put_message(in, data + at, len);
        at += len;
    }
    require(lseek(in, 0, SEEK_SET) == 0);
    serve(in, nowhere);
    return 0;
}
