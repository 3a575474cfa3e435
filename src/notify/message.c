/* SPDX-License-Identifier: MIT */
#include "notify/message.h"

#include "base/str.h"

#include <inttypes.h>
#include <string.h>

char *message_subject(const struct message *message)
{
    cleanup_buf struct buf out = BUF_INIT(4096);
    size_t kinds[NOTICE_KINDS] = {0};
    const char *comma = "";

    if (message->count == 1)
        return xstrdup(message->notices[0].title);
    for (size_t i = 0; i < message->count; i++)
        kinds[message->notices[i].kind]++;
    buf_addf(&out, "%s: ", message->notices[0].lab);
    for (size_t kind = 0; kind < NOTICE_KINDS; kind++) {
        if (!kinds[kind])
            continue;
        buf_addf(&out, "%s%zu %s", comma, kinds[kind], notice_kind_names[kind]);
        comma = ", ";
    }
    return buf_steal(&out);
}

static uint64_t not_shown(const struct message *message)
{
    return message->dropped + (message->count > MESSAGE_SHOWN ? message->count - MESSAGE_SHOWN : 0);
}

static size_t shown(const struct message *message)
{
    return message->count < MESSAGE_SHOWN ? message->count : MESSAGE_SHOWN;
}

void message_text(const struct message *message, struct buf *out)
{
    char when[STR_TIME_SIZE];

    for (size_t i = 0; i < shown(message); i++) {
        const struct notice *notice = &message->notices[i];
        buf_addf(out, "%s%s\n%s\n", i ? "\n" : "", notice->title,
                 str_local_time(notice->unix_us / 1000000, when));
        if (notice->text && *notice->text)
            buf_addf(out, "%s\n", notice->text);
        if (notice->url)
            buf_addf(out, "%s\n", notice->url);
    }
    if (not_shown(message))
        buf_addf(out, "\nand %" PRIu64 " more: hil history\n", not_shown(message));
}

void message_json(const struct message *message, struct buf *out)
{
    cleanup_free char *subject = message_subject(message);
    struct json_out json;

    json_begin(&json, -1, 0);
    json_object(&json);
    json_kv_int(&json, "schema", 1);
    json_kv_string(&json, "id", message->id);
    json_kv_string(&json, "lab", message->notices[0].lab);
    json_kv_string(&json, "subject", subject);
    json_kv_int(&json, "dropped", (int64_t)message->dropped);
    json_key(&json, "notices");
    json_array(&json);
    for (size_t i = 0; i < message->count; i++)
        notice_write(&json, &message->notices[i]);
    json_array_end(&json);
    json_object_end(&json);
    buf_add(out, json.pending.data, json.pending.size);
    json_done(&json);
}

/* ---- Slack ----------------------------------------------------------------------------------- */

/* The three characters that mean something: nobody is called by what a board printed. */
static void add_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        const char *mark = *text == '&'   ? "&amp;"
                           : *text == '<' ? "&lt;"
                           : *text == '>' ? "&gt;"
                                          : NULL;
        if ((mark ? buf_adds(out, mark) : buf_add(out, text, 1)) < 0)
            return;
    }
}

static const char *sign(enum notice_kind kind)
{
    switch (kind) {
    case NOTICE_PASS:
    case NOTICE_RELEASE:
        return ":white_check_mark: ";
    case NOTICE_FAIL:
        return ":x: ";
    case NOTICE_INFRA:
    case NOTICE_QUARANTINE:
    case NOTICE_POOL_LOW:
        return ":warning: ";
    default:
        return "";
    }
}

static void add_slack(struct buf *out, const struct notice *notice)
{
    buf_adds(out, sign(notice->kind));
    buf_adds(out, "*");
    add_escaped(out, notice->title);
    buf_adds(out, "*\n");
    if (notice->text && *notice->text) {
        add_escaped(out, notice->text);
        buf_adds(out, "\n");
    }
    if (notice->url && !strpbrk(notice->url, "<>|& \n"))
        buf_addf(out, "<%s>\n", notice->url);
}

void message_slack(const struct message *message, struct buf *out)
{
    cleanup_buf struct buf text = BUF_INIT(SLACK_MAX);
    uint64_t left = not_shown(message);
    struct json_out json;

    for (size_t i = 0; i < shown(message); i++) {
        cleanup_buf struct buf one = BUF_INIT(SLACK_MAX / 2);
        add_slack(&one, &message->notices[i]);
        if (buf_add(&text, one.data, one.size) < 0)
            left++;
    }
    if (left) {
        cleanup_free char *more = xasprintf("and %" PRIu64 " more\n", left);
        if (buf_adds(&text, more) < 0) {
            text.size = SLACK_MAX - strlen(more);
            buf_adds(&text, more);
        }
    }
    json_begin(&json, -1, 0);
    json_object(&json);
    json_key(&json, "text");
    json_bytes(&json, text.data, text.size);
    json_object_end(&json);
    buf_add(out, json.pending.data, json.pending.size);
    json_done(&json);
}
