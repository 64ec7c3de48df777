/* What it costs to provision a server, and whether it costs more when there are many: for each
 * server a key, a request, the signature of a CA (in this program), the import of the answer, a
 * ring with the certificate as its default. All over one HTTP connection. Prints "first_ms last_ms
 * total_s": the mean for each server of the first and of the last hundred (at most half of all).
 *
 *     bench_provision --socket PATH --owner OWNER --servers N */
#include <err.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <signet/base/buffer.h>
#include <signet/base/cleanup.h>

#define ANSWER_MAX (1u << 20)
#define SERVERS_MAX 100000u
#define GROUP_MAX 100u
#define DER_MAX 8192

struct settings {
    const char *socket, *owner;
    unsigned servers;
};

struct authority {
    EVP_PKEY *key;
    X509 *certificate;
};

struct bench {
    const struct settings *settings;
    CURL *http;
    struct curl_slist *headers;
    struct authority ca;
};

static void require(bool good, const char *what)
{
    if (!good) {
        errx(1, "%s failed", what);
    }
}

/* ---- the CA ---- */

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    require(extension != NULL && X509_add_ext(certificate, extension, -1) == 1, "X509_add_ext");
    X509_EXTENSION_free(extension);
}

static X509 *new_certificate(const X509_NAME *subject, const X509_NAME *issuer, EVP_PKEY *key)
{
    unsigned char serial[16];
    X509 *certificate = X509_new();
    require(certificate != NULL && RAND_bytes(serial, sizeof(serial)) == 1, "X509_new");
    serial[0] &= 0x7f;
    BIGNUM *number = BN_bin2bn(serial, sizeof(serial), NULL);
    require(number != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL &&
                X509_set_subject_name(certificate, subject) == 1 &&
                X509_set_issuer_name(certificate, issuer) == 1 &&
                X509_set_pubkey(certificate, key) == 1 &&
                X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) != NULL &&
                X509_gmtime_adj(X509_getm_notAfter(certificate), 90L * 86400) != NULL,
            "filling a certificate");
    BN_free(number);
    return certificate;
}

static struct authority new_authority(void)
{
    struct authority ca = {.key = EVP_EC_gen("P-256")};
    X509_NAME *name = X509_NAME_new();
    require(ca.key != NULL && name != NULL, "making the CA's key");
    require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                       (const unsigned char *)"Bench Root", -1, -1, 0) == 1,
            "X509_NAME_add_entry");
    ca.certificate = new_certificate(name, name, ca.key);
    X509_NAME_free(name);
    add_extension(ca.certificate, ca.certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(ca.certificate, ca.certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(ca.certificate, ca.certificate, NID_subject_key_identifier, "hash");
    require(X509_sign(ca.certificate, ca.key, EVP_sha256()) > 0, "X509_sign");
    return ca;
}

static X509 *certify(const struct authority *ca, X509_REQ *request)
{
    EVP_PKEY *key = X509_REQ_get0_pubkey(request);
    require(key != NULL && X509_REQ_verify(request, key) == 1, "verifying the request");
    X509 *certificate = new_certificate(X509_REQ_get_subject_name(request),
                                        X509_get_subject_name(ca->certificate), key);
    add_extension(certificate, ca->certificate, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(certificate, ca->certificate, NID_authority_key_identifier, "keyid");
    require(X509_sign(certificate, ca->key, EVP_sha256()) > 0, "X509_sign");
    return certificate;
}

static json_t *base64_of(X509 *certificate)
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);
    require(len > 0 && len <= DER_MAX, "i2d_X509");
    unsigned char text[DER_MAX / 3 * 4 + 8];
    (void)EVP_EncodeBlock(text, der, len);
    OPENSSL_free(der);
    return json_string((const char *)text);
}

static X509_REQ *request_of(const char *base64)
{
    unsigned char der[DER_MAX];
    size_t len = base64 == NULL ? 0 : strlen(base64);
    require(len > 4 && len < DER_MAX, "reading the request");
    int decoded = EVP_DecodeBlock(der, (const unsigned char *)base64, (int)len);
    const unsigned char *at = der;
    X509_REQ *request = decoded > 0 ? d2i_X509_REQ(NULL, &at, decoded) : NULL;
    require(request != NULL, "reading the request");
    return request;
}

/* ---- HTTP ---- */

static size_t collect(char *data, size_t size, size_t count, void *context)
{
    struct sg_error error = SG_ERROR_INIT;
    return sg_buffer_append(context, data, size * count, &error) == SG_OK ? size * count : 0;
}

/* POST to /v1/<operation>; takes the parameters over, gives the answer's object. */
static json_t *post(const struct bench *bench, const char *operation, json_t *parameters)
{
    SG_BUFFER answer;
    sg_buffer_init(&answer, ANSWER_MAX);
    SG_FREE char *body = parameters == NULL ? NULL : json_dumps(parameters, JSON_COMPACT);
    json_decref(parameters);
    require(body != NULL, "making a request's body");
    char url[128];
    (void)snprintf(url, sizeof(url), "http://signet/v1/%s", operation);
    long code = 0;
    require(curl_easy_setopt(bench->http, CURLOPT_URL, url) == CURLE_OK &&
                curl_easy_setopt(bench->http, CURLOPT_POSTFIELDS, body) == CURLE_OK &&
                curl_easy_setopt(bench->http, CURLOPT_WRITEDATA, &answer) == CURLE_OK,
            "curl_easy_setopt");
    CURLcode result = curl_easy_perform(bench->http);
    if (result != CURLE_OK) {
        errx(1, "%s: %s", operation, curl_easy_strerror(result));
    }
    (void)curl_easy_getinfo(bench->http, CURLINFO_RESPONSE_CODE, &code);
    if (code != 200) {
        errx(1, "%s: status %ld: %.*s", operation, code, (int)answer.len,
             (const char *)answer.data);
    }
    json_t *object = json_loadb((const char *)answer.data, answer.len, 0, NULL);
    require(json_is_object(object), "reading an answer");
    return object;
}

static void connect_http(struct bench *bench)
{
    bench->http = curl_easy_init();
    bench->headers = curl_slist_append(NULL, "Content-Type: application/json");
    require(bench->http != NULL && bench->headers != NULL &&
                curl_easy_setopt(bench->http, CURLOPT_UNIX_SOCKET_PATH, bench->settings->socket) ==
                    CURLE_OK &&
                curl_easy_setopt(bench->http, CURLOPT_HTTPHEADER, bench->headers) == CURLE_OK &&
                curl_easy_setopt(bench->http, CURLOPT_WRITEFUNCTION, collect) == CURLE_OK &&
                curl_easy_setopt(bench->http, CURLOPT_TIMEOUT, 60L) == CURLE_OK,
            "preparing HTTP");
}

/* ---- a server ---- */

static void import_answer(const struct bench *bench, const char *name, X509 *certificate)
{
    json_t *certificates =
        json_pack("[o, o]", base64_of(certificate), base64_of(bench->ca.certificate));
    json_decref(post(bench, "cert/add",
                     json_pack("{s:s, s:o}", "target", name, "certificates", certificates)));
}

static void certify_key(const struct bench *bench, const char *name)
{
    json_t *answer = post(bench, "cert/request", json_pack("{s:s}", "certificate", name));
    X509_REQ *request = request_of(json_string_value(json_object_get(answer, "csr")));
    X509 *certificate = certify(&bench->ca, request);
    import_answer(bench, name, certificate);
    X509_free(certificate);
    X509_REQ_free(request);
    json_decref(answer);
}

static void provision(const struct bench *bench, unsigned number)
{
    char name[96], subject[96];
    (void)snprintf(name, sizeof(name), "%s/server-%u", bench->settings->owner, number);
    (void)snprintf(subject, sizeof(subject), "CN=server-%u.example.com,O=Example", number);
    json_decref(post(
        bench, "cert/generate",
        json_pack("{s:s, s:s, s:s}", "certificate", name, "subject", subject, "key", "ec:p256")));
    certify_key(bench, name);
    json_decref(post(bench, "ring/add", json_pack("{s:s}", "ring", name)));
    json_decref(
        post(bench, "ring/connect",
             json_pack("{s:s, s:s, s:b}", "ring", name, "certificate", name, "default", true)));
}

static double now_s(void)
{
    struct timespec now;
    require(clock_gettime(CLOCK_MONOTONIC, &now) == 0, "clock_gettime");
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run(const struct bench *bench)
{
    unsigned servers = bench->settings->servers;
    unsigned group = servers / 2 < GROUP_MAX ? servers / 2 : GROUP_MAX;
    double start = now_s(), after_first = start, before_last = start;
    for (unsigned i = 1; i <= servers; i++) {
        if (i == servers - group + 1) {
            before_last = now_s();
        }
        provision(bench, i);
        if (i == group) {
            after_first = now_s();
        }
    }
    double end = now_s();
    printf("%.1f %.1f %.1f\n", (after_first - start) * 1e3 / group,
           (end - before_last) * 1e3 / group, end - start);
}

static void usage(void)
{
    errx(1, "usage: bench_provision --socket PATH --owner OWNER --servers 2..%u", SERVERS_MAX);
}

static void read_arguments(struct settings *settings, int argc, char **argv)
{
    static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                            {"owner", required_argument, NULL, 'o'},
                                            {"servers", required_argument, NULL, 'n'},
                                            {0}};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 's':
            settings->socket = optarg;
            break;
        case 'o':
            settings->owner = optarg;
            break;
        case 'n':
            settings->servers = (unsigned)strtoul(optarg, NULL, 10);
            break;
        default:
            usage();
        }
    }
    if (settings->socket == NULL || settings->owner == NULL || settings->servers < 2 ||
        settings->servers > SERVERS_MAX) {
        usage();
    }
}

int main(int argc, char **argv)
{
    struct settings settings = {0};
    read_arguments(&settings, argc, argv);
    require(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "curl_global_init");
    struct bench bench = {.settings = &settings, .ca = new_authority()};
    connect_http(&bench);
    run(&bench);
    X509_free(bench.ca.certificate);
    EVP_PKEY_free(bench.ca.key);
    curl_slist_free_all(bench.headers);
    curl_easy_cleanup(bench.http);
    curl_global_cleanup();
    return 0;
}
