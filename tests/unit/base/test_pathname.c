/* SPDX-License-Identifier: MIT */
#include "base/pathname.h"
#include "base/str.h"

#include <criterion/criterion.h>

Test(pathname, becomes_what_it_names)
{
    static const char *const cases[][2] = {
        {"", ""},
        {".", ""},
        {"/", "/"},
        {"a", "a"},
        {"./a", "a"},
        {"a//b/./c/", "a/b/c"},
        {"a/../b", "b"},
        {"a/b/../../c", "c"},
        {"a/..", ""},
        {"../a", "../a"},
        {"../../a/../b", "../../b"},
        {"a/../../b", "../b"},
        {"/../a", "/a"},
        {"/a/../../b", "/b"},
        {"..", ".."},
        {"...", "..."},
        {"/usr/src/../lib/./x.c", "/usr/lib/x.c"},
        {"C:\\build\\x\\..\\y.c", "C:/build/y.c"},
        {"C:/../y.c", "C:/../y.c"},
        {"..\\src\\foo.c", "../src/foo.c"},
        {"\xff\xfe/../\x01", "\x01"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_free char *path = xstrdup(cases[i][0]);
        pathname_normalize(path);
        cr_expect_str_eq(path, cases[i][1], "%s: %s", cases[i][0], path);
    }
}
