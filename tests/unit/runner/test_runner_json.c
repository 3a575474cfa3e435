/* SPDX-License-Identifier: MIT */
#include "runner/runner_json.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define LABEL(name, type) "{\"id\":1,\"name\":\"" name "\",\"type\":\"" type "\"}"
#define RUNNER(id, name, labels)                                                                 \
    "{\"id\":" id ",\"name\":\"" name "\",\"os\":\"linux\",\"status\":\"online\",\"busy\":true," \
    "\"labels\":[" labels "]}"

static int read_one(const char *text, struct runner *ret, struct err *err)
{
    return runner_read(text, strlen(text), ret, err);
}

Test(runner_json, only_custom_labels_are_taken)
{
    struct runner runner;
    struct err err = {0};

    cr_assert_eq(read_one(RUNNER("23", "bench-a",
                                 LABEL("self-hosted", "read-only") "," LABEL(
                                     "hil", "custom") ","
                                                      "{\"name\":\"no-type\"}"),
                          &runner, &err),
                 0, "%s", err.message);
    cr_assert(runner.id == 23 && runner.online && runner.busy);
    cr_assert_str_eq(runner.name, "bench-a");
    cr_assert_eq(runner.custom.count, 2);
    cr_assert_str_eq(runner.custom.items[0], "hil");
    cr_assert_str_eq(runner.custom.items[1], "no-type");
    runner_done(&runner);
}

Test(runner_json, what_is_not_as_described)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"{}", "'id'"},
        {RUNNER("0", "a", ""), "'id'"},
        {RUNNER("\"7\"", "a", ""), "'id'"},
        {RUNNER("7", "", ""), "'name'"},
        {"{\"id\":7,\"name\":\"a\"}", "'labels'"},
        {RUNNER("7", "a", "{\"name\":7}"), "'labels'"},
        {RUNNER("7", "a", "\"hil\""), "'labels'"},
        {"[]", "'id'"},
        {"nonsense", "GitHub's answer"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct runner runner;
        struct err err = {0};
        cr_assert_eq(read_one(rows[i].text, &runner, &err), -ERR_DATA, "%s", rows[i].text);
        cr_assert(strstr(err.message, rows[i].says), "%s: %s", rows[i].text, err.message);
        cr_assert(!runner.name && !runner.custom.items);
    }
}

Test(runner_json, a_page_is_searched_without_regard_to_case)
{
    const char *page = "{\"total_count\":3,\"runners\":[" RUNNER("1", "one", "") "," RUNNER(
        "2", "Bench-A", "") "," RUNNER("3", "three", "") "]}";
    struct runner found = {0};
    struct strv others = {0};
    struct err err = {0};

    cr_assert_eq(runner_read_page(page, strlen(page), "bench-a", &found, &others, &err), 0);
    cr_assert(found.id == 2 && others.count == 2);
    cr_assert_str_eq(others.items[1], "three");
    runner_done(&found);
    strv_done(&others);
    cr_assert_eq(runner_read_page("{}", 2, "x", &found, &others, &err), -ERR_DATA);
}

Test(runner_json, just_in_time)
{
    const char *text = "{\"runner\":" RUNNER(
        "9", "a-1", LABEL("hil", "custom")) ",\"encoded_jit_config\":\"c2VjcmV0\"}";
    struct runner runner;
    char *config = NULL;
    struct err err = {0};

    cr_assert_eq(runner_read_jit(text, strlen(text), &runner, &config, &err), 0);
    cr_assert(runner.id == 9 && !strcmp(config, "c2VjcmV0"));
    runner_done(&runner);
    free(config);
    text = "{\"encoded_jit_config\":\"c2VjcmV0\"}";
    cr_assert_eq(runner_read_jit(text, strlen(text), &runner, &config, &err), -ERR_DATA);
    cr_assert(!config && !strstr(err.message, "c2VjcmV0"));
    text = "{\"runner\":" RUNNER("9", "a-1", "") ",\"encoded_jit_config\":7}";
    cr_assert_eq(runner_read_jit(text, strlen(text), &runner, &config, &err), -ERR_DATA);
}
