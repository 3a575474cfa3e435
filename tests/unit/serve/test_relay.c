/* SPDX-License-Identifier: MIT */
#include "serve/relay.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(relay, an_event_comes_out_as_it_went_in)
{
    static const struct hook_event rows[] = {
        {HOOK_RELEASE, "acme/motor", ""},
        {HOOK_RUN, "acme/motor", "release/1.x \"quoted\""},
        {HOOK_DISPATCH, "ACME/Motor", ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_free char *text = relay_write("bench", "one", &rows[i]);
        struct hook_event event;
        cr_assert(relay_read(text, "bench", "two", &event), "%s", text);
        cr_expect_eq(event.kind, rows[i].kind);
        cr_expect_str_eq(event.repo, rows[i].repo);
        cr_expect_str_eq(event.branch, rows[i].branch);
        cr_expect(!relay_read(text, "bench", "one", &event), "our own");
        cr_expect(!relay_read(text, "bench-2", "two", &event), "another lab's");
        cr_expect_eq(event.kind, HOOK_NOTHING);
    }
}

Test(relay, anything_else_is_no_news)
{
    static const char *const rows[] = {
        "",
        "x",
        "[]",
        "{}",
        "{\"lab\":\"bench\",\"from\":\"one\",\"kind\":\"release\",\"repository\":\"o/r\"}",
        "{\"lab\":\"bench\",\"kind\":\"release\",\"repository\":\"o/r\",\"branch\":\"\"}",
        "{\"lab\":\"bench\",\"from\":\"one\",\"kind\":\"nothing\",\"repository\":\"o/r\","
        "\"branch\":\"\"}",
        "{\"lab\":\"bench\",\"from\":\"one\",\"kind\":\"release\",\"repository\":\"../r\","
        "\"branch\":\"\"}",
        "{\"lab\":\"bench\",\"from\":\"one\",\"kind\":\"release\",\"repository\":7,\"branch\":"
        "\"\"}",
    };
    struct hook_event event;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect(!relay_read(rows[i], "bench", "two", &event), "%s", rows[i]);
    char branch[HOOK_TEXT_MAX + 1];
    memset(branch, 'b', sizeof branch - 1);
    branch[sizeof branch - 1] = '\0';
    cleanup_free char *text =
        xasprintf("{\"lab\":\"bench\",\"from\":\"one\",\"kind\":\"run\",\"repository\":\"o/r\","
                  "\"branch\":\"%s\"}",
                  branch);
    cr_expect(!relay_read(text, "bench", "two", &event));
}
