/* Commands become operations of the table, or are refused at their place. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include <signet/racdcert/command.h>
#include <signet/racdcert/keywords.h>

#define NOW_S 1795000000 /* 2026-11-18T10:26:40Z */

static const struct sg_rac_context usual = {.own = "ME", .now_s = NOW_S};

static sg_status translate(const char *text, const struct sg_rac_context *context,
                           struct sg_rac_request *request, struct sg_error *err)
{
    assert_int_equal(setenv("TZ", "UTC0", 1), 0);
    *request = (struct sg_rac_request)SG_RAC_REQUEST_INIT;
    return sg_rac_translate((struct sg_bytes){(const unsigned char *)text, strlen(text)}, context,
                            request, err);
}

static void describe_operation(struct sg_buffer *out, const struct sg_operation *operation,
                               const json_t *params)
{
    struct sg_error err = SG_ERROR_INIT;
    char *text = json_dumps(params, JSON_SORT_KEYS | JSON_COMPACT);
    assert_int_equal(sg_buffer_format(out, &err, "%s%s %s %s", out->len > 0 ? "; " : "",
                                      operation != NULL ? operation->noun : "-",
                                      operation != NULL ? operation->verb : "-", text),
                     SG_OK);
    free(text);
}

/* The request as text: operations, parameters sorted by name, locals. */
static char *described(const struct sg_rac_request *request)
{
    SG_BUFFER out;
    struct sg_error err = SG_ERROR_INIT;
    sg_status s = SG_OK;
    sg_buffer_init(&out, 1 << 20);
    describe_operation(&out, request->operation, request->params);
    for (unsigned i = 0; i < request->step_count; i++) {
        describe_operation(&out, request->steps[i].operation, request->steps[i].params);
    }
    for (unsigned i = 0; i < request->local_count; i++) {
        assert_int_equal(s, SG_OK);
        s = sg_buffer_format(&out, &err, " %s=%s", request->locals[i].param,
                             request->locals[i].value);
    }
    assert_int_equal(s, SG_OK);
    return (char *)sg_buffer_take(&out, NULL);
}

static void becomes(const char *text, const char *wanted)
{
    SG_RAC_REQUEST request;
    struct sg_error err = SG_ERROR_INIT;
    if (translate(text, &usual, &request, &err) != SG_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    char *got = described(&request);
    assert_string_equal(got, wanted);
    free(got);
    /* every parameter is one of the row's */
    const char *name;
    json_t *value;
    json_object_foreach(request.params, name, value)
    {
        assert_non_null(sg_param_find(request.operation, name));
    }
    for (unsigned i = 0; i < request.step_count; i++) {
        json_object_foreach(request.steps[i].params, name, value)
        {
            assert_non_null(sg_param_find(request.steps[i].operation, name));
        }
    }
}

/* How many warnings and notes, and what the first of the warnings (else of the notes) begins with.
 */
static void remarked(const char *text, size_t warnings, size_t notes, const char *begins)
{
    SG_RAC_REQUEST request;
    struct sg_error err = SG_ERROR_INIT;
    if (translate(text, &usual, &request, &err) != SG_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    assert_int_equal(json_array_size(request.warnings), warnings);
    assert_int_equal(json_array_size(request.notes), notes);
    const char *first =
        json_string_value(json_array_get(warnings > 0 ? request.warnings : request.notes, 0));
    assert_non_null(first);
    assert_memory_equal(first, begins, strlen(begins));
}

/* at: the text that the fault points at. */
static void refused(const char *text, const char *code, const char *at)
{
    SG_RAC_REQUEST request;
    struct sg_error err = SG_ERROR_INIT;
    if (translate(text, &usual, &request, &err) == SG_OK) {
        fail_msg("taken: %s", text);
    }
    assert_string_equal(err.code, code);
    assert_true(request.fault + request.fault_len <= strlen(text));
    assert_int_equal(request.fault_len, strlen(at));
    assert_memory_equal(text + request.fault, at, strlen(at));
}

static void rings(void **state)
{
    (void)state;
    becomes("RACDCERT ID(start1) ADDRING(KeY)", "ring add {\"ring\":\"START1/KeY\"}");
    becomes("racdcert addring('my ring') id(START1)", "ring add {\"ring\":\"START1/my ring\"}");
    becomes("RACDCERT DELRING(K)", "ring delete {\"ring\":\"ME/K\"}");
    becomes("RACDCERT SITE ADDRING(K)", "ring add {\"ring\":\"SITE/K\"}");
    becomes(
        "RACDCERT ID(S) CONNECT(CERTAUTH LABEL('CA') RING(K) USAGE(CERTAUTH))",
        "ring connect {\"certificate\":\"CERTAUTH/CA\",\"ring\":\"S/K\",\"usage\":\"certauth\"}");
    becomes("RACDCERT ID(S) CONN(DEF,RI(K),LAB('it''s'),US(P))",
            "ring connect {\"certificate\":\"S/it's\",\"default\":true,\"ring\":\"S/K\","
            "\"usage\":\"personal\"}");
    becomes("RACDCERT CONNECT(SITE LABEL(a) RING(K))",
            "ring connect {\"certificate\":\"SITE/a\",\"ring\":\"ME/K\"}");
    becomes("RACDCERT ID(S) REMOVE(ID(T) LABEL('a b') RING(K))",
            "ring remove {\"certificate\":\"T/a b\",\"ring\":\"S/K\"}");
    becomes("RACDCERT ID(S) LISTRING(*)", "ring list {\"owner\":\"S\"}");
    becomes("RACDCERT ID(S) LISTRING(K)", "ring show {\"ring\":\"S/K\"}");
}

static void certificates(void **state)
{
    (void)state;
    becomes("RACDCERT", "cert list {\"owner\":\"ME\"}");
    becomes("RACDCERT CERTAUTH", "cert list {\"owner\":\"CERTAUTH\"}");
    becomes("RACDCERT ID(S) LIST()", "cert list {\"owner\":\"S\"}");
    becomes("RACDCERT SITE LIST(LABEL('x'))", "cert show {\"certificate\":\"SITE/x\"}");
    becomes("RACDCERT ID(S) ALTER(LABEL('x')) NOTRUST NEWLABEL('y')",
            "cert alter {\"certificate\":\"S/x\",\"label\":\"y\",\"status\":\"notrust\"}");
    becomes("RACDCERT ID(S) DELETE(LABEL('x')) FORCE",
            "cert delete {\"certificate\":\"S/x\",\"disconnect\":true,\"force\":true}");
    becomes("RACDCERT ID(S) DELETE(LABEL('x'))",
            "cert delete {\"certificate\":\"S/x\",\"disconnect\":true}");
    becomes("RACDCERT ID(S) GENREQ(LABEL('x')) DSN('S.CSR')",
            "cert request {\"certificate\":\"S/x\"} out=S.CSR");
    becomes("RACDCERT ID(S) EXPORT(LABEL('x')) DSN(f)",
            "cert export {\"certificate\":\"S/x\"} out=f format=pem");
    becomes("RACDCERT ID(S) EXPORT(LABEL('x')) DSN(f) FORMAT(PKCS7DER)",
            "cert export {\"certificate\":\"S/x\",\"chain\":true} out=f format=pkcs7");
    becomes("RACDCERT ID(S) ADD('A.B') WITHLABEL('x') TRUST",
            "cert add {\"racf\":true,\"status\":\"trust\",\"target\":\"S/x\"} certificates=A.B");
    becomes("RACDCERT CERTAUTH ADD(a)",
            "cert add {\"racf\":true,\"target\":\"CERTAUTH\"} certificates=a");
}

#define SHORT "\"shorten\":true" /* where the policy allows less */
#define YEAR "\"not_after\":\"2027-11-18T23:59:59Z\",\"not_before\":\"2026-11-18T00:00:00Z\""

static void certificates_are_generated(void **state)
{
    (void)state;
    becomes("RACDCERT ID(S) GENCERT SUBJECTSDN(C('GB') O('A, B+C') CN(' w=\\')) WITHLABEL('x')",
            "cert generate {\"certificate\":\"S/x\",\"key\":\"rsa:2048\"," YEAR "," SHORT
            ",\"subject\":\"CN=\\\\ w\\\\=\\\\\\\\,O=A\\\\, B\\\\+C,C=GB\"}");
    becomes("RACDCERT CERTAUTH GENCERT SUBJECTSDN(OU('1','2') SP('x') OU(3) T('t') L(l)) "
            "NISTECC SIZE(384) KEYUSAGE(CERTS HAND)",
            "cert generate {\"certificate\":\"CERTAUTH\",\"key\":\"ec:p384\"," YEAR "," SHORT
            ",\"subject\":\"T=t,OU=1,OU=2,OU=3,L=l,SP=x\",\"usage\":[\"handshake\",\"certsign\"]}");
    becomes("RACDCERT ID(S) GENCERT SUBJECTSDN(CN(w)) SIZE(4096) RSA(PKDS(*)) "
            "ALTNAME(IP(10.1.1.2) ADOMAIN('a' 'b') EMAIL('x@y') URI('http://z')) "
            "EKU(serverAuth,clientAuth) SIGNWITH(CERTAUTH LABEL('CA'))",
            "cert generate {\"certificate\":\"S\",\"eku\":[\"serverAuth\",\"clientAuth\"],"
            "\"key\":\"rsa:4096\"," YEAR ",\"san\":[\"ip:10.1.1.2\",\"dns:a\",\"dns:b\","
            "\"email:x@y\",\"uri:http://z\"]," SHORT
            ",\"signed_by\":\"CERTAUTH/CA\",\"subject\":\"CN=w\"}");
    becomes("RACDCERT ID(S) GENCERT(s.csr) SIGNWITH(LABEL('CA')) NOTBEFORE(TIME(10:00:00)) "
            "NOTAFTER(DATE(2030/12/31))",
            "cert generate {\"certificate\":\"S\",\"not_after\":\"2030-12-31T23:59:59Z\","
            "\"not_before\":\"2026-11-18T10:00:00Z\",\"signed_by\":\"ME/CA\"} from_request=s.csr");
    becomes("RACDCERT ID(S) GENCERT SUBJECTSDN(CN(w)) NOTBEFORE(DATE(2028-02-29))",
            "cert generate {\"certificate\":\"S\",\"key\":\"rsa:2048\","
            "\"not_after\":\"2029-02-28T23:59:59Z\",\"not_before\":\"2028-02-29T00:00:00Z\"," SHORT
            ",\"subject\":\"CN=w\"}");
}

static void keys_are_replaced(void **state)
{
    (void)state;
    becomes("RACDCERT ID(S) REKEY(LABEL('x')) WITHLABEL('y')",
            "cert rekey {\"certificate\":\"S/x\",\"label\":\"y\"," YEAR "," SHORT "}");
    becomes("RACDCERT ID(S) REKEY(LABEL('x')) SIZE(384)",
            "cert rekey {\"certificate\":\"S/x\",\"key\":\"ec:p384\"," YEAR "," SHORT "}");
    becomes("RACDCERT ID(S) REKEY(LABEL('x')) RSA SIZE(3072)",
            "cert rekey {\"certificate\":\"S/x\",\"key\":\"rsa:3072\"," YEAR "," SHORT "}");
    becomes("RACDCERT ID(S) ROLLOVER(LABEL('x')) NEWLABEL('y') FORCE",
            "cert rollover {\"certificate\":\"S/x\",\"force\":true,\"label\":\"y\"}");
    becomes("RACDCERT CERTAUTH LISTCHAIN(LABEL('x'))",
            "cert chain {\"certificate\":\"CERTAUTH/x\",\"details\":true}");
    refused("RACDCERT ROLLOVER(LABEL('x'))", "missing_keyword", "ROLLOVER");
    refused("RACDCERT REKEY()", "missing_keyword", "REKEY");
    refused("RACDCERT REKEY(LABEL(x)) SIZE(1024)", "key_not_supported", "SIZE");
    refused("RACDCERT REKEY(LABEL(x)) DSA", "key_not_supported", "DSA");
    refused("RACDCERT LISTCHAIN", "missing_operand", "LISTCHAIN");
}

static void name_filters(void **state)
{
    (void)state;
    becomes("RACDCERT ID(U) MAP WITHLABEL('f') TRUST SDNFILTER('O=IBM.C=UK') IDNFILTER('O=CA')",
            "map add {\"issuer_filter\":\"O=CA\",\"map\":\"U/f\",\"status\":\"trust\","
            "\"subject_filter\":\"O=IBM.C=UK\"}");
    becomes("RACDCERT MULTIID MAP('m.der') IDNFILTER('OU=x') CRITERIA(APPLID=&APPLID)",
            "map add {\"criteria\":\"APPLID=&APPLID\",\"issuer_filter\":\"OU=x\","
            "\"map\":\"MULTIID\"} model=m.der");
    becomes("RACDCERT MULTIID ALTMAP(LABEL('f')) NEWCRITERIA(SYSID=&SYSID) NEWLABEL('g') NOTRUST",
            "map alter {\"criteria\":\"SYSID=&SYSID\",\"label\":\"g\",\"map\":\"MULTIID/f\","
            "\"status\":\"notrust\"}");
    becomes("RACDCERT ID(U) DELMAP", "map delete {\"map\":\"U\"}");
    becomes("RACDCERT LISTMAP(LABEL('f'))", "map list {\"map\":\"ME/f\"}");
    refused("RACDCERT MULTIID LIST", "multiid_not_allowed", "MULTIID");
    refused("RACDCERT MULTIID ADDRING(K)", "multiid_not_allowed", "MULTIID");
    refused("RACDCERT MULTIID ID(U) LISTMAP", "two_owners", "MULTIID");
    refused("RACDCERT ID(MULTIID) LISTMAP", "bad_owner", "ID");
    refused("RACDCERT MAP('a/b')", "bad_data_set", "MAP");
}

static void keywords_are_refused_at_their_place(void **state)
{
    (void)state;
    refused("LISTUSER X", "unknown_command", "LISTUSER");
    refused("RACD LIST", "unknown_command", "RACD");
    refused("(LIST)", "unknown_command", "(");
    refused("RACDCERT LISTE", "unknown_keyword", "LISTE");
    refused("RACDCERT -", "unknown_keyword", "-");
    refused("RACDCERT LI", "ambiguous_keyword", "LI");
    /* keywords of ours take no abbreviation from RACF's */
    becomes("RACDCERT E(LABEL('x')) DSN(y)",
            "cert export {\"certificate\":\"ME/x\"} out=y format=pem");
    refused("RACDCERT GENCERT EXTRACT", "unknown_keyword", "EXTRACT");
    refused("RACDCERT ID(A) ID(B) LIST", "duplicate_keyword", "ID");
    refused("RACDCERT ID LIST", "missing_operand", "ID");
    refused("RACDCERT ID() LIST", "missing_operand", "ID");
    refused("RACDCERT ADDRING(a b)", "one_operand", "b");
    refused("RACDCERT ADDRING('a', 'b')", "one_operand", "'b'");
    refused("RDEFINE FACILITY (A b B)", "duplicate_operand", "B");
    refused("RACDCERT SITE(x) LIST", "operand_not_expected", "(");
    refused("RACDCERT ADDRING((a))", "unexpected_parenthesis", "(");
    refused("RACDCERT ADDRING(a", "unclosed_parenthesis", "(");
    refused("RACDCERT LIST)", "unexpected_parenthesis", ")");
    refused("RACDCERT 'LIST'", "keyword_expected", "'LIST'");
    refused("RACDCERT LIST(LABEL('x)", "unclosed_string", "'x)");
    refused("RACDCERT LIST(LABEL('x'y))", "quote_in_word", "'x'y");
    refused("RACDCERT LIST(LABEL(x'y))", "quote_in_word", "'");
    refused("RACDCERT LIST(LABEL(\"x\"))", "quote_in_word", "\"");
    refused("RACDCERT CONNECT(RING(K) USAGE(ALL))", "unknown_keyword", "ALL");
    refused("RACDCERT CONNECT(RING(K) LABLE('x'))", "unknown_keyword", "LABLE");
}

static void meanings_are_refused_at_their_place(void **state)
{
    (void)state;
    refused("RACDCERT LIST ADDRING(K)", "two_functions", "ADDRING");
    refused("RACDCERT ID(A) SITE LIST", "two_owners", "SITE");
    refused("RACDCERT CERTAUTH SITE LIST", "two_owners", "SITE");
    refused("RACDCERT ID(CERTAUTH) LIST", "bad_owner", "ID");
    refused("RACDCERT ID(a/b) LIST", "bad_owner", "ID");
    refused("RACDCERT CONNECT(LABEL(x))", "missing_keyword", "CONNECT");
    refused("RACDCERT CONNECT(RING(x))", "missing_keyword", "CONNECT");
    refused("RACDCERT REMOVE(RING(x))", "missing_keyword", "REMOVE");
    refused("RACDCERT CONNECT(LABEL(x) RING(y) USAGE(SITE PERSONAL))", "one_operand", "PERSONAL");
    refused("RACDCERT CONNECT(LABEL(x) RING(y) USAGE())", "one_operand", "USAGE");
    refused("RACDCERT GENREQ(LABEL(x))", "missing_keyword", "GENREQ");
    refused("RACDCERT GENREQ() DSN(x)", "missing_keyword", "GENREQ");
    refused("RACDCERT EXPORT(LABEL(x))", "missing_keyword", "EXPORT");
    refused("RACDCERT EXPORT(LABEL(x)) DSN(y) FORMAT(CERTDER CERTB64)", "one_operand", "CERTB64");
    refused("RACDCERT ALTER(LABEL(x)) TRUST NOTRUST", "two_statuses", "NOTRUST");
    refused("RACDCERT LIST(LABEL(x) SERIALNUMBER(1))", "two_selections", "SERIALNUMBER");
    refused("RACDCERT LIST(ISSUERSDN('CN=x'))", "missing_keyword", "ISSUERSDN");
    refused("RACDCERT LIST(SERIALNUMBER(1G))", "bad_serial", "SERIALNUMBER");
    refused("RACDCERT ADD('../x')", "bad_data_set", "ADD");
    refused("RACDCERT ADD(/etc/passwd)", "bad_data_set", "ADD");
    refused("RACDCERT ADD('..')", "bad_data_set", "ADD");
    refused("RACDCERT ADD('')", "bad_data_set", "ADD");
    refused("RACDCERT ADD('-')", "bad_data_set", "ADD");
    refused("RACDCERT GENREQ(LABEL(x)) DSN('a/b')", "bad_data_set", "DSN");
}

static void certificates_that_cannot_be_made_are_refused(void **state)
{
    (void)state;
#define GENCERT "RACDCERT GENCERT SUBJECTSDN(CN(x)) "
    refused(GENCERT "DSA", "key_not_supported", "DSA");
    refused(GENCERT "BPECC SIZE(256)", "key_not_supported", "BPECC");
    refused(GENCERT "FROMICSF(K)", "key_not_supported", "FROMICSF");
    refused(GENCERT "SIZE(1024)", "key_not_supported", "SIZE");
    refused(GENCERT "SIZE(2049)", "key_not_supported", "SIZE");
    refused(GENCERT "SIZE(2K)", "bad_size", "SIZE");
    refused(GENCERT "SIZE(999999)", "bad_size", "SIZE");
    refused(GENCERT "NISTECC SIZE(192)", "key_not_supported", "SIZE");
    refused(GENCERT "NISTECC SIZE(512)", "key_not_supported", "SIZE");
    refused(GENCERT "RSA NISTECC", "two_key_types", "NISTECC");
    refused(GENCERT "NOTAFTER(DATE(2020-01-01))", "bad_validity", "NOTAFTER");
    refused(GENCERT "NOTAFTER(DATE(2030-02-30))", "bad_date", "NOTAFTER");
    refused(GENCERT "SIGNWITH(CERTAUTH)", "missing_keyword", "SIGNWITH");
    refused(GENCERT "KEYUSAGE(SIGN)", "unknown_keyword", "SIGN");
    refused(GENCERT "ALTNAME(DNS('x'))", "unknown_keyword", "DNS");
    refused("RACDCERT GENCERT SUBJECTSDN()", "missing_operand", "SUBJECTSDN");
    refused("RACDCERT GENCERT SUBJECTSDN(ST(x))", "unknown_keyword", "ST");
}

static void what_does_not_belong_is_ignored_aloud(void **state)
{
    SG_RAC_REQUEST request;
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    assert_int_equal(translate("RACDCERT ADDRING(K) TRUST SIZE(1)", &usual, &request, &err), SG_OK);
    assert_int_equal(json_array_size(request.warnings), 2);
    assert_string_equal(json_string_value(json_array_get(request.warnings, 0)),
                        "TRUST is ignored: it does not belong to ADDRING");
}

static void refresh_is_not_needed(void **state)
{
    SG_RAC_REQUEST request;
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    assert_int_equal(
        translate("SETROPTS RACLIST(DIGTCERT,DIGTRING) REFRESH", &usual, &request, &err), SG_OK);
    assert_int_equal(request.task, SG_RAC_NOTHING);
    assert_int_equal(json_array_size(request.notes), 1);
}

static void without_an_owner_the_caller_must_be_known(void **state)
{
    static const char *const texts[] = {"RACDCERT LIST", "RACDCERT ADDRING(K)",
                                        "RACDCERT CONNECT(CERTAUTH LABEL(x) RING(y))"};
    static const struct sg_rac_context nobody = {.now_s = NOW_S};
    (void)state;
    for (size_t i = 0; i < SG_COUNT(texts); i++) {
        SG_RAC_REQUEST request;
        struct sg_error err = SG_ERROR_INIT;
        assert_int_equal(translate(texts[i], &nobody, &request, &err), SG_E_USAGE);
        assert_string_equal(err.code, "own_unknown");
    }
}

/* The command has an owner: it is the signer that has none. */
static void a_signer_without_an_owner_is_pointed_at(void **state)
{
    static const char text[] = "RACDCERT ID(S) GENCERT SUBJECTSDN(CN('a')) SIGNWITH(LABEL('ca'))";
    static const struct sg_rac_context nobody = {.now_s = NOW_S};
    SG_RAC_REQUEST request;
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    assert_int_equal(translate(text, &nobody, &request, &err), SG_E_USAGE);
    assert_string_equal(err.code, "own_unknown");
    assert_memory_equal(err.text, "SIGNWITH names no owner", 23);
    assert_int_equal(request.fault, strstr(text, "SIGNWITH") - text);
}

static void passwords_do_not_come_as_arguments(void **state)
{
    SG_RAC_REQUEST request;
    struct sg_error err = SG_ERROR_INIT;
    static const struct sg_rac_context arguments = {.own = "ME", .visible = true};
    (void)state;
    assert_int_equal(translate("RACDCERT ADD(x) PASSWORD('geheim')", &arguments, &request, &err),
                     SG_E_USAGE);
    assert_string_equal(err.code, "password_visible");
    assert_null(strstr(err.text, "geheim"));
}

/* A keystore with a private key needs a password, and a password alone means one. */
static void keystores_go_in_and_out_with_a_password(void **state)
{
    static const struct {
        const char *text, *format;
    } exports[] = {
        {"FORMAT(PKCS12DER) PASSWORD('geheim')", "pkcs12"},
        {"FORMAT(PKCS12B64) PASSWORD('geheim')", "pkcs12-pem"},
        {"PASSWORD('geheim')", "pkcs12"},
    };
    (void)state;
    for (size_t i = 0; i < SG_COUNT(exports); i++) {
        SG_RAC_REQUEST request;
        struct sg_error err = SG_ERROR_INIT;
        char text[160];
        snprintf(text, sizeof text, "RACDCERT ID(S) EXPORT(LABEL('a')) DSN(OUT) %s",
                 exports[i].text);
        assert_int_equal(translate(text, &usual, &request, &err), SG_OK);
        assert_string_equal(request.password, "geheim");
        assert_string_equal(request.locals[1].value, exports[i].format);
        assert_true(json_is_true(json_object_get(request.params, "chain")));
        char *sent = json_dumps(request.params, 0);
        assert_null(strstr(sent, "geheim"));
        free(sent);
    }
    SG_RAC_REQUEST add;
    SG_RAC_REQUEST without;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(translate("RACDCERT ID(S) ADD(IN.P12) PASSWORD('geheim')", &usual, &add, &err),
                     SG_OK);
    assert_string_equal(add.password, "geheim");
    assert_int_equal(translate("RACDCERT ID(S) EXPORT(LABEL('a')) DSN(OUT) FORMAT(PKCS12DER)",
                               &usual, &without, &err),
                     SG_E_USAGE);
    assert_string_equal(err.code, "missing_keyword");
    assert_non_null(strstr(err.hint, "PASSWORD"));
}

static void serials_and_issuers_select(void **state)
{
    SG_RAC_REQUEST request;
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    assert_int_equal(translate("RACDCERT ID(S) ALTER(SERIALNUMBER(00aF) "
                               "ISSUERSDN('CN=a, b.C=GB')) TRUST",
                               &usual, &request, &err),
                     SG_OK);
    const struct sg_rac_selection *selection = &request.selection;
    assert_true(selection->wanted);
    assert_true(sg_rac_selects_serial(selection, "af"));
    assert_true(sg_rac_selects_serial(selection, "00AF"));
    assert_false(sg_rac_selects_serial(selection, "af0"));
    assert_false(sg_rac_selects_serial(selection, "a"));
    assert_false(sg_rac_selects_serial(selection, NULL));
    assert_true(sg_rac_selects_issuer(selection, "CN=a, b.C=GB"));
    assert_false(sg_rac_selects_issuer(selection, "CN=a, b.C=DE"));
    assert_false(sg_rac_selects_issuer(selection, "cn=a, b.C=GB"));
    assert_false(sg_rac_selects_issuer(selection, NULL));
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    (void)state;
    SG_RAC_REQUEST request;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(translate("RACDCERT ADDRING('\xff')", &usual, &request, &err), SG_E_INPUT);
    assert_string_equal(err.code, "bad_character");
}

static void too_many_keywords_are_refused(void **state)
{
    (void)state;
    static char text[40000] = "RACDCERT GENCERT SUBJECTSDN(";
    size_t len = strlen(text);
    for (int i = 0; i < 600; i++) {
        memcpy(text + len, "OU(x) ", 7);
        len += 6;
    }
    memcpy(text + len, ")", 2);
    SG_RAC_REQUEST request;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(translate(text, &usual, &request, &err), SG_E_LIMIT);
}

static const char *code_of(int return_code)
{
    return return_code == 8 ? "eight" : "twelve";
}

/* at: what a refusal of the service points at; NULL: nothing. */
static void blamed(const char *text, const char *code, const char *object, const char *says,
                   const char *at)
{
    SG_RAC_REQUEST request;
    struct sg_error err = SG_ERROR_INIT;
    if (translate(text, &usual, &request, &err) != SG_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    assert_int_equal(sg_fail(&err, SG_E_CONFLICT, code, "%s", says), SG_E_CONFLICT);
    assert_int_equal(sg_object(&err, "%s", object), SG_E_CONFLICT);
    assert_int_equal(sg_rac_blame(&request, &err), at != NULL);
    if (at != NULL) {
        assert_int_equal(request.fault_len, strlen(at));
        assert_memory_equal(text + request.fault, at, strlen(at));
    }
    assert_int_equal(request.fault_len > 0, at != NULL);
}

#define CONNECT_ALL "RACDCERT ID(S) CONNECT(CERTAUTH LABEL('K') RING(K) DEFAULT)"

static void a_refusal_points_at_its_operand(void **state)
{
    (void)state;
    blamed(CONNECT_ALL, "ring_not_found", "S/K", "x", "K");
    blamed(CONNECT_ALL, "certificate_not_found", "CERTAUTH/K", "x", "'K'");
    blamed("RACDCERT ID(st1) ADDRING('my ring')", "ring_exists", "ST1/my ring", "x", "'my ring'");
    blamed("RACDCERT ID(st1) LIST", "owner_not_found", "ST1", "x", "st1");
    blamed("RACDCERT ADD(WEB.P12) WITHLABEL('a')", "pkcs12_damaged", "./web.p12", "x", "WEB.P12");
    blamed("RACDCERT ALTER(LABEL('a')) NEWLABEL('b')", "label_in_use", "ME/b", "x", "'b'");
    blamed("RACDCERT ALTER(LABEL('a')) NEWLABEL('b')", "bad_parameter", "",
           "the parameter \"label\" is too long", "'b'");
    blamed("RDEFINE FACILITY (A B)", "profile_exists", "FACILITY B", "x", "B");
    blamed("RACDCERT GENCERT SUBJECTSDN(CN('x')) SIZE(2048)", "policy_key_size", "ME/LABEL00000001",
           "x", "SIZE");
    blamed("RACDCERT GENCERT SUBJECTSDN(CN('x')) ALTNAME(DOMAIN('a b' 'c'))", "bad_san", "",
           "\"dns:a b\" is no name", "'a b'");
    blamed("RACDCERT GENCERT SUBJECTSDN(CN('x')) EKU(serverAuth whatever)", "unknown_eku", "",
           "\"whatever\" is none", "whatever");
}

/* Names that cannot be one, and what is known by its text alone. */
static void a_refusal_points_at_what_cannot_be(void **state)
{
    (void)state;
#define ALTER "RACDCERT ALTER(LABEL('a')) NEWLABEL"
    blamed(ALTER "(' b')", "bad_label", "", "the label starts with a blank", "' b'");
    blamed(ALTER "(' ')", "bad_label", "", "the label is empty", "' '");
    blamed("RACDCERT ALTER(LABEL(' b')) NEWLABEL(b)", "bad_label", "", "x", "' b'");
    blamed("RACDCERT ADDRING(' b')", "bad_ring_name", "", "x", "' b'");
    blamed("RACDCERT CONNECT(LABEL(' b') RING('c '))", "bad_ring_name", "", "x", "'c '");
    blamed("RACDCERT ADDTOKEN(9abc)", "bad_token_name", "", "x", "9abc");
    blamed("RACDCERT CONNECT(LABEL('Web    ') RING(K))", "certificate_not_found", "ME/Web", "x",
           "'Web    '");
    blamed("RACDCERT DELETE(SERIALNUMBER(00))", "certificate_not_found", "", "x", "SERIALNUMBER");
    blamed("RACDCERT ID(S) MAP SDNFILTER('ou=x') IDNFILTER('O=x')", "bad_filter", "",
           "the subject filter does not begin", "SDNFILTER");
    blamed("RACDCERT ID(S) MAP SDNFILTER('OU=x') IDNFILTER('o=x')", "bad_filter", "",
           "the issuer filter does not begin", "IDNFILTER");
    blamed("RACDCERT GENCERT SUBJECTSDN(O('y') CN('x'))", "bad_subject", "",
           "subject: CN has 69 characters", "CN");
    blamed("RACDCERT GENCERT SUBJECTSDN(CN('x') C('GBR'))", "bad_subject", "",
           "subject: a country is two letters", "C");
    blamed("RACDCERT GENCERT SUBJECTSDN(CN('x'))", "bad_subject", "", "subject: else",
           "SUBJECTSDN");
    blamed("RACDCERT ROLLOVER(LABEL('a')) NEWLABEL('a')", "same_certificate", "", "x", "NEWLABEL");
    blamed("RACDCERT ADD(NOSUCH) WITHLABEL('a')", "data_set_not_found", "NOSUCH", "x", "NOSUCH");
    blamed("RACDCERT ADDRING(K)", "bad_label", "", "x", NULL);
}

static void hinted(const char *function, const char *hint, const char *wanted)
{
    char text[640];
    (void)snprintf(text, sizeof text, "%s", hint);
    sg_rac_hint(function, text, sizeof text);
    assert_string_equal(text, wanted);
}

static void hints_speak_the_language_of_the_deck(void **state)
{
    (void)state;
    hinted("DELETE", "With --force the key is lost for ever, and the CA's answer with it.",
           "With FORCE the key is lost for ever, and the CA's answer with it.");
    hinted("GENCERT", "Add --signed-by CERTAUTH/LABEL.", "Add SIGNWITH(CERTAUTH LABEL('…')).");
    hinted("ROLLOVER", "Give the new one's label: --label NEW",
           "Give the new one's label: NEWLABEL('NEW')");
    hinted("REKEY", "Give --label NEW.", "Give WITHLABEL('NEW').");
    hinted("GENCERT", "Have it made for less: --days 200.",
           "Have it made for less: NOTAFTER(DATE(…)), 200 days at most.");
    hinted("GENCERT", "Name the server: --san dns:HOST or ip:ADDRESS.",
           "Name the server: ALTNAME(DOMAIN('HOST')) or ALTNAME(IP(…)).");
    hinted("GENCERT", "host names belong in a subject alternative name (--san dns:...).",
           "host names belong in a subject alternative name (ALTNAME(DOMAIN('…'))).");
    hinted("EXPORT", "Put a longer one into the password file.",
           "Put a longer one into PASSWORD('…').");
    hinted("GENCERT", "Leave --extractable out: programs use the key through a ring.",
           "Leave EXTRACTABLE out: programs use the key through a ring.");
    hinted("GENCERT", "Without --not-before it begins now; see --not-after.",
           "Without NOTBEFORE(DATE(…)) it begins now; see NOTAFTER(DATE(…)).");
    /* a label may look like a sentence's end, and like an option */
    hinted("ADD", "Delete it first: signet cert delete 'RACE/x. --force'; or --force.",
           "Delete it first: signet cert delete 'RACE/x. --force'; or FORCE.");
    hinted("ADD", "signet cert delete 'RACE/x) --force (; --trust'. Or --force.",
           "signet cert delete 'RACE/x) --force (; --trust'. Or FORCE.");
    hinted("ADD", "signet cert delete 'RACE/it'\\''s. --force; --trust' --force. Or --force.",
           "signet cert delete 'RACE/it'\\''s. --force; --trust' --force. Or FORCE.");
    /* what a shell takes stays */
    hinted("ROLLOVER",
           "signet cert request 'A/b'; have it signed; signet cert add 'A/b' FILE --force. To use "
           "it as it is: --force",
           "signet cert request 'A/b'; have it signed; signet cert add 'A/b' FILE --force. To use "
           "it as it is: FORCE");
    hinted("ALTER", "another label (signet cert alter … --label NEW).",
           "another label (signet cert alter … --label NEW).");
    hinted("DELETE", "A/--force, --forced and --label-of stay",
           "A/--force, --forced and --label-of stay");
    hinted("DELETE", "", "");
}

static void a_refusal_of_nothing_that_was_written_points_nowhere(void **state)
{
    (void)state;
    blamed("RACDCERT ADDRING(K)", "ring_exists", "ME/OTHERK", "x", NULL);
    blamed("RACDCERT ADDRING(K)", "disk_full", "", "x", NULL);
    blamed("RACDCERT GENCERT SUBJECTSDN(CN('x'))", "policy_key_size", "", "x", NULL);
    blamed("RACDCERT ADDRING(K)", "bad_parameter", "", "the parameter \"", NULL);
    blamed("RACDCERT ADDRING(K)", "bad_parameter", "", "the parameter \"none\" is bad", NULL);
    /* nor at a secret, only at its keyword */
    blamed("RACDCERT ADD(a) PASSWORD('secret')", "whatever", "secret", "\"secret\"", NULL);
    blamed("RACDCERT ADD(a) PASSWORD('secret')", "bad_value", "secret", "\"secret\"", NULL);
    blamed("RACDCERT ADD(a) PASSWORD('secret')", "wrong_password", "./a", "x", "PASSWORD");
    /* whatever was away was not refused */
    SG_RAC_REQUEST request;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(translate("RACDCERT ADDRING(K)", &usual, &request, &err), SG_OK);
    assert_int_equal(sg_fail(&err, SG_E_SERVICE, "service_gone", "x"), SG_E_SERVICE);
    assert_int_equal(sg_object(&err, "ME/K"), SG_E_SERVICE);
    assert_false(sg_rac_blame(&request, &err));
}

/* Chile puts its clocks forward at midnight. */
static void a_day_without_a_midnight_begins_later(void **state)
{
    (void)state;
    static const char gap[] = "RACDCERT GENCERT SUBJECTSDN(CN('x')) NOTBEFORE(DATE(2027-09-05))";
    static const char said[] =
        "RACDCERT GENCERT SUBJECTSDN(CN('x')) NOTBEFORE(DATE(2027-09-05) TIME(00:00:00))";
    SG_RAC_REQUEST request = SG_RAC_REQUEST_INIT;
    SG_RAC_REQUEST refusal = SG_RAC_REQUEST_INIT;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(setenv("TZ", "<-04>4<-03>,M9.1.0/0,M4.1.0/0", 1), 0);
    assert_int_equal(sg_rac_translate((struct sg_bytes){(const unsigned char *)gap, strlen(gap)},
                                      &usual, &request, &err),
                     SG_OK);
    assert_string_equal(json_string_value(json_object_get(request.params, "not_before")),
                        "2027-09-05T04:00:00Z");
    assert_string_equal(json_string_value(json_object_get(request.params, "not_after")),
                        "2028-09-06T02:59:59Z");
    assert_int_equal(json_array_size(request.warnings), 1);
    assert_non_null(strstr(json_string_value(json_array_get(request.warnings, 0)),
                           "there is no 2027-09-05 00:00:00 here"));
    assert_int_equal(request.fault_len, 0);
    assert_int_equal(sg_rac_translate((struct sg_bytes){(const unsigned char *)said, strlen(said)},
                                      &usual, &refusal, &err),
                     SG_E_INPUT);
    assert_string_equal(err.code, "no_such_time");
    assert_int_equal(setenv("TZ", "UTC0", 1), 0);
}

/* West of Greenwich the last day of all ends in the year 10000. */
static void the_last_day_ends_where_certificates_end(void **state)
{
    static const char text[] = "RACDCERT ID(S) GENCERT SUBJECTSDN(CN('x')) "
                               "NOTBEFORE(DATE(2030-01-01)) NOTAFTER(DATE(9999-12-31))";
    SG_RAC_REQUEST request = SG_RAC_REQUEST_INIT;
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    assert_int_equal(setenv("TZ", "EST5", 1), 0);
    assert_int_equal(sg_rac_translate((struct sg_bytes){(const unsigned char *)text, strlen(text)},
                                      &usual, &request, &err),
                     SG_OK);
    assert_string_equal(json_string_value(json_object_get(request.params, "not_before")),
                        "2030-01-01T05:00:00Z");
    assert_string_equal(json_string_value(json_object_get(request.params, "not_after")),
                        "9999-12-31T23:59:59Z");
    assert_int_equal(json_array_size(request.notes), 1);
    assert_int_equal(setenv("TZ", "UTC0", 1), 0);
}

static void keys_leave_their_token_when_that_is_said(void **state)
{
    (void)state;
    becomes("RACDCERT ADD(w) PASSWORD('p') EXTRACTABLE",
            "cert add {\"extractable\":true,\"racf\":true,\"target\":\"ME\"} certificates=w");
    remarked("RACDCERT GENCERT SUBJECTSDN(CN('x')) EXTRACTABLE", 0, 1, "EXTRACTABLE");
    remarked("RACDCERT GENCERT(r) SIGNWITH(LABEL('x')) EXTRACTABLE", 1, 0,
             "EXTRACTABLE is ignored: the request");
    remarked("RACDCERT REKEY(LABEL('x')) EXTRACTABLE", 1, 0,
             "EXTRACTABLE is ignored: it does not belong to REKEY");
    refused("RACDCERT GENCERT SUBJECTSDN(CN('x')) PKDS EXTRACTABLE", "extractable_in_place",
            "EXTRACTABLE");
    refused("RACDCERT GENCERT SUBJECTSDN(CN('x')) RSA(PKDS) EXTRACTABLE", "extractable_in_place",
            "EXTRACTABLE");
    refused("RACDCERT ADD(w) PASSWORD('p') ICSF EXTRACTABLE", "extractable_in_place",
            "EXTRACTABLE");
}

static void requests_replace_a_root_by_force(void **state)
{
    (void)state;
    becomes("RACDCERT CERTAUTH GENCERT(r) SIGNWITH(CERTAUTH LABEL('x')) FORCE "
            "NOTAFTER(DATE(2030-12-31))",
            "cert generate {\"certificate\":\"CERTAUTH\",\"force\":true,"
            "\"not_after\":\"2030-12-31T23:59:59Z\",\"not_before\":\"2026-11-18T00:00:00Z\","
            "\"signed_by\":\"CERTAUTH/x\"} from_request=r");
    remarked("RACDCERT GENCERT SUBJECTSDN(CN('x')) FORCE", 1, 0, "FORCE is ignored");
}

static void messages_have_their_numbers(void **state)
{
    static const struct {
        const char *function, *code, *number;
        sg_status status;
        int return_code;
    } rows[] = {
        {"LISTRING", "ring_not_found", "IRRD114I", SG_E_NOT_FOUND, 8},
        {"CONNECT", "missing_keyword", "IRRD121I", SG_E_USAGE, 12},
        {"GENREQ", "missing_keyword", "IRRD130I", SG_E_USAGE, 12},
        {"ADD", "not_authorised", "IRRD101I", SG_E_DENIED, 8},
        {"PERMIT", "not_authorised", "ICH408I", SG_E_DENIED, 8},
        {"PERMIT", "missing_keyword", "IKJ56701I", SG_E_USAGE, 12},
        {"RDEFINE", "class_not_kept", NULL, SG_E_UNSUPPORTED, 8},
        {"ADD", "wrong_key", NULL, SG_E_CONFLICT, 8},
        {"ADD", "whatever", "IKJ56702I", SG_E_USAGE, 12},
        {"ADD", "service_gone", NULL, SG_E_SERVICE, 12},
        {"GENCERT", "usage_not_for_key", "IRRD156I", SG_E_INPUT, 8},
        {"BIND", "token_unavailable", "IRRD165I", SG_E_TOKEN, 12},
    };
    (void)state;
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        struct sg_error err = SG_ERROR_INIT;
        assert_int_equal(sg_fail(&err, rows[i].status, rows[i].code, "x"), rows[i].status);
        const char *number = sg_rac_message(rows[i].function, &err).number;
        assert_string_equal(number != NULL ? number : "",
                            rows[i].number != NULL ? rows[i].number : "");
        assert_string_equal(code_of(sg_rac_return_code(&err)), code_of(rows[i].return_code));
    }
}

/* Every keyword of RACDCERT belongs to functions that exist, and every function has a translation.
 */
static void the_table_is_whole(void **state)
{
    size_t count = 0;
    unsigned functions = 0;
    const struct sg_rac_keyword *rows = sg_rac_keywords(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t other = 0; other < i; other++) {
            assert_false(rows[other].level == rows[i].level &&
                         strcmp(rows[other].name, rows[i].name) == 0);
        }
        if (!rows[i].function) {
            continue;
        }
        SG_RAC_REQUEST request;
        struct sg_error err = SG_ERROR_INIT;
        char text[64];
        snprintf(text, sizeof text, "RACDCERT %s%s", rows[i].name,
                 rows[i].content == SG_CONTENT_VALUE ? "(x)"
                 : rows[i].optional                  ? ""
                                                     : "()");
        (void)!translate(text, &usual, &request, &err);
        assert_int_not_equal(err.status, SG_E_INTERNAL);
        assert_string_equal(request.function, rows[i].name);
        functions++;
    }
    assert_true(functions >= 19);
}

static void certificates_of_tokens_are_imported(void **state)
{
    (void)state;
    becomes(
        "RACDCERT ID(S) IMPORT(TOKEN(T) SEQNUM(00000007)) WITHLABEL('x') TRUST",
        "token import {\"sequence\":7,\"status\":\"trust\",\"target\":\"S/x\",\"token\":\"T\"}");
    becomes("RACDCERT SITE IMP(SEQ(1) TOK(T)) ICSF",
            "token import {\"sequence\":1,\"target\":\"SITE\",\"token\":\"T\"}");
    remarked("RACDCERT IMPORT(SEQNUM(1) TOKEN(T)) PKDS(*)", 0, 1, "PKDS: keys stand in");
    refused("RACDCERT IMPORT", "missing_operand", "IMPORT");
    refused("RACDCERT IMPORT(TOKEN(T))", "missing_keyword", "IMPORT");
    refused("RACDCERT IMPORT(SEQNUM(1))", "missing_keyword", "IMPORT");
    refused("RACDCERT IMPORT(TOKEN(T) SEQNUM(0))", "bad_sequence_number", "SEQNUM");
    refused("RACDCERT IMPORT(TOKEN(T) SEQNUM(1 2))", "one_operand", "2");
    refused("RACDCERT IMPORT(TOKEN(T) SEQNUM(1) LABEL('x'))", "unknown_keyword", "LABEL");
    refused("RACDCERT IMPORT(TOKEN(T) SEQNUM(1)) TRUST NOTRUST", "two_statuses", "NOTRUST");
    refused("RACDCERT MULTIID IMPORT(TOKEN(T) SEQNUM(1))", "multiid_not_allowed", "MULTIID");
}

static void files_are_checked(void **state)
{
    (void)state;
    becomes("RACDCERT CHECKCERT('A.B')", "cert check {\"details\":true} certificates=A.B");
    becomes("racdcert certauth checkc(a)", "cert check {\"details\":true} certificates=a");
    refused("RACDCERT CHECKCERT", "missing_operand", "CHECKCERT");
    refused("RACDCERT CHECKCERT()", "missing_operand", "CHECKCERT");
    refused("RACDCERT CHECKCERT(a b)", "one_operand", "b");
    refused("RACDCERT CHECKCERT('../a')", "bad_data_set", "CHECKCERT");
    refused("RACDCERT CHECKCERT('/a')", "bad_data_set", "CHECKCERT");
    refused("RACDCERT CHECKCERT(a) PASSWORD('')", "bad_password", "PASSWORD");
    refused("RACDCERT MULTIID CHECKCERT(a)", "multiid_not_allowed", "MULTIID");
    refused("RACDCERT CHECKCERT(a) LIST", "two_functions", "LIST");
}

static void served_tokens(void **state)
{
    (void)state;
    becomes("RACDCERT ADDTOKEN(ftp.tls)", "token add {\"token\":\"ftp.tls\"}");
    becomes("RACDCERT DELTOKEN(T)", "token delete {\"token\":\"T\"}");
    becomes("RACDCERT DELTOKEN(T) FORCE", "token delete {\"force\":true,\"token\":\"T\"}");
    becomes("RACDCERT LISTTOKEN(T)", "token show {\"token\":\"T\"}");
    becomes("RACDCERT LISTTOKEN(*)", "token list {}");
    becomes("RACDCERT BIND(SITE LABEL('a b') TOKEN(T) USAGE(PERSONAL) DEFAULT)",
            "token bind {\"certificate\":\"SITE/a b\",\"default\":true,\"token\":\"T\","
            "\"usage\":\"personal\"}");
    becomes("RACDCERT BIND(LABEL(x) TOKEN(T))",
            "token bind {\"certificate\":\"ME/x\",\"token\":\"T\"}");
    becomes("RACDCERT UNBIND(CERTAUTH LABEL(x) TOKEN(T))",
            "token unbind {\"certificate\":\"CERTAUTH/x\",\"token\":\"T\"}");
    becomes("RACDCERT UNBIND(SEQNUM(00000012) TOKEN(T))",
            "token unbind {\"sequence\":12,\"token\":\"T\"}");
    refused("RACDCERT BIND(LABEL(x))", "missing_keyword", "BIND");
    refused("RACDCERT BIND(TOKEN(x))", "missing_keyword", "BIND");
    refused("RACDCERT BIND(LABEL(x) TOKEN(T) RING(R))", "unknown_keyword", "RING");
    refused("RACDCERT UNBIND(LABEL(x))", "missing_keyword", "UNBIND");
    refused("RACDCERT UNBIND(TOKEN(T))", "missing_keyword", "UNBIND");
    refused("RACDCERT UNBIND(LABEL(x) SEQNUM(1) TOKEN(T))", "two_selectors", "SEQNUM");
    refused("RACDCERT UNBIND(SEQNUM(0) TOKEN(T))", "bad_sequence_number", "SEQNUM");
    refused("RACDCERT UNBIND(SEQNUM(-1) TOKEN(T))", "bad_sequence_number", "SEQNUM");
    refused("RACDCERT UNBIND(SEQNUM(1x) TOKEN(T))", "bad_sequence_number", "SEQNUM");
    refused("RACDCERT UNBIND(SEQNUM(123456789) TOKEN(T))", "bad_sequence_number", "SEQNUM");
    refused("RACDCERT LISTTOKEN", "missing_operand", "LISTTOKEN");
}

#define LIST "\"profile\":\"IRR.DIGTCERT.LIST\""
#define ON_LIST "{\"class\":\"FACILITY\"," LIST

static void profiles_are_defined(void **state)
{
    (void)state;
    becomes("RDEFINE FACILITY IRR.DIGTCERT.LIST UACC(NONE) OWNER(SECADM) DATA('who lists')",
            "authority define " ON_LIST ",\"uacc\":\"none\"}");
    becomes("rdef facility 'IRR.DIGTCERT.LIST'",
            "authority define {\"class\":\"FACILITY\"," LIST "}");
    becomes("RDEF RDATALIB (START1.RING.LST,START1.RING.UPD) UA(R)",
            "authority define {\"class\":\"RDATALIB\",\"profile\":\"START1.RING.LST\","
            "\"uacc\":\"read\"}; "
            "authority define {\"class\":\"RDATALIB\",\"profile\":\"START1.RING.UPD\","
            "\"uacc\":\"read\"}");
    becomes("RDEFINE DIGTCRIT APPLID=CICS.SYSID=* APPLDATA('user1')",
            "authority define {\"appldata\":\"user1\",\"class\":\"DIGTCRIT\","
            "\"profile\":\"APPLID=CICS.SYSID=*\"}");
    becomes("RALTER FACILITY IRR.DIGTCERT.LIST UACC(ALTER)",
            "authority alter " ON_LIST ",\"uacc\":\"control\"}");
    becomes("RALT FACILITY IRR.DIGTCERT.LIST NOAPPLDATA",
            "authority alter {\"appldata\":\"\",\"class\":\"FACILITY\"," LIST "}");
    becomes("RDELETE FACILITY IRR.DIGTCERT.LIST", "authority delete " ON_LIST "}");
    becomes("RDEL FACILITY (IRR.DIGTCERT.LIST 'A.*')",
            "authority delete " ON_LIST
            "}; authority delete {\"class\":\"FACILITY\",\"profile\":\"A.*\"}");
    becomes("RLIST FACILITY IRR.DIGTCERT.LIST AUTHUSER",
            "authority show {\"class\":\"FACILITY\",\"covering\":true," LIST "}");
    becomes("RL FACILITY IRR.DIGTCERT.LIST NOGEN", "authority show " ON_LIST "}");
    becomes("RL FACILITY * ALL", "authority list {\"class\":\"FACILITY\"}");
}

static void profiles_are_permitted(void **state)
{
    (void)state;
    becomes("PERMIT IRR.DIGTCERT.LIST CLASS(FACILITY) ID(START1) ACCESS(READ)",
            "authority permit {\"class\":\"FACILITY\",\"level\":\"read\"," LIST
            ",\"to\":\"id:START1\"}");
    becomes("PE IRR.DIGTCERT.LIST CL(FACILITY) ID(*)",
            "authority permit {\"class\":\"FACILITY\",\"level\":\"read\"," LIST
            ",\"to\":\"id:*\"}");
    becomes("PERMIT 'IRR.DIGTCERT.LIST' ID(WEBSRV NGINX) ACC(CON) CLASS(FACILITY)",
            "authority permit {\"class\":\"FACILITY\",\"level\":\"control\"," LIST
            ",\"to\":\"id:WEBSRV\"}; "
            "authority permit {\"class\":\"FACILITY\",\"level\":\"control\"," LIST
            ",\"to\":\"id:NGINX\"}");
    becomes("PERMIT IRR.DIGTCERT.LIST CLASS(FACILITY) ID(X) DELETE",
            "authority revoke {\"class\":\"FACILITY\",\"from\":\"id:X\"," LIST "}");
    becomes("PERMIT IRR.DIGTCERT.LIST CLASS(FACILITY) RESET", "authority reset " ON_LIST "}");
    becomes("PERMIT IRR.DIGTCERT.LIST CLASS(FACILITY) RESET(ALL) ID(X) ACCESS(UPDATE)",
            "authority reset " ON_LIST
            "}; authority permit {\"class\":\"FACILITY\",\"level\":\"update\"," LIST
            ",\"to\":\"id:X\"}");
    becomes("PERMIT IRR.DIGTCERT.LIST CLASS(FACILITY) ID(X) ACCESS(EXECUTE)",
            "authority permit {\"class\":\"FACILITY\",\"level\":\"none\"," LIST
            ",\"to\":\"id:X\"}");
}

static void what_profiles_do_not_have_is_said(void **state)
{
    (void)state;
    remarked("RDEFINE FACILITY X OWNER(SECADM)", 1, 0, "OWNER is ignored");
    remarked("RDEFINE FACILITY X AUDIT(FAILURES(READ),SUCCESS(UPDATE))", 1, 0, "AUDIT is ignored");
    remarked("RDEFINE FACILITY X NOTIFY", 1, 0, "NOTIFY is ignored");
    remarked("RDEFINE FACILITY X DATA('x') LEVEL(00)", 0, 2, "DATA is not kept");
    remarked("RDEFINE FACILITY X UACC(READ)", 1, 0, "UACC other than NONE: every user");
    remarked("RDEFINE DIGTCRIT X UACC(READ)", 0, 1, "UACC means nothing");
    remarked("RALTER FACILITY X OWNER(Y)", 1, 1, "OWNER is ignored");
    remarked("RALTER FACILITY X UACC(ALTER)", 2, 0, "ALTER is taken as CONTROL");
    remarked("RALTER FACILITY X NOWARNING UACC(NONE)", 0, 1, "NOWARNING is as it is");
    remarked("RLIST FACILITY X STATISTICS HISTORY", 2, 0, "STATISTICS is ignored");
    remarked("PERMIT X CLASS(FACILITY) ID(Y) GENERIC", 0, 1, "GENERIC is not needed");
    remarked("PERMIT X CLASS(FACILITY) RESET(WHEN)", 0, 1, "RESET(WHEN) is as it is");
    remarked("PERMIT X CLASS(FACILITY) ID(Y) ACCESS(ALTER)", 1, 0, "ALTER is taken as CONTROL");
}

static void profiles_are_refused_at_their_place(void **state)
{
    (void)state;
    refused("RDEFINE", "missing_operand", "RDEFINE");
    refused("RDEFINE FACILITY", "missing_operand", "RDEFINE");
    refused("RDEFINE FACILITY UACC(NONE)", "missing_operand", "UACC");
    refused("RDEFINE (FACILITY) X", "missing_operand", "(");
    refused("RDEFINE FACILITY ()", "missing_operand", ")");
    refused("RDEFINE FACILITY (A B", "unclosed_parenthesis", "(");
    refused("RDEFINE FACILITY (A (B))", "unclosed_parenthesis", "(");
    refused("RDEFINE FACILITY A B", "unknown_keyword", "B");
    refused("RDEFINE SURROGAT START1.SUBMIT UACC(NONE)", "class_not_kept", "SURROGAT");
    refused("RALTER 'DATASET' X UACC(NONE)", "class_not_kept", "'DATASET'");
    refused("RDELETE STARTED X.*", "class_not_kept", "STARTED");
    refused("RLIST CSFKEYS *", "class_not_kept", "CSFKEYS");
    refused("RDEFINE FACILITY X WARNING", "keyword_not_supported", "WARNING");
    refused("RALTER FACILITY X WARN UACC(NONE)", "keyword_not_supported", "WARN");
    refused("RDEFINE FACILITY X ADDMEM(Y)", "keyword_not_supported", "ADDMEM");
    refused("RDEFINE FACILITY X SECLEVEL(1)", "keyword_not_supported", "SECLEVEL");
    refused("RDEFINE FACILITY X WHEN(DAYS(MONDAY))", "keyword_not_supported", "WHEN");
    refused("RDEFINE FACILITY X FROM(Y) FCLASS(FACILITY)", "keyword_not_supported", "FROM");
    refused("RLIST FACILITY X NORACF", "keyword_not_supported", "NORACF");
    refused("RDEFINE FACILITY X UACC()", "one_operand", "UACC");
    refused("RDEFINE FACILITY X UACC(READ UPDATE)", "one_operand", "UPDATE");
    refused("RDEFINE FACILITY X UACC(SOME)", "unknown_keyword", "SOME");
    refused("RDEFINE FACILITY X UACC", "missing_operand", "UACC");
    refused("RDEFINE FACILITY X NOSUCH(1)", "unknown_keyword", "NOSUCH");
    refused("RALTER FACILITY X", "nothing_to_change", "RALTER");
    refused("RALTER FACILITY X APPLDATA(a) NOAPPLDATA", "two_values", "NOAPPLDATA");
    refused("RDELETE FACILITY X UACC(NONE)", "unknown_keyword", "UACC");
    refused("RDEFINE RDATALIB IRR.RACDCERT.GRANULAR UACC(NONE)", "granular_not_supported",
            "IRR.RACDCERT.GRANULAR");
    refused("RDEFINE RDATALIB (A.B.LST irr.racdcert.granular)", "granular_not_supported",
            "irr.racdcert.granular");
    refused("PERMIT", "missing_operand", "PERMIT");
    refused("PERMIT CLASS(FACILITY) ID(X)", "missing_operand", "CLASS");
    refused("PERMIT (X Y) CLASS(FACILITY) ID(X)", "missing_operand", "(");
    refused("PERMIT X ID(Y)", "missing_keyword", "PERMIT");
    refused("PERMIT X CLASS(FACILITY)", "missing_keyword", "PERMIT");
    refused("PERMIT X CLASS(FACILITY) ACCESS(READ)", "missing_keyword", "PERMIT");
    refused("PERMIT X CLASS(FACILITY) RESET DELETE", "missing_keyword", "PERMIT");
    refused("PERMIT X CLASS(DATASET) ID(Y)", "class_not_kept", "DATASET");
    refused("PERMIT X CLASS(FACILITY RDATALIB) ID(Y)", "one_operand", "RDATALIB");
    refused("PERMIT X CLASS(FACILITY) ID()", "missing_operand", "ID");
    refused("PERMIT X CLASS(FACILITY) ID(Y) ACCESS(READ) DELETE", "two_values", "DELETE");
    refused("PERMIT X CLASS(FACILITY) ID(Y) ACCESS(READ CONTROL)", "one_operand", "CONTROL");
    refused("PERMIT X CLASS(FACILITY) RESET(ALL WHEN)", "one_operand", "WHEN");
    refused("PERMIT X CLASS(FACILITY) ID(Y) WHEN(TERMINAL(T))", "keyword_not_supported", "WHEN");
    refused("PERMIT X CLASS(FACILITY) ID(Y) WHEN(MOON(FULL))", "unknown_keyword", "MOON");
    refused("PERMIT X CLASS(FACILITY) FROM(Z) ID(Y)", "keyword_not_supported", "FROM");
    refused("PERMITS X CLASS(FACILITY) ID(Y)", "unknown_command", "PERMITS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rings),
        cmocka_unit_test(files_are_checked),
        cmocka_unit_test(certificates_of_tokens_are_imported),
        cmocka_unit_test(served_tokens),
        cmocka_unit_test(profiles_are_defined),
        cmocka_unit_test(profiles_are_permitted),
        cmocka_unit_test(what_profiles_do_not_have_is_said),
        cmocka_unit_test(profiles_are_refused_at_their_place),
        cmocka_unit_test(certificates),
        cmocka_unit_test(certificates_are_generated),
        cmocka_unit_test(keys_are_replaced),
        cmocka_unit_test(name_filters),
        cmocka_unit_test(keywords_are_refused_at_their_place),
        cmocka_unit_test(meanings_are_refused_at_their_place),
        cmocka_unit_test(certificates_that_cannot_be_made_are_refused),
        cmocka_unit_test(what_does_not_belong_is_ignored_aloud),
        cmocka_unit_test(refresh_is_not_needed),
        cmocka_unit_test(without_an_owner_the_caller_must_be_known),
        cmocka_unit_test(passwords_do_not_come_as_arguments),
        cmocka_unit_test(keystores_go_in_and_out_with_a_password),
        cmocka_unit_test(serials_and_issuers_select),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(too_many_keywords_are_refused),
        cmocka_unit_test(messages_have_their_numbers),
        cmocka_unit_test(a_refusal_points_at_its_operand),
        cmocka_unit_test(a_refusal_points_at_what_cannot_be),
        cmocka_unit_test(hints_speak_the_language_of_the_deck),
        cmocka_unit_test(a_refusal_of_nothing_that_was_written_points_nowhere),
        cmocka_unit_test(a_signer_without_an_owner_is_pointed_at),
        cmocka_unit_test(the_last_day_ends_where_certificates_end),
        cmocka_unit_test(a_day_without_a_midnight_begins_later),
        cmocka_unit_test(keys_leave_their_token_when_that_is_said),
        cmocka_unit_test(requests_replace_a_root_by_force),
        cmocka_unit_test(the_table_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
