/* SPDX-License-Identifier: MIT */
/* A POST of all there is as JSON. With a secret it is signed as GitHub signs its webhooks:
 * X-Hil-Signature-256 is "sha256=" and the HMAC-SHA256 (FIPS 198-1) of the body. X-Hil-Delivery is
 * the message's id, which stays the same when it is sent again. */
#include "base/hash.h"
#include "notify/kind.h"
#include "notify/post.h"

#include <sodium/crypto_auth_hmacsha256.h>
#include <string.h>

struct webhook_conf {
    struct secret_conf url, secret;
};

static const struct field rows[] = {
    {"url", FIELD_STRING, offsetof(struct webhook_conf, url.value), .help = "where it is sent"},
    {"url-file", FIELD_STRING, offsetof(struct webhook_conf, url.file), .help = SECRET_FILE_HELP},
    {"url-env", FIELD_STRING, offsetof(struct webhook_conf, url.env), .help = SECRET_ENV_HELP},
    {"secret", FIELD_STRING, offsetof(struct webhook_conf, secret.value),
     .help = "the key of its signature"},
    {"secret-file", FIELD_STRING, offsetof(struct webhook_conf, secret.file),
     .help = SECRET_FILE_HELP},
    {"secret-env", FIELD_STRING, offsetof(struct webhook_conf, secret.env),
     .help = SECRET_ENV_HELP},
    {0}};

static void check(const void *conf, const struct yaml_node *node, struct diags *diags)
{
    const struct webhook_conf *webhook = conf;

    secret_check(&webhook->url, "url", true, node, diags);
    secret_check(&webhook->secret, "secret", false, node, diags);
}

static char *sign(const char *secret, const struct buf *body)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    char digits[2 * sizeof mac + 1];
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)body->data, body->size);
    crypto_auth_hmacsha256_final(&state, mac);
    hex_encode(mac, sizeof mac, digits);
    explicit_bzero(&state, sizeof state);
    return xasprintf("X-Hil-Signature-256: sha256=%s", digits);
}

static int deliver(const struct sink *sink, const struct message *message, const char *version,
                   const struct ctx *ctx, int64_t *ret_wait_ms, struct err *err)
{
    const struct webhook_conf *webhook = sink->conf;
    cleanup_buf struct buf body = BUF_INIT(MESSAGE_MAX);
    cleanup_secret char *secret = NULL;
    cleanup_free char *delivery = xasprintf("X-Hil-Delivery: %s", message->id);
    cleanup_free char *signature = NULL;
    int rc = secret_read(&webhook->secret, "secret", sink->dir, &secret, err);

    if (rc < 0)
        return rc;
    message_json(message, &body);
    signature = secret ? sign(secret, &body) : NULL;
    return post_json(&webhook->url, sink->dir, body.data,
                     (const char *const[]){delivery, signature, NULL}, version, ctx, ret_wait_ms,
                     err);
}

static const char *where(const void *conf)
{
    const struct webhook_conf *webhook = conf;

    return webhook->url.file ? webhook->url.file : webhook->url.env ? webhook->url.env : "lab.yaml";
}

const struct sink_kind sink_webhook = {
    .name = "webhook",
    .help = "JSON by POST, signed with HMAC-SHA256",
    .rows = rows,
    .size = sizeof(struct webhook_conf),
    .check = check,
    .deliver = deliver,
    .where = where,
    .secrets = (const struct secret_row[]){{"url", offsetof(struct webhook_conf, url)},
                                           {"secret", offsetof(struct webhook_conf, secret)},
                                           {0}},
};
