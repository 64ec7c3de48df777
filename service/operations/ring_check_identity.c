/* ring check: who serves from the ring, and whether it can. */
#include "ring_check_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- contents and default ---- */

static size_t count_personal(const struct sg_ring_check *check)
{
    size_t count = 0;
    for (size_t i = 0; i < check->count; i++) {
        count += check->members[i].usage == SG_USAGE_PERSONAL ? 1 : 0;
    }
    return count;
}

/* What cannot be done with the ring because of that. */
static sg_status report_no_identity(struct sg_ring_check *check, struct sg_error *err)
{
    bool asked = check->host != NULL || check->mq;
    struct sg_next next =
        sg_next("signet ring connect %s %s --usage personal --default", sg_ring_word(check).text,
                sg_shell_word(check->ring.name.owner.text, "LABEL").text);
    if (check->count == 0) {
        return sg_ring_found(check, SG_SEVERITY_ERROR, "ring_empty", NULL, &next, err,
                             "the ring holds nothing");
    }
    if (count_personal(check) > 0) {
        return sg_ring_found(check, SG_SEVERITY_ERROR, "no_usable_key", NULL, &next, err,
                             "none of the PERSONAL certificates can be used by a server");
    }
    return sg_ring_found(check, asked ? SG_SEVERITY_ERROR : SG_SEVERITY_NOTE, "no_personal", NULL,
                         &next, err,
                         "no PERSONAL certificate: the ring serves as a truststore, a program "
                         "finds nothing in it to identify itself with");
}

/* Another member that a server could use. */
static const struct sg_ring_member *find_usable(const struct sg_ring_check *check)
{
    for (size_t i = 0; i < check->count; i++) {
        if (check->members[i].obstacle == SG_OBSTACLE_NONE) {
            return &check->members[i];
        }
    }
    return NULL;
}

/* A CA that became the default by mistake is no server: its key is for signing certificates. */
static struct sg_next mend_default(const struct sg_ring_check *check)
{
    const struct sg_ring_member *identity = check->identity;
    const struct sg_ring_member *usable = find_usable(check);
    if (identity->obstacle == SG_OBSTACLE_NOTRUST) {
        return sg_next("signet cert alter %s --trust", sg_member_word(identity).text);
    }
    bool fits = identity->obstacle == SG_OBSTACLE_USAGE && identity->has_key &&
                !identity->facts->ca &&
                sg_owner_kind(identity->name.owner.text) != SG_OWNER_CERTAUTH;
    usable = usable == NULL && fits ? identity : usable;
    return sg_next("signet ring connect %s %s --usage personal --default", sg_ring_word(check).text,
                   usable != NULL ? sg_member_word(usable).text
                                  : sg_shell_word(check->ring.name.owner.text, "LABEL").text);
}

sg_status sg_ring_check_default(struct sg_ring_check *check, struct sg_error *err)
{
    const struct sg_ring_member *identity = check->identity;
    if (identity == NULL) {
        return report_no_identity(check, err);
    }
    if (!identity->is_default) {
        struct sg_next next = sg_next("signet ring connect %s %s --usage personal --default",
                                      sg_ring_word(check).text, sg_member_word(identity).text);
        return sg_ring_found(check, SG_SEVERITY_WARNING, "no_default", identity, &next, err,
                             "no default: programs that ask for it find none, others take the "
                             "first with a key");
    }
    if (identity->obstacle != SG_OBSTACLE_NONE) {
        struct sg_next next = mend_default(check);
        return sg_ring_found(check, SG_SEVERITY_ERROR, "default_not_usable", identity, &next, err,
                             "the default cannot be used by a server: it %s",
                             sg_obstacle_text(identity->obstacle));
    }
    return SG_OK;
}

sg_status sg_ring_check_keys(struct sg_ring_check *check, struct sg_error *err)
{
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < check->count; i++) {
        const struct sg_ring_member *member = &check->members[i];
        if (member->usage != SG_USAGE_PERSONAL || member->obstacle == SG_OBSTACLE_NONE ||
            member->obstacle == SG_OBSTACLE_NOTRUST || member->form != SG_FORM_SOUND ||
            member == check->identity) {
            continue; /* NOTRUST or malformed is said of every member, the identity has had its turn
                       */
        }
        struct sg_next next = sg_next("signet ring remove %s %s", sg_ring_word(check).text,
                                      sg_member_word(member).text);
        s = sg_ring_found(check, SG_SEVERITY_WARNING, "key_not_deliverable", member, &next, err,
                          "connected as PERSONAL, but a server cannot use it: it %s",
                          sg_obstacle_text(member->obstacle));
    }
    return s;
}

/* ---- the tokens that hold the keys ---- */

static bool gives_key(const struct sg_ring_member *member)
{
    return member->obstacle == SG_OBSTACLE_NONE || member->obstacle == SG_OBSTACLE_RETIRED;
}

/* An error for the identity. What starts is there in a moment, or says more by then; what is busy
 * comes to it, and what failed last may do it next time. */
static sg_status report_token(struct sg_ring_check *check, const struct sg_ring_member *member,
                              const struct sg_token_trouble *trouble, struct sg_error *err)
{
    bool passes = trouble->serving == SG_SERVES_SOON || trouble->serving == SG_SERVES_SLOWLY ||
                  trouble->serving == SG_SERVES_BADLY;
    bool grave = member == check->identity && !passes;
    struct sg_next next = sg_next("%s", trouble->next);
    return sg_ring_found(check, grave ? SG_SEVERITY_ERROR : SG_SEVERITY_WARNING, trouble->code,
                         member, &next, err, "%s its key: %s", trouble->effect, trouble->text);
}

/* A ring may hold thousands of keys of one token: asked about once, and told of the first. */
struct asked {
    const char *tokens[SG_TOKENS_MAX];
    size_t count;
};

static bool was_asked(const struct asked *asked, const char *token)
{
    for (size_t i = 0; i < asked->count; i++) {
        if (strcmp(asked->tokens[i], token) == 0) {
            return true;
        }
    }
    return asked->count == SG_COUNT(asked->tokens);
}

static sg_status check_token(struct sg_ring_check *check, const struct sg_ring_member *member,
                             struct asked *asked, struct sg_error *err)
{
    if (!gives_key(member) || was_asked(asked, member->token)) {
        return SG_OK;
    }
    struct sg_token_trouble trouble = sg_run_token_trouble(check->run, member->token);
    asked->tokens[asked->count++] = member->token;
    return trouble.serving == SG_SERVES ? SG_OK : report_token(check, member, &trouble, err);
}

sg_status sg_ring_check_tokens(struct sg_ring_check *check, struct sg_error *err)
{
    struct asked asked = {.count = 0};
    sg_status s =
        check->identity != NULL ? check_token(check, check->identity, &asked, err) : SG_OK;
    for (size_t i = 0; s == SG_OK && i < check->count; i++) {
        s = check_token(check, &check->members[i], &asked, err);
    }
    return s;
}

/* ---- chain ---- */

/* The issuer that the store knows and the ring does not hold; the caller must be allowed to know it
 * too. */
static sg_status find_missing(struct sg_ring_check *check, struct sg_next *next,
                              struct sg_error *err)
{
    SG_CLEANUP(sg_found_chain_done) struct sg_found_chain found = {0};
    const struct sg_ring_member *identity = check->identity;
    sg_status s = sg_chain_find(check->run->service, identity->name.owner.text,
                                identity->certificate, NULL, 0, &found, err);
    if (s != SG_OK) {
        sg_error_clear(err); /* a chain that does not even build in the store has its own finding */
        return SG_OK;
    }
    int at = found.chain.count > check->chain.count
                 ? sg_found_chain_index(&found, check->chain.count)
                 : -1;
    if (at >= 0 && sg_run_allowed(check->run, SG_FUNCTION_LIST, found.names[at].owner.text)) {
        *next = sg_next("signet ring connect %s %s --usage certauth", sg_ring_word(check).text,
                        sg_shell_word(found.names[at].owner.text, found.names[at].label.text).text);
    }
    return SG_OK;
}

static sg_status report_incomplete(struct sg_ring_check *check, struct sg_error *err)
{
    const struct sg_certificate *last = check->chain.members[check->chain.count - 1];
    struct sg_next next = sg_next("signet cert add CERTAUTH FILE");
    sg_status s = find_missing(check, &next, err);
    return s == SG_OK ? sg_ring_found(check, SG_SEVERITY_ERROR, "chain_incomplete", check->identity,
                                      &next, err,
                                      "the ring does not hold its whole chain: the certificate of "
                                      "\"%.300s\" is missing",
                                      sg_certificate_facts(last)->issuer_text)
                      : s;
}

static void mark_needed(struct sg_ring_check *check)
{
    for (size_t i = 0; i < check->chain.count; i++) {
        for (size_t k = 0; k < check->count; k++) {
            if (check->members[k].certificate == check->chain.members[i]) {
                check->members[k].needed = true;
            }
        }
    }
}

sg_status sg_ring_check_chain(struct sg_ring_check *check, struct sg_error *err)
{
    if (check->identity == NULL) {
        return SG_OK;
    }
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): it is pointers that are meant */
    SG_FREE const struct sg_certificate **shown = calloc(check->count + 1, sizeof *shown);
    size_t count = 0;
    if (shown == NULL) {
        return sg_fail_memory(err);
    }
    for (size_t i = 0; i < check->count; i++) {
        if (sg_member_visible(&check->members[i])) {
            shown[count++] = check->members[i].certificate;
        }
    }
    struct sg_error why = SG_ERROR_INIT;
    if (sg_chain_build(check->identity->certificate, shown, count, &check->chain, &why) != SG_OK) {
        check->chain.count = 0;
        return sg_ring_found(check, SG_SEVERITY_ERROR, "chain_broken", check->identity, NULL, err,
                             "%s", why.text);
    }
    mark_needed(check);
    /* a placeholder without a subject does not even name itself as its issuer */
    return check->chain.complete || check->identity->placeholder ? SG_OK
                                                                 : report_incomplete(check, err);
}

/* ---- what it says of itself ---- */

static bool same_address(const char *a, const char *b)
{
    unsigned char first[sizeof(struct in6_addr)];
    unsigned char second[sizeof first];
    return (inet_pton(AF_INET, a, first) == 1 && inet_pton(AF_INET, b, second) == 1 &&
            memcmp(first, second, sizeof(struct in_addr)) == 0) ||
           (inet_pton(AF_INET6, a, first) == 1 && inet_pton(AF_INET6, b, second) == 1 &&
            memcmp(first, second, sizeof first) == 0);
}

/* RFC 9525, 6.3: a wildcard is the whole left-most label and stands for one. */
static bool same_host(const char *name, const char *host)
{
    if (strncmp(name, "*.", 2) != 0) {
        return strcasecmp(name, host) == 0;
    }
    const char *dot = strchr(host, '.');
    return dot != NULL && dot != host && strcasecmp(name + 1, dot) == 0;
}

static bool names_host(const char *san, const char *host)
{
    return (strncmp(san, "dns:", 4) == 0 && same_host(san + 4, host)) ||
           (strncmp(san, "ip:", 3) == 0 && same_address(san + 3, host));
}

static sg_status check_host(struct sg_ring_check *check, struct sg_error *err)
{
    SG_BUFFER words;
    size_t count = 0;
    char list[500] = "";
    sg_buffer_init(&words, SG_CERTIFICATE_MAX);
    sg_status s = sg_certificate_sans(check->identity->certificate, &words, &count, err);
    if (s != SG_OK) {
        return s;
    }
    const char *san = (const char *)words.data;
    for (size_t i = 0; i < count; i++, san += strlen(san) + 1) {
        if (names_host(san, check->host)) {
            return SG_OK;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? ", " : "", san);
    }
    unsigned char address[sizeof(struct in6_addr)];
    bool ip = inet_pton(AF_INET, check->host, address) == 1 ||
              inet_pton(AF_INET6, check->host, address) == 1;
    char names[300];
    snprintf(names, sizeof names, "%s:%.253s", ip ? "ip" : "dns", check->host);
    struct sg_next next = sg_next("signet cert request %s --san %s",
                                  sg_member_word(check->identity).text, sg_shell_quote(names).text);
    return sg_ring_found(check, SG_SEVERITY_ERROR, "host_not_named", check->identity, &next, err,
                         "\"%.253s\" is not among its subject alternative names: %s", check->host,
                         count > 0 ? list : "it has none");
}

static sg_status check_purpose(struct sg_ring_check *check, struct sg_error *err)
{
    struct sg_x509_outline outline = sg_certificate_outline(check->identity->certificate);
    if (check->host == NULL || !outline.has_eku || outline.server) {
        return SG_OK;
    }
    struct sg_next next =
        sg_next("signet cert request %s --eku serverAuth", sg_member_word(check->identity).text);
    return sg_ring_found(check, SG_SEVERITY_ERROR, "not_for_servers", check->identity, &next, err,
                         "its extended key usages leave out serverAuth: TLS clients refuse it");
}

static sg_status check_signed(struct sg_ring_check *check, struct sg_error *err)
{
    const struct sg_ring_member *identity = check->identity;
    struct sg_next next = sg_next("signet cert request %s", sg_member_word(identity).text);
    if (identity->placeholder) {
        return sg_ring_found(check, SG_SEVERITY_WARNING, "placeholder", identity, &next, err,
                             "it is still the self-signed placeholder: no CA has answered");
    }
    bool self_signed =
        identity->facts->self_issued && check->chain.count == 1 && check->chain.complete;
    return self_signed
               ? sg_ring_found(check, SG_SEVERITY_WARNING, "self_signed", identity, &next, err,
                               "it is self-signed: every peer must trust this very certificate")
               : SG_OK;
}

/* MQ looks a certificate up by its label: CERTLABL, or this one. */
static sg_status check_label(struct sg_ring_check *check, struct sg_error *err)
{
    static const char usual[] = "ibmwebspheremq";
    const char *label = check->identity->name.label.text;
    if (!check->mq || strncasecmp(label, usual, sizeof usual - 1) == 0) {
        return SG_OK;
    }
    struct sg_next next = sg_next("ALTER QMGR CERTLABL('%s')", label);
    bool plain = strchr(label, '\'') == NULL; /* MQSC would want it doubled */
    return sg_ring_found(check, SG_SEVERITY_NOTE, "mq_label", check->identity, plain ? &next : NULL,
                         err,
                         "the queue manager finds it by its label only when CERTLABL says so: "
                         "without CERTLABL it asks for %s and its own name",
                         usual);
}

sg_status sg_ring_check_names(struct sg_ring_check *check, struct sg_error *err)
{
    if (check->identity == NULL) {
        return SG_OK;
    }
    sg_status s = check->host != NULL ? check_host(check, err) : SG_OK;
    s = s == SG_OK ? check_purpose(check, err) : s;
    s = s == SG_OK ? check_signed(check, err) : s;
    return s == SG_OK ? check_label(check, err) : s;
}
