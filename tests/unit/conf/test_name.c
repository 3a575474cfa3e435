/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "conf/name.h"

#include <criterion/criterion.h>

Test(name, names_are_fit_for_paths)
{
    static const struct {
        const char *name;
        bool valid;
    } cases[] = {
        {"a", true},
        {"n-1_b.c", true},
        {"_x", true},
        {"", false},
        {".x", false},
        {"-x", false},
        {"a/b", false},
        {"a b", false},
        {"a,b", false},
        {"\xC3\xA4", false},
        {"0123456789012345678901234567890123456789012345678901234567890123", true},
        {"01234567890123456789012345678901234567890123456789012345678901234", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        cr_expect_eq(name_valid(cases[i].name), cases[i].valid, "%s", cases[i].name);
}
