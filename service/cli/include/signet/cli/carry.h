/* A private key on its way between a file and the token: it is in the clear in this process alone
 * (docs/keys-in-and-out.md). */
#ifndef SIGNET_CLI_CARRY_H
#define SIGNET_CLI_CARRY_H

#include <jansson.h>

#include <signet/base/buffer.h>
#include <signet/base/error.h>
#include <signet/base/secret.h>
#include <signet/token/transport.h>

struct sg_client;
struct sg_invocation;

/** What an invocation carries. Zero: nothing. */
struct sg_carried {
    struct sg_buffer pkcs8;             /**< a key out of a file, or for one; empty: none */
    unsigned char spki_sha256[32];      /**< of a key out of a file */
    struct sg_transport_key *recipient; /**< what the service shall encrypt a key to */
    struct sg_secret *password;         /**< of the file, when it was said already; or NULL */
    bool silent;                        /**< nobody is asked for it: it was said or there is none */
    bool keystore;                      /**< one of the files is a PKCS#12 keystore */
    unsigned closed_keys;               /**< private keys in a file that is only looked into */
};
/** Wipe and free. */
void sg_carried_done(struct sg_carried *carried);

/** When a key was read from a file: encrypt it to the token process and put it among the
 * parameters. Fails with what the service answers. */
SG_CHECKED sg_status sg_carry_in(struct sg_client *client, struct sg_invocation *invocation,
                                 struct sg_error *err);

/** Will the answer bring a private key that belongs into a file? */
bool sg_carry_wants_key(const struct sg_invocation *invocation);
/** When it will: make a key pair that the service is to encrypt it to, and put its point among the
 * parameters. */
SG_CHECKED sg_status sg_carry_ask(struct sg_invocation *invocation, struct sg_error *err);
/** Append the private key (PKCS#8) of the certificate leaf that an answer brought. SG_E_SERVICE
 * "bad_answer" when there is none; SG_E_INPUT "sealed_key_damaged". */
SG_CHECKED sg_status sg_carry_out(const struct sg_invocation *invocation, const json_t *answer,
                                  struct sg_bytes leaf, struct sg_buffer *pkcs8,
                                  struct sg_error *err);

#endif
