/* SPDX-License-Identifier: MIT
 *
 * A file of the spool. What is taken for a notice is written and read back as the same, and every
 * form of a message of it is whole.
 */
#include "base/str.h"
#include "base/text.h"
#include "notify/message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_messages(const struct notice *notice)
{
    struct message message = {.notices = notice, .count = 1};
    cleanup_buf struct buf text = BUF_INIT(MESSAGE_MAX), slack = BUF_INIT(MESSAGE_MAX);
    cleanup_buf struct buf json = BUF_INIT(MESSAGE_MAX);
    cleanup_free char *subject = message_subject(&message);
    cJSON *parsed = NULL;

    message_text(&message, &text);
    message_slack(&message, &slack);
    message_json(&message, &json);
    must(json_parse(slack.data, slack.size, MESSAGE_MAX, "slack", &parsed, NULL) == 0);
    must(strlen(json_get_string(parsed, "text", "")) <=
         (size_t)SLACK_MAX * 3); /* U+FFFD is three */
    cJSON_Delete(parsed);
    must(json_parse(json.data, json.size, MESSAGE_MAX, "json", &parsed, NULL) == 0);
    cJSON_Delete(parsed);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct notice_read read, again;
    struct json_out out;

    if (notice_read((const char *)bytes, count, &read, NULL) < 0)
        return 0;
    json_begin(&out, -1, 0);
    notice_write(&out, &read.notice);
    if (out.pending.size <= NOTICE_MAX) {
        must(notice_read(out.pending.data, out.pending.size, &again, NULL) == 0);
        must(again.notice.kind == read.notice.kind && again.notice.unix_us == read.notice.unix_us);
        notice_read_done(&again);
    }
    json_done(&out);
    check_messages(&read.notice);
    notice_read_done(&read);
    return 0;
}
