/* SPDX-License-Identifier: MIT */
#include "notify/message.h"
#include "notify/notice.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define NOON INT64_C(1700000000000000)

static char *written(const struct notice *notice)
{
    struct json_out out;
    char *text;

    json_begin(&out, -1, 0);
    notice_write(&out, notice);
    text = xstrndup(out.pending.data, out.pending.size);
    json_done(&out);
    return text;
}

Test(notice, comes_back_as_it_was_written)
{
    const char *const boards[] = {"a", "b", NULL};
    struct notice notice = {.kind = NOTICE_POOL_LOW,
                            .lab = "bench",
                            .boards = boards,
                            .title = "bench: pool",
                            .text = "two\nlines",
                            .url = "https://x/",
                            .unix_us = NOON,
                            .dropped = 7};
    cleanup_free char *text = written(&notice);
    struct notice_read read;
    struct err err;

    cr_assert_eq(notice_read(text, strlen(text), &read, &err), 0, "%s", err.message);
    cr_expect_eq(read.notice.kind, NOTICE_POOL_LOW);
    cr_expect_str_eq(read.notice.lab, "bench");
    cr_expect_str_eq(read.notice.boards[1], "b");
    cr_expect_null(read.notice.boards[2]);
    cr_expect_str_eq(read.notice.title, "bench: pool");
    cr_expect_str_eq(read.notice.text, "two\nlines");
    cr_expect_str_eq(read.notice.url, "https://x/");
    cr_expect_eq(read.notice.unix_us, NOON);
    cr_expect_eq(read.notice.dropped, 7);
    notice_read_done(&read);
}

Test(notice, what_is_none_is_refused)
{
    static const char *const rows[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"kind\":\"fail\",\"lab\":\"b\"}",
        "{\"kind\":\"fire\",\"lab\":\"b\",\"title\":\"t\",\"time\":1}",
        "{\"kind\":\"fail\",\"title\":\"t\",\"time\":1}",
        "{\"kind\":\"fail\",\"lab\":\"b\",\"title\":\"t\",\"time\":-1}",
        "{\"kind\":\"fail\",\"lab\":\"b\",\"title\":\"t\",\"time\":99999999999999}"};
    struct notice_read read;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(notice_read(rows[i], strlen(rows[i]), &read, NULL), -ERR_DATA, "%s", rows[i]);
}

/* ---- messages -------------------------------------------------------------------------------- */

static struct notice fail(const char *title, const char *text)
{
    return (struct notice){
        .kind = NOTICE_FAIL, .lab = "bench", .title = title, .text = text, .unix_us = NOON};
}

Test(message, one_notice_is_its_own_subject_and_a_burst_is_counted)
{
    struct notice notices[] = {fail("bench: fail", NULL),
                               fail("bench: again", NULL),
                               {.kind = NOTICE_QUARANTINE, .lab = "bench", .title = "bench: b"}};
    cleanup_free char *one = message_subject(&(struct message){.notices = notices, .count = 1});
    cleanup_free char *all = message_subject(&(struct message){.notices = notices, .count = 3});

    cr_expect_str_eq(one, "bench: fail");
    cr_expect_str_eq(all, "bench: 2 fail, 1 quarantine");
}

Test(message, text_shows_the_first_and_counts_the_others)
{
    struct notice notices[30];
    cleanup_buf struct buf out = BUF_INIT(1 << 20);

    setenv("TZ", "UTC", 1);
    for (size_t i = 0; i < ARRAY_SIZE(notices); i++)
        notices[i] = fail("bench: fail", i ? NULL : "why");
    notices[0].url = "https://x/1";
    message_text(&(struct message){.notices = notices, .count = 1}, &out);
    cr_expect_str_eq(out.data, "bench: fail\n2023-11-14 22:13\nwhy\nhttps://x/1\n");
    buf_clear(&out);
    message_text(&(struct message){.notices = notices, .count = 30, .dropped = 5}, &out);
    cr_expect(strstr(out.data, "\nand 15 more: hil history\n"), "%s", out.data);
}

static char *slack_text(const struct notice *notices, size_t count)
{
    cleanup_buf struct buf out = BUF_INIT(1 << 20);
    cJSON *json = NULL;
    char *text;

    message_slack(&(struct message){.notices = notices, .count = count}, &out);
    cr_assert_eq(json_parse(out.data, out.size, 1 << 20, "slack", &json, NULL), 0);
    text = xstrdup(json_get_string(json, "text", NULL));
    cJSON_Delete(json);
    return text;
}

Test(message, what_a_board_printed_calls_nobody)
{
    struct notice notice = fail("bench: <!channel> & co", "<https://evil|click>");
    cleanup_free char *text = NULL;

    notice.url = "https://github.com/o/n/actions/runs/7";
    text = slack_text(&notice, 1);
    cr_expect_str_eq(text, ":x: *bench: &lt;!channel&gt; &amp; co*\n&lt;https://evil|click&gt;\n"
                           "<https://github.com/o/n/actions/runs/7>\n");
}

Test(message, slack_gets_no_more_than_it_takes)
{
    char detail[8001];
    struct notice notices[20];

    memset(detail, '<', sizeof detail - 1);
    detail[sizeof detail - 1] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(notices); i++)
        notices[i] = fail("bench: fail", detail);
    cleanup_free char *text = slack_text(notices, ARRAY_SIZE(notices));
    cr_expect_leq(strlen(text), SLACK_MAX);
    cr_expect(str_ends(text, "more\n"), "%s", text + strlen(text) - 20);
}

Test(message, json_has_all)
{
    struct notice notices[] = {fail("one", NULL), fail("two", "x\x1b[31m")};
    struct message message = {.notices = notices, .count = 2, .dropped = 3};
    cleanup_buf struct buf out = BUF_INIT(1 << 20);
    cJSON *json = NULL;

    snprintf(message.id, sizeof message.id, "abc");
    message_json(&message, &out);
    cr_assert_eq(json_parse(out.data, out.size, 1 << 20, "json", &json, NULL), 0, "%s", out.data);
    cr_expect_eq(json_get_int(json, "schema", 0), 1);
    cr_expect_str_eq(json_get_string(json, "id", ""), "abc");
    cr_expect_eq(json_get_int(json, "dropped", 0), 3);
    cr_expect_eq(cJSON_GetArraySize(cJSON_GetObjectItem(json, "notices")), 2);
    cJSON_Delete(json);
}
