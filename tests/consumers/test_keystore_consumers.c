/* What we write, read by those who will read it: OpenSSL, GnuTLS, Java 17's keytool and its trust
 * manager. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/keystore/read.h>
#include <signet/keystore/write.h>

#include "cmocka_all.h"
#include "scratch.h"
#include "x509_fixture.h"

#define MANY 300
#define ROOM (16u << 20)

static char folder[] = "/tmp/signet-keystore-XXXXXX";
static struct test_key *key;
static struct sg_certificate *made[MANY];
static struct sg_entry entries[MANY];
static char names[MANY][64];
static struct sg_secret *password;

/* Labels as people have them: capitals, doubles, other scripts, what looks like our own suffix. */
static void make_name(size_t i)
{
    static const char *const forms[] = {"Root CA %zu",  "ROOT CA %zu",     "root ca %zu-2",
                                        "Autorité %zu", "AUTORITÉ %zu",    "証明書 %zu",
                                        "Σίσυφος %zu",  "İstanbul %zu",    "𝔘nicode %zu",
                                        "dup",          "a,b=c \"d\" %zu", "ẞtraße ﬁ Ǆ %zu"};
    const char *form = forms[i % SG_COUNT(forms)];
    const char *place = strstr(form, "%zu");
    if (place == NULL) {
        (void)snprintf(names[i], sizeof(names[i]), "%s", form);
        return;
    }
    (void)snprintf(names[i], sizeof(names[i]), "%.*s%zu%s", (int)(place - form), form,
                   i / SG_COUNT(forms), place + 3);
}

static int set_up(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    if (!scratch_make(folder) || sg_secret_new(&password, &err) != SG_OK ||
        sg_secret_set(password, "changeit", 8, &err) != SG_OK) {
        return -1;
    }
    if (setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC", 1) != 0) {
        return -1; /* Java for a moment: it starts with half the work */
    }
    key = test_key_new("ec:P-256");
    for (size_t i = 0; i < MANY; i++) {
        char subject[40];
        (void)snprintf(subject, sizeof(subject), "CN=Root %zu,C=GB", i);
        made[i] = test_certificate(&(struct test_recipe){.subject = subject,
                                                         .key = key,
                                                         .ca = true,
                                                         .usage = SG_X509_KEY_CERT_SIGN,
                                                         .not_before_s = 1577836800,
                                                         .not_after_s = 4102444800});
        make_name(i);
        entries[i] = (struct sg_entry){sg_certificate_facts(made[i])->der, names[i]};
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        sg_certificate_free(made[i]);
    }
    test_key_free(key);
    sg_secret_free(password);
    scratch_remove(folder);
    return 0;
}

static const char *path_of(const char *name)
{
    static char path[200];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void put_file(const char *name, const struct sg_buffer *content)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_file_replace(path_of(name), content->data, content->len, 0600, &err),
                     SG_OK);
}

/* Run a command in the folder; its whole output, and its exit status. */
static int run(struct sg_buffer *output, const char *command)
{
    char line[1000];
    char part[4096];
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(output, ROOM);
    (void)snprintf(line, sizeof(line),
                   "cd '%s' && export LC_ALL=C.UTF-8 && { %s; } 2>&1 </dev/null", folder, command);
    FILE *pipe = popen(line, "re"); /* NOLINT(cert-env33-c): fixed commands */
    assert_non_null(pipe);
    size_t got = 0;
    while ((got = fread(part, 1, sizeof(part), pipe)) > 0) {
        assert_int_equal(sg_buffer_append(output, part, got, &err), SG_OK);
    }
    int status = pclose(pipe);
    assert_int_equal(sg_buffer_append(output, "", 1, &err), SG_OK);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static size_t occurrences(const struct sg_buffer *output, const char *part)
{
    size_t count = 0;
    const char *at = (const char *)output->data;
    while ((at = strstr(at, part)) != NULL) {
        count++;
        at += strlen(part);
    }
    return count;
}

/* The command succeeds and its output has the part so many times. */
static void expect(const char *command, const char *part, size_t times)
{
    SG_BUFFER output;
    int status = run(&output, command);
    size_t count = occurrences(&output, part);
    if (status != 0 || count != times) {
        fail_msg("%s: status %d, \"%s\" %zu times, not %zu; output begins: %.500s", command, status,
                 part, count, times, (const char *)output.data);
    }
}

static void expect_failure(const char *command)
{
    SG_BUFFER output;
    if (run(&output, command) == 0) {
        fail_msg("%s: succeeded", command);
    }
}

static void write_all(void)
{
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER out;
    sg_buffer_init(&out, ROOM);
    assert_int_equal(sg_keystore_write_pkcs12_trust(entries, MANY, password, &out, &err), SG_OK);
    put_file("trust.p12", &out);
    sg_buffer_done(&out);
    assert_int_equal(
        sg_keystore_write_jks_trust(entries, MANY, password, TEST_NOW * 1000, &out, &err), SG_OK);
    put_file("trust.jks", &out);
    sg_buffer_done(&out);
    assert_int_equal(sg_keystore_write_pem(entries, MANY, &out, &err), SG_OK);
    put_file("bundle.pem", &out);
    sg_buffer_done(&out);
    assert_int_equal(sg_keystore_write_pkcs7(entries, MANY, &out, &err), SG_OK);
    put_file("bundle.p7b", &out);
}

static void openssl_reads_all_formats(void **state)
{
    (void)state;
    write_all();
    expect("openssl pkcs12 -in trust.p12 -nokeys -passin pass:changeit", "BEGIN CERTIFICATE", MANY);
    expect("openssl pkcs12 -in trust.p12 -info -noout -passin pass:changeit",
           "MAC: sha256, Iteration 10000", 1);
    expect_failure("openssl pkcs12 -in trust.p12 -nokeys -passin pass:changeme");
    expect("openssl storeutl -noout -certs bundle.pem", "Certificate", MANY);
    expect("openssl pkcs7 -inform DER -in bundle.p7b -print_certs", "BEGIN CERTIFICATE", MANY);
}

static void gnutls_reads_all_formats(void **state)
{
    (void)state;
    write_all();
    expect("certtool --p12-info --inder --infile trust.p12 --password changeit",
           "BEGIN CERTIFICATE", MANY);
    expect("certtool --certificate-info --infile bundle.pem", "X.509 Certificate Information",
           MANY);
    expect("certtool --p7-info --inder --infile bundle.p7b", "BEGIN CERTIFICATE", MANY);
    SG_BUFFER output;
    (void)run(&output, "certtool --p12-info --inder --infile trust.p12 --password changeme");
    assert_true(occurrences(&output, "MAC is valid") == 0);
}

/* Every entry, with the password and without. */
static void keytool_lists_every_entry(void **state)
{
    (void)state;
    write_all();
    expect("keytool -list -keystore trust.p12 -storetype PKCS12 -storepass changeit",
           "trustedCertEntry", MANY);
    expect("keytool -list -keystore trust.jks -storetype JKS -storepass changeit",
           "trustedCertEntry", MANY);
    expect("keytool -list -keystore trust.p12 -storetype PKCS12", "trustedCertEntry", MANY);
    expect("keytool -list -keystore trust.jks -storetype JKS", "trustedCertEntry", MANY);
    expect_failure("keytool -list -keystore trust.p12 -storepass changeme");
    expect_failure("keytool -list -keystore trust.jks -storepass changeme");
    expect("keytool -list -keystore trust.jks -storepass changeit -alias 'AUTORITÉ 0-2'",
           "trustedCertEntry", 1);
    expect("keytool -list -keystore trust.p12 -storepass changeit -alias 'Dup-25'",
           "trustedCertEntry", 1);
}

static void keytool_reads_bundles(void **state)
{
    (void)state;
    write_all();
    expect("keytool -printcert -file bundle.pem", "Serial number:", MANY);
    expect("keytool -printcert -file bundle.p7b", "Serial number:", MANY);
}

static void a_jvm_trusts_every_anchor(void **state)
{
    (void)state;
    char command[600];
    char line[80];
    write_all();
    (void)snprintf(command, sizeof(command),
                   "java '%s' trust.p12 PKCS12 changeit trust.p12 PKCS12 - trust.jks JKS changeit "
                   "trust.jks JKS - trust.p12 JKS changeit trust.jks PKCS12 changeit "
                   "trust.p12 PKCS12 changeme trust.jks JKS changeme",
                   TRUSTSTORE_JAVA);
    (void)snprintf(line, sizeof(line), "entries=%d trusted=%d anchors=%d", MANY, MANY, MANY);
    SG_BUFFER output;
    int status = run(&output, command);
    if (status != 0 || occurrences(&output, line) != 6 || occurrences(&output, "refused: ") != 2) {
        fail_msg("status %d, output begins: %.500s", status, (const char *)output.data);
    }
}

/* Certificates and requests built without an EVP_PKEY, for every kind of key. */
static void openssl_and_gnutls_verify_what_is_built(void **state)
{
    (void)state;
    static const char *const specs[] = {"rsa:2048", "ec:P-256",     "ec:P-384",
                                        "ec:P-521", "ec:secp256k1", "ed25519"};
    static const char *const sans[] = {"dns:web.example.com", "ip:2001:db8::1"};
    for (size_t i = 0; i < SG_COUNT(specs); i++) {
        struct sg_error err = SG_ERROR_INIT;
        SG_BUFFER csr;
        SG_BUFFER pem;
        sg_buffer_init(&csr, ROOM);
        sg_buffer_init(&pem, ROOM);
        struct test_key *own = test_key_new(specs[i]);
        const struct sg_x509_request request = {
            .subject = "CN=web,O=Example\\, Inc.,C=GB", .sans = sans, .san_count = 2};
        assert_int_equal(sg_x509_build_csr(&request, &own->signer, &csr, &err), SG_OK);
        assert_int_equal(sg_keystore_write_pem_block("CERTIFICATE REQUEST",
                                                     (struct sg_bytes){csr.data, csr.len}, &pem,
                                                     &err),
                         SG_OK);
        put_file("web.csr", &pem);
        expect("openssl req -in web.csr -verify -noout -text",
               "DNS:web.example.com, IP Address:2001:DB8:0:0:0:0:0:1", 1);
        expect("openssl req -in web.csr -verify -noout", "verify OK", 1);
        expect("openssl req -in web.csr -noout -subject",
               "subject=C = GB, O = \"Example, Inc.\", CN = web", 1);
        SG_CERTIFICATE *root =
            test_certificate(&(struct test_recipe){.subject = "CN=Root",
                                                   .key = own,
                                                   .ca = true,
                                                   .usage = SG_X509_KEY_CERT_SIGN,
                                                   .not_before_s = 1577836800,
                                                   .not_after_s = 4102444800});
        const struct sg_entry entry[] = {{sg_certificate_facts(root)->der, "root"}};
        sg_buffer_done(&pem);
        assert_int_equal(sg_keystore_write_pem(entry, 1, &pem, &err), SG_OK);
        put_file("root.pem", &pem);
        expect("openssl verify -check_ss_sig -x509_strict -CAfile root.pem root.pem",
               "root.pem: OK", 1);
        if (strcmp(specs[i], "ec:secp256k1") != 0) { /* GnuTLS does not know that curve */
            expect("certtool --crq-info --infile web.csr", "Self signature: verified", 1);
            expect("certtool --verify --load-ca-certificate root.pem --infile root.pem",
                   "Chain verification output: Verified", 1);
        }
        test_key_free(own);
    }
}

/* What those programs write, read by us. */
static sg_status count(void *context, struct sg_bytes der, struct sg_error *err)
{
    (void)der;
    (void)err;
    ++*(size_t *)context;
    return SG_OK;
}

static void expect_certificates(const char *name, size_t expected)
{
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER content;
    size_t found = 0;
    sg_buffer_init(&content, ROOM);
    assert_int_equal(sg_file_read(path_of(name), "file", &content, &err), SG_OK);
    struct sg_bytes data = {content.data, content.len};
    if (sg_keystore_read_certificates(name, data, count, &found, &err) != SG_OK) {
        fail_msg("%s: %s", name, err.text);
    }
    assert_int_equal(found, expected);
}

static void what_others_write_is_read(void **state)
{
    (void)state;
    write_all();
    expect("openssl crl2pkcs7 -nocrl -certfile bundle.pem -out o.p7", "error", 0);
    expect("openssl crl2pkcs7 -nocrl -certfile bundle.pem -outform DER -out o.p7d", "error", 0);
    expect("sed 's/PKCS7/CERTIFICATE/' o.p7 >racf.p7", "error", 0);
    expect("certtool --p7-generate --load-certificate bundle.pem --outfile g.p7", "rror", 0);
    expect("keytool -list -rfc -keystore trust.jks -storepass changeit >k.pem", "rror", 0);
    expect("openssl pkcs12 -in trust.p12 -nokeys -passin pass:changeit >o.pem", "rror", 0);
    expect("openssl x509 -in bundle.pem -text -out text.pem", "rror", 0);
    expect_certificates("o.p7", MANY);
    expect_certificates("o.p7d", MANY);
    expect_certificates("racf.p7", MANY);
    expect_certificates("g.p7", MANY);
    expect_certificates("k.pem", MANY);
    expect_certificates("o.pem", MANY);
    expect_certificates("text.pem", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_reads_all_formats),
        cmocka_unit_test(gnutls_reads_all_formats),
        cmocka_unit_test(keytool_lists_every_entry),
        cmocka_unit_test(keytool_reads_bundles),
        cmocka_unit_test(a_jvm_trusts_every_anchor),
        cmocka_unit_test(openssl_and_gnutls_verify_what_is_built),
        cmocka_unit_test(what_others_write_is_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
