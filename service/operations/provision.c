/* provision: the lines that make a server use a ring. */
#include "run_internal.h"

#include <string.h>

#include <signet/policy/name.h>

struct target {
    struct sg_run *run;
    char token[3 * 32 + 1]; /**< token label, percent-encoded for a PKCS#11 URI (RFC 7512) */
    char object[3 * SG_LABEL_BYTES + 1];
    int64_t slot;
    struct sg_shell_word ring; /**< as it is typed */
    struct sg_owner_name owner;
};

/* RFC 7512, 2.3: everything but unreserved characters is encoded. */
static void percent(const char *text, size_t len, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~", c) != NULL;
        if (plain && c != 0) {
            *out++ = (char)c;
        } else {
            *out++ = '%';
            *out++ = digits[c >> 4];
            *out++ = digits[c & 15];
        }
    }
    *out = '\0';
}

static sg_status read_target(struct sg_run *run, struct target *target, struct sg_error *err)
{
    struct sg_ring_ref ref;
    struct sg_ring_row ring;
    SG_CERTIFICATE_ROW row = {0};
    char label[32];
    sg_status s = sg_run_ring_ref(run, "ring", &ref, err);
    s = s == SG_OK ? sg_store_ring_get(run->service->store, &ref, &ring, err) : s;
    s = s == SG_OK ? sg_run_server_identity(run, &ring, "no_usable_key", &row, err) : s;
    if (s != SG_OK) {
        return s;
    }
    sg_name_token_label(&ref, label);
    size_t len = sizeof label;
    while (len > 0 && label[len - 1] == ' ') {
        len--;
    }
    target->ring = sg_shell_word(ref.owner.text, ref.ring.text);
    target->owner = ref.owner;
    target->slot = ring.id;
    percent(label, len, target->token);
    percent(row.name.label.text, strlen(row.name.label.text), target->object);
    return SG_OK;
}

static sg_status nginx(const struct target *target, struct sg_buffer *out, struct sg_error *err)
{
    const char *socket = target->run->service->rings_socket;
    return sg_buffer_format(
        out, err,
        "# 1. The certificate and its chain (public, a file):\n"
        "#    signet ring export %s --chain --format pem --out /etc/nginx/signet-chain.pem\n"
        "#\n"
        "# 2. In the server block of nginx.conf:\n"
        "ssl_certificate /etc/nginx/signet-chain.pem;\n"
        "ssl_certificate_key \"engine:pkcs11:pkcs11:token=%s;object=%s;type=private\";\n"
        "#\n"
        "# 3. In the environment that nginx is started with (systemctl edit nginx: [Service] Environment=…):\n"
        "#    OPENSSL_CONF=/etc/nginx/signet-openssl.cnf\n"
        "#    P11_KIT_SERVER_ADDRESS=unix:path=%s\n"
        "#\n"
        "# 4. /etc/nginx/signet-openssl.cnf:\n"
        "#    openssl_conf = openssl_init\n"
        "#    [openssl_init]\n"
        "#    engines = engine_section\n"
        "#    [engine_section]\n"
        "#    pkcs11 = pkcs11_section\n"
        "#    [pkcs11_section]\n"
        "#    engine_id = pkcs11\n"
        "#    MODULE_PATH = " SIGNET_P11_KIT_CLIENT "\n"
        "#    init = 1\n"
        "#\n"
        "# The user of nginx's master and the user of its workers must both be attached to the ring's owner:\n"
        "#    signet owner attach %s www-data\n",
        target->ring.text, target->token, target->object, socket,
        sg_shell_quote(target->owner.text).text);
}

static sg_status java(const struct target *target, struct sg_buffer *out, struct sg_error *err)
{
    return sg_buffer_format(
        out, err,
        "# 1. signet-p11.cfg, for the provider SunPKCS11:\n"
        "name = Signet\n"
        "library = " SIGNET_P11_KIT_CLIENT "\n"
        "slot = %lld\n"
        "#\n"
        "# 2. In the environment of the Java program:\n"
        "#    P11_KIT_SERVER_ADDRESS=unix:path=%s\n"
        "#\n"
        "# 3. The ring as a key store, without a password:\n"
        "#    keytool -list -keystore NONE -storetype PKCS11 -protected \\\n"
        "#      -providerClass sun.security.pkcs11.SunPKCS11 -providerArg signet-p11.cfg\n",
        (long long)target->slot, target->run->service->rings_socket);
}

static const struct {
    const char *program;
    sg_status (*write)(const struct target *target, struct sg_buffer *out, struct sg_error *err);
} writers[] = {{"nginx", nginx}, {"java", java}};

sg_status sg_operation_PROVISION(struct sg_run *run, struct sg_error *err)
{
    struct target target = {.run = run};
    SG_BUFFER text;
    sg_buffer_init(&text, 65536);
    const char *program = sg_run_text(run, "program");
    sg_status s = read_target(run, &target, err);
    for (size_t i = 0; s == SG_OK && i < SG_COUNT(writers); i++) {
        if (strcmp(program, writers[i].program) == 0) {
            s = writers[i].write(&target, &text, err);
        }
    }
    s = s == SG_OK ? sg_run_set(run->answer, "pkcs11_uri",
                                json_sprintf("pkcs11:token=%s;object=%s;type=private", target.token,
                                             target.object),
                                err)
                   : s;
    return s == SG_OK ? sg_run_set(run->answer, "text",
                                   json_stringn((const char *)text.data, text.len), err)
                      : s;
}
