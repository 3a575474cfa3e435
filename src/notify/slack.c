/* SPDX-License-Identifier: MIT */
/* Incoming webhooks: https://api.slack.com/messaging/webhooks. Mattermost, Rocket.Chat, Zulip and
 * Discord (its URL with /slack at the end) take the same. */
#include "notify/kind.h"
#include "notify/post.h"

struct slack_conf {
    struct secret_conf url;
};

static const struct field rows[] = {
    {"url", FIELD_STRING, offsetof(struct slack_conf, url.value), .help = "of the webhook"},
    {"url-file", FIELD_STRING, offsetof(struct slack_conf, url.file), .help = SECRET_FILE_HELP},
    {"url-env", FIELD_STRING, offsetof(struct slack_conf, url.env), .help = SECRET_ENV_HELP},
    {0}};

static void check(const void *conf, const struct yaml_node *node, struct diags *diags)
{
    const struct slack_conf *slack = conf;

    secret_check(&slack->url, "url", true, node, diags);
}

static int deliver(const struct sink *sink, const struct message *message, const char *version,
                   const struct ctx *ctx, int64_t *ret_wait_ms, struct err *err)
{
    const struct slack_conf *slack = sink->conf;
    cleanup_buf struct buf body = BUF_INIT(MESSAGE_MAX);

    message_slack(message, &body);
    return post_json(&slack->url, sink->dir, body.data, NULL, version, ctx, ret_wait_ms, err);
}

static const char *where(const void *conf)
{
    const struct slack_conf *slack = conf;

    return slack->url.file ? slack->url.file : slack->url.env ? slack->url.env : "lab.yaml";
}

const struct sink_kind sink_slack = {
    .name = "slack",
    .help = "an incoming webhook of Slack, or of what takes the same",
    .rows = rows,
    .size = sizeof(struct slack_conf),
    .check = check,
    .deliver = deliver,
    .where = where,
    .secrets = (const struct secret_row[]){{"url", offsetof(struct slack_conf, url)}, {0}},
};
