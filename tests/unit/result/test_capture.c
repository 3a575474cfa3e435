/* SPDX-License-Identifier: MIT */
#include "result/capture.h"

#include <criterion/criterion.h>

Test(capture, names_of_a_captures_end_read_back)
{
    enum capture_end end;

    for (int i = END_NONE; i <= END_EOF; i++) {
        end = (enum capture_end)(i + 1);
        cr_expect(capture_end_parse(capture_end_name((enum capture_end)i), &end));
        cr_expect_eq((int)end, i);
    }
    cr_expect_not(capture_end_parse("Done", &end));
    cr_expect_not(capture_end_parse("", &end));
}
