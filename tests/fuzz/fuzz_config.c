/* Aimed at: sg_config_read, the configuration file. What is refused has its line; what is read has
 * every text ended and every number within its bounds. */
#include <string.h>

#include <signet/daemon/config.h>

#include "memory_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool invariant)
{
    if (!invariant) {
        abort();
    }
}

static void check_text(const char *text, size_t room)
{
    size_t len = strnlen(text, room);
    require(len < room);
    for (size_t i = 0; i < len; i++) {
        require((unsigned char)text[i] >= 0x20 || text[i] == '\t');
    }
}

static void check_token(const struct sg_config_token *token)
{
    size_t variables = 0;
    check_text(token->name, sizeof token->name);
    check_text(token->module, sizeof token->module);
    check_text(token->label, sizeof token->label);
    check_text(token->serial, sizeof token->serial);
    check_text(token->pin_file, sizeof token->pin_file);
    check_text(token->storage, sizeof token->storage);
    require(token->name[0] != '\0' && token->module[0] != '\0' && token->pin_file[0] != '\0');
    require((token->label[0] == '\0') != (token->serial[0] == '\0'));
    require(token->processes >= 1 && token->processes <= SG_TOKEN_PROCESSES_MAX);
    require(token->use_deadline_s >= 1 && token->use_deadline_s <= token->call_deadline_s);
    while (token->environment[variables] != NULL) {
        require(++variables <= SG_TOKEN_ENVIRONMENT_MAX);
        require(strchr(token->environment[variables - 1], '=') != NULL);
    }
}

static void check_count(size_t count)
{
    require(count >= 1 && count <= 65536);
}

static void check(const struct sg_config *config)
{
    check_text(config->socket, sizeof config->socket);
    check_text(config->rings_socket, sizeof config->rings_socket);
    check_text(config->state, sizeof config->state);
    check_text(config->user, sizeof config->user);
    check_text(config->token_user, sizeof config->token_user);
    require(config->socket[0] == '/' && config->rings_socket[0] == '/' && config->state[0] == '/');
    require(config->administrator_count <= SG_ADMINISTRATORS_MAX);
    check_count(config->connections_max);
    check_count(config->connections_per_user_max); /* more than all of them is no mistake */
    check_count(config->watches_max);
    check_count(config->watches_per_user_max);
    require(config->token_count >= 1 && config->token_count <= SG_TOKENS_MAX);
    for (size_t i = 0; i < config->token_count; i++) {
        check_token(&config->tokens[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sg_config config;
    struct sg_error err = SG_ERROR_INIT;
    struct memory_file file = memory_file_new(data, size);
    memset(&config, 0, sizeof config);
    sg_status s = sg_config_read(file.path, &config, &err);
    if (s == SG_OK) {
        check(&config);
    } else {
        require(s == SG_E_INPUT && err.status == s && strcmp(err.code, "bad_configuration") == 0);
        require(strncmp(err.text, file.path, strlen(file.path)) == 0 && err.hint[0] != '\0');
    }
    sg_config_done(&config);
    (void)close(file.fd);
    return 0;
}
