/* Tokens that serve no program, or let all of them wait: what is wrong, in words. */
#include "run_internal.h"

#include <stdio.h>

static const char *trouble_of(enum sg_serving serving)
{
    switch (serving) {
    case SG_SERVES:
        return "serves";
    case SG_SERVES_SOON:
        return "is starting";
    case SG_SERVES_NOT:
        return "is not available";
    case SG_SERVES_WHEN_TOLD:
        return "waits for an operator: its PIN was refused";
    case SG_SERVES_BADLY:
        return "answered the last use of a key with an error, and none has succeeded since";
    case SG_SERVES_SLOWLY:
        return "is busy: each process that serves it has been at one operation for a second and "
               "more, and whoever wants the key waits; look again in some seconds, and if it stays "
               "so, give the token more processes";
    case SG_SERVES_NOBODY:
        return "does not answer";
    case SG_SERVES_NO_MORE:
        return "is not configured";
    }
    return "";
}

/* A PIN is not tried again unasked; everything else is told by the status. */
static void advise(const char *token, struct sg_token_trouble *trouble)
{
    if (trouble->serving == SG_SERVES_WHEN_TOLD || trouble->serving == SG_SERVES_NOT) {
        (void)snprintf(trouble->next, sizeof trouble->next, "signet token login %s",
                       sg_shell_quote(token).text);
    } else if (trouble->serving == SG_SERVES_BADLY) {
        (void)snprintf(trouble->next, sizeof trouble->next, "signet token list");
    } else {
        (void)snprintf(trouble->next, sizeof trouble->next, "signet status");
    }
}

struct sg_token_trouble sg_run_token_trouble(const struct sg_run *run, const char *token)
{
    const struct sg_tokens *tokens = &run->service->tokens;
    struct sg_token_trouble trouble = {
        .serving = tokens->serving != NULL ? tokens->serving(tokens->context, token) : SG_SERVES};
    (void)snprintf(trouble.text, sizeof trouble.text, "token \"%s\" %s", token,
                   trouble_of(trouble.serving));
    trouble.code = "token_unavailable";
    trouble.effect = "no program can use";
    if (trouble.serving == SG_SERVES_SLOWLY) {
        trouble.code = "token_busy";
        trouble.effect = "programs wait for";
    } else if (trouble.serving == SG_SERVES_BADLY) {
        trouble.code = "token_uses_fail";
        trouble.effect = "programs may get errors when they use";
    }
    advise(token, &trouble);
    return trouble;
}
