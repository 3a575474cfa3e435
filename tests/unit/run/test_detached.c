/* SPDX-License-Identifier: MIT */
#include "../scratch.h"
#include "run/detached_file.h"

#include <string.h>

#define KEY "0123456789abcdef0123456789abcdef"
#define GOOD "{\"schema\": 1, \"server\": \"pi1\", \"key\": \"" KEY "\"}"

Test(detached, comes_back_as_it_was)
{
    cleanup_scratch char *dir = scratch_make();
    struct detached_file file;
    struct err err = {0};

    cr_expect_eq(detached_read(dir, &file, &err), -ERR_NOT_FOUND);
    for (int home = 0; home < 2; home++) {
        cr_assert_eq(detached_write(dir, "pi1", KEY, home, &err), 0, "%s", err.message);
        cr_assert_eq(detached_read(dir, &file, &err), 0, "%s", err.message);
        cr_expect_str_eq(file.server, "pi1");
        cr_expect_str_eq(file.key, KEY);
        cr_expect_eq(file.home, (bool)home);
    }
    detached_remove(dir);
    cr_expect_eq(detached_read(dir, &file, &err), -ERR_NOT_FOUND);
}

static char *long_name(void)
{
    cleanup_free char *server = xcalloc(1, 300);

    memset(server, 'p', 299);
    return xasprintf("{\"schema\": 1, \"server\": \"%s\", \"key\": \"" KEY "\"}", server);
}

Test(detached, a_broken_one_is_refused_with_its_name)
{
    cleanup_free char *of_a_long_name = long_name();
    const struct {
        const char *text, *words;
    } rows[] = {
        {"", "detached.json"},
        {"{", "detached.json"},
        {"[]", "not written by this version"},
        {"null", "not written by this version"},
        {GOOD GOOD, "detached.json"},
        {"{\"schema\": 2, \"server\": \"pi1\", \"key\": \"" KEY "\"}",
         "not written by this version"},
        {"{\"server\": \"pi1\", \"key\": \"" KEY "\"}", "not written by this version"},
        {"{\"schema\": \"1\", \"server\": \"pi1\", \"key\": \"" KEY "\"}",
         "not written by this version"},
        {"{\"schema\": 1, \"key\": \"" KEY "\"}", "names no server"},
        {"{\"schema\": 1, \"server\": \"\", \"key\": \"" KEY "\"}", "names no server"},
        {"{\"schema\": 1, \"server\": 7, \"key\": \"" KEY "\"}", "names no server"},
        {of_a_long_name, "names no server"},
        {"{\"schema\": 1, \"server\": \"pi1\"}", "has no key"},
        {"{\"schema\": 1, \"server\": \"pi1\", \"key\": \"\"}", "has no key"},
        {"{\"schema\": 1, \"server\": \"pi1\", \"key\": [\"" KEY "\"]}", "has no key"},
        {"{\"schema\": 1, \"server\": \"pi1\", \"key\": \"../3456789abcdef0123456789abcdef\"}",
         "has no key"},
        {"{\"schema\": 1, \"server\": \"pi1\", \"key\": \"" KEY "0\"}", "has no key"},
        {"{\"schema\": 1, \"server\": \"pi1\", \"key\": \"0123456789ABCDEF0123456789abcdef\"}",
         "has no key"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct detached_file file;
        struct err err = {0};
        int rc = detached_parse(rows[i].text, strlen(rows[i].text), "x/detached.json", &file, &err);
        cr_expect_eq(rc, -ERR_DATA, "row %zu: %d %s", i, rc, err.message);
        cr_expect(strstr(err.message, "x/detached.json"), "row %zu: %s", i, err.message);
        cr_expect(strstr(err.message, rows[i].words), "row %zu: %s", i, err.message);
    }
}

Test(detached, has_a_ceiling)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = fs_join(dir, DETACHED_FILE), *big = xcalloc(1, DETACHED_FILE_MAX + 2);
    struct detached_file file;

    memset(big, ' ', DETACHED_FILE_MAX + 1);
    memcpy(big, GOOD, strlen(GOOD));
    cr_assert_eq(fs_write(path, big, DETACHED_FILE_MAX + 1, NULL), 0);
    cr_expect_eq(detached_read(dir, &file, NULL), -ERR_LIMIT);
    cr_assert_eq(truncate(path, (off_t)DETACHED_FILE_MAX), 0);
    cr_expect_eq(detached_read(dir, &file, NULL), 0);
}
