/* SPDX-License-Identifier: MIT */
#include "serve/hook.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <string.h>

#define GOOD "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
static const char secret[] = "It's a Secret to Everybody", body[] = "Hello, World!";

static bool is_signed(const char *header)
{
    return hook_signed(secret, strlen(secret), body, strlen(body), header);
}

Test(hook, the_vector_of_githubs_documentation)
{
    char wrong[] = GOOD;

    cr_expect(is_signed(GOOD));
    cr_expect(is_signed("sha256=757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17"));
    for (size_t i = 0; i < strlen(GOOD); i++) {
        wrong[i] ^= 1;
        cr_expect_not(is_signed(wrong), "digit %zu", i);
        wrong[i] ^= 1;
    }
    cr_expect_not(is_signed(NULL));
    cr_expect_not(is_signed(""));
    cr_expect_not(is_signed("sha256="));
    cr_expect_not(is_signed(GOOD "0"));
    cr_expect_not(is_signed("sha1=757107ea0eb2509fc211221cce984b8a37570b6d"));
    cr_expect_not(hook_signed("other", 5, body, strlen(body), GOOD));
    cr_expect_not(hook_signed(secret, strlen(secret), body, strlen(body) - 1, GOOD));
}

Test(hook, a_delivery_is_taken_once)
{
    struct hook_memory memory = {.next = 0};

    cr_expect(hook_is_new(&memory, "first"));
    cr_expect_not(hook_is_new(&memory, "first"));
    cr_expect_not(hook_is_new(&memory, "FIRST"));
    for (unsigned i = 0; i < HOOK_REMEMBERED - 1; i++) {
        cleanup_free char *id = xasprintf("id-%u", i);
        cr_assert(hook_is_new(&memory, id));
    }
    cr_expect_not(hook_is_new(&memory, "first"), "the oldest is still known");
    cr_expect(hook_is_new(&memory, "one-more"));
    cr_expect(hook_is_new(&memory, "first"));
    hook_memory_done(&memory);
}

Test(hook, ids)
{
    cr_expect(hook_id_ok("72d3162e-cc78-11e3-81ab-4c9367dc0958"));
    cr_expect_not(hook_id_ok(NULL));
    cr_expect_not(hook_id_ok(""));
    cr_expect_not(hook_id_ok("a b"));
    cr_expect_not(hook_id_ok("01234567890123456789012345678901234567890123456789012345678901234"));
}

#define REPO "\"repository\":{\"full_name\":\"o/r\"}"

Test(hook, which_event_wakes_which_watch)
{
    static const struct {
        const char *name, *text;
        bool release, artifact;
    } rows[] = {
        {"release", "{\"action\":\"published\"," REPO "}", true, false},
        {"release", "{\"action\":\"deleted\"," REPO "}", true, false},
        {"repository_dispatch", "{" REPO "}", true, true},
        {"workflow_run",
         "{\"action\":\"completed\"," REPO ",\"workflow_run\":{\"conclusion\":\"success\","
         "\"head_branch\":\"main\"}}",
         false, true},
        {"workflow_run",
         "{\"action\":\"completed\"," REPO ",\"workflow_run\":{\"conclusion\":\"success\","
         "\"head_branch\":\"dev\"}}",
         false, false},
        {"workflow_run",
         "{\"action\":\"completed\"," REPO ",\"workflow_run\":{\"conclusion\":\"failure\","
         "\"head_branch\":\"main\"}}",
         false, false},
        {"workflow_run",
         "{\"action\":\"requested\"," REPO ",\"workflow_run\":{\"conclusion\":null,"
         "\"head_branch\":\"main\"}}",
         false, false},
        {"ping", "{}", false, false},
        {"release", "{\"repository\":{\"full_name\":\"o/other\"}}", false, false},
        {"release", "{\"repository\":{\"full_name\":\"O/R\"}}", true, false},
    };
    const struct watch_conf release = {.repo = (char *)"o/r", .release = (char *)"latest"},
                            artifact = {.repo = (char *)"o/r",
                                        .artifact = (char *)"fw",
                                        .branch = (char *)"main"};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hook_event event;
        struct err err;
        cr_assert_eq(hook_read(rows[i].name, rows[i].text, strlen(rows[i].text), &event, &err), 0,
                     "row %zu: %s", i, err.message);
        cr_expect_eq(hook_wakes(&event, &release), rows[i].release, "row %zu", i);
        cr_expect_eq(hook_wakes(&event, &artifact), rows[i].artifact, "row %zu", i);
    }
}

Test(hook, what_is_no_event)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"repository\":{\"full_name\":7}}",
        "{\"repository\":{\"full_name\":\"../x\"}}",
        "{\"repository\":\"o/r\"}",
        "{" REPO,
    };
    struct hook_event event;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cr_expect_eq(hook_read("release", texts[i], strlen(texts[i]), &event, NULL), -ERR_DATA,
                     "%s", texts[i]);
        cr_expect_eq(event.kind, HOOK_NOTHING);
    }
    cr_expect_eq(hook_read("workflow_run", "{" REPO "}", strlen("{" REPO "}"), &event, NULL),
                 -ERR_DATA);
}
