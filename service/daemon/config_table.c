/* Every setting, once. docs/configuration.md explains them; a test holds the two together. */
#include "config_internal.h"
#include <signet/base/address.h>

#include <assert.h>

/* clang-format off */
#define SERVICE(member) \
    .offset = offsetof(struct sg_config, member), .size = sizeof(((struct sg_config *)0)->member)
#define TOKEN(member) \
    .offset = offsetof(struct sg_config_token, member), .size = sizeof(((struct sg_config_token *)0)->member)

static const struct sg_setting service_settings[] = {
    {"socket", SG_SETTING_SOCKET, SERVICE(socket), .initial = SG_SOCKET_DEFAULT,
     .help = "an absolute path of at most 107 bytes"},
    {"rings_socket", SG_SETTING_SOCKET, SERVICE(rings_socket), .initial = "/run/signet/pkcs11.sock",
     .help = "an absolute path of at most 107 bytes"},
    {"state", SG_SETTING_PATH, SERVICE(state), .initial = "/var/lib/signet",
     .help = "the absolute path of a directory"},
    {"administrators", SG_SETTING_USERS, SERVICE(administrators), .max = SG_ADMINISTRATORS_MAX,
     .help = "up to 64 users' names or numbers, separated by commas"},
    {"user", SG_SETTING_USER, SERVICE(user), .initial = "signet",
     .help = "a user's name, or - to stay as started"},
    {"token_user", SG_SETTING_USER, SERVICE(token_user), .initial = "signet-token",
     .help = "a user's name, or - to stay as started"},
    {"log", SG_SETTING_LOG_LEVEL, SERVICE(log), .initial = "info",
     .help = "error, warning, notice, info or debug"},
    {"connections_max", SG_SETTING_SIZE, SERVICE(connections_max), .min = 1, .max = 65536,
     .initial = "4096", .help = "a number from 1 to 65536"},
    {"connections_per_user_max", SG_SETTING_SIZE, SERVICE(connections_per_user_max), .min = 1,
     .max = 65536, .initial = "2048", .help = "a number from 1 to 65536"},
    {"watches_max", SG_SETTING_SIZE, SERVICE(watches_max), .min = 1, .max = 65536,
     .initial = "4096", .help = "a number from 1 to 65536"},
    {"watches_per_user_max", SG_SETTING_SIZE, SERVICE(watches_per_user_max), .min = 1, .max = 65536,
     .initial = "2048", .help = "a number from 1 to 65536"},
    {"connection_memory_max", SG_SETTING_SIZE_OR_NONE, SERVICE(connection_memory_max),
     .min = (uint64_t)32 << 20, .max = (uint64_t)64 << 30, .initial = "256M",
     .help = "bytes from 32M to 64G (K, M, G behind the number), or 0 for no limit"},
    {"request_deadline_s", SG_SETTING_UNSIGNED, SERVICE(request_deadline_s), .min = 1, .max = 3600,
     .initial = "30", .help = "seconds, a number from 1 to 3600"},
    {"silence_deadline_s", SG_SETTING_UNSIGNED, SERVICE(silence_deadline_s), .min = 12, .max = 3600,
     .initial = "60", .help = "seconds, a number from 12 to 3600"},
    {"policy", SG_SETTING_POLICY, SERVICE(policy), .initial = "default",
     .help = "default, fips, browser or legacy"},
    {"minimum_rsa_bits", SG_SETTING_POLICY, SERVICE(policy), .help = "a number from 1024 to 16384"},
    {"curves", SG_SETTING_POLICY, SERVICE(policy),
     .help = "p256, p384, p521, secp256k1, brainpool, ed25519, separated by commas"},
    {"signature_digests", SG_SETTING_POLICY, SERVICE(policy),
     .help = "sha1, sha256, sha384, sha512, separated by commas"},
    {"leaf_days_max", SG_SETTING_POLICY, SERVICE(policy),
     .help = "days, a number from 1 to 36525, or none, or baseline"},
    {"ca_days_max", SG_SETTING_POLICY, SERVICE(policy),
     .help = "days, a number from 1 to 36525, or none"},
    {"server_san_required", SG_SETTING_POLICY, SERVICE(policy), .help = "yes or no"},
    {"extractable_keys", SG_SETTING_POLICY, SERVICE(policy), .help = "allowed or never"},
    {"ec_ca", SG_SETTING_POLICY, SERVICE(policy), .help = "yes or no"},
};

static const struct sg_setting token_settings[] = {
    {"module", SG_SETTING_PATH, TOKEN(module), .required = true,
     .help = "the absolute path of a PKCS#11 module"},
    {"label", SG_SETTING_TEXT, TOKEN(label), .min = 1, .max = 32, .help = "1 to 32 bytes"},
    {"serial", SG_SETTING_TEXT, TOKEN(serial), .min = 1, .max = 16, .help = "1 to 16 bytes"},
    {"pin_file", SG_SETTING_PATH, TOKEN(pin_file), .required = true,
     .help = "the absolute path of a file that only its owner may read"},
    {"storage", SG_SETTING_PATH, TOKEN(storage),
     .help = "the absolute path of the directory that a software token writes to"},
    {"environment", SG_SETTING_ENVIRONMENT, TOKEN(environment), .max = SG_TOKEN_ENVIRONMENT_MAX,
     .help = "NAME=value, up to 16 of them, each on a line of its own"},
    {"processes", SG_SETTING_UNSIGNED, TOKEN(processes), .min = 1, .max = SG_TOKEN_PROCESSES_MAX,
     .help = "a number from 1 to 64"},
    {"login_deadline_s", SG_SETTING_UNSIGNED, TOKEN(login_deadline_s), .min = 1, .max = 3600,
     .initial = "60", .help = "seconds, a number from 1 to 3600"},
    {"call_deadline_s", SG_SETTING_UNSIGNED, TOKEN(call_deadline_s), .min = 1, .max = 3600,
     .initial = "120", .help = "seconds, a number from 1 to 3600"},
    {"use_deadline_s", SG_SETTING_UNSIGNED, TOKEN(use_deadline_s), .min = 1, .max = 3600,
     .initial = "20", .help = "seconds, a number from 1 to 3600, call_deadline_s at most"},
    {"extractable_allowed", SG_SETTING_FLAG, TOKEN(extractable_allowed), .initial = "no",
     .help = "yes or no"},
};
/* clang-format on */
static_assert(SG_COUNT(service_settings) <= SG_SETTINGS_MAX, "a bit for each");
static_assert(SG_COUNT(token_settings) <= SG_SETTINGS_MAX, "a bit for each");

const struct sg_setting *sg_config_service_settings(size_t *count)
{
    *count = SG_COUNT(service_settings);
    return service_settings;
}

const struct sg_setting *sg_config_token_settings(size_t *count)
{
    *count = SG_COUNT(token_settings);
    return token_settings;
}
