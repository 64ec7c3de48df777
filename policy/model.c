#include <signet/policy/model.h>

#include <string.h>
#include <strings.h>

#include <signet/base/cleanup.h>

static const char *const trust_names[SG_TRUST_COUNT] = {
    [SG_TRUST] = "TRUST",
    [SG_NOTRUST] = "NOTRUST",
    [SG_HIGHTRUST] = "HIGHTRUST",
};

static const char *const usage_names[SG_USAGE_COUNT] = {
    [SG_USAGE_PERSONAL] = "PERSONAL",
    [SG_USAGE_CERTAUTH] = "CERTAUTH",
    [SG_USAGE_SITE] = "SITE",
};

static const char *const level_names[] = {
    [SG_LEVEL_NONE] = "NONE",
    [SG_LEVEL_READ] = "READ",
    [SG_LEVEL_UPDATE] = "UPDATE",
    [SG_LEVEL_CONTROL] = "CONTROL",
};

/* The place of a word in a table, or count. */
static size_t find_word(const char *const *words, size_t count, const char *text)
{
    size_t i = 0;
    while (i < count && strcasecmp(words[i], text) != 0) {
        i++;
    }
    return i;
}

enum sg_owner_kind sg_owner_kind(const char *owner)
{
    if (strcmp(owner, "CERTAUTH") == 0) {
        return SG_OWNER_CERTAUTH;
    }
    return strcmp(owner, "SITE") == 0 ? SG_OWNER_SITE : SG_OWNER_USER;
}

const char *sg_trust_name(enum sg_trust trust)
{
    /* A value from outside the enum must never read as trusted. */
    return trust_names[(unsigned)trust < SG_TRUST_COUNT ? trust : SG_NOTRUST];
}

bool sg_trust_parse(const char *text, enum sg_trust *out)
{
    size_t i = find_word(trust_names, SG_TRUST_COUNT, text);
    if (i == SG_TRUST_COUNT) {
        return false;
    }
    *out = (enum sg_trust)i;
    return true;
}

const char *sg_usage_name(enum sg_usage usage)
{
    return (unsigned)usage < SG_USAGE_COUNT ? usage_names[usage] : "?";
}

bool sg_usage_parse(const char *text, enum sg_usage *out)
{
    size_t i = find_word(usage_names, SG_USAGE_COUNT, text);
    if (i == SG_USAGE_COUNT) {
        return false;
    }
    *out = (enum sg_usage)i;
    return true;
}

const char *sg_level_name(enum sg_level level)
{
    return level_names[(unsigned)level < SG_COUNT(level_names) ? level : SG_LEVEL_NONE];
}

enum sg_usage sg_usage_default(const char *certificate_owner)
{
    switch (sg_owner_kind(certificate_owner)) {
    case SG_OWNER_CERTAUTH:
        return SG_USAGE_CERTAUTH;
    case SG_OWNER_SITE:
        return SG_USAGE_SITE;
    case SG_OWNER_USER:
        break;
    }
    return SG_USAGE_PERSONAL;
}
