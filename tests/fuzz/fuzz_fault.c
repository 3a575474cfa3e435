/* SPDX-License-Identifier: MIT */
#include "parse/fault.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    const char *at = (const char *)bytes, *end = at + count;
    struct fault_code code[FAULT_CODE_MAX];
    struct fault fault = {0};
    struct buf words = BUF_INIT(256); /* small, so that its ceiling is met */

    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end ? line_end : end;
        fault_scan(&fault, (struct text){.at = at, .size = (size_t)(line_end - at)});
        at = line_end + (line_end < end);
    }
    fault_describe(&fault, &words);
    size_t found = fault_code(&fault, code);
    if (found > FAULT_CODE_MAX || words.size > 256)
        abort();
    for (size_t i = 0; i < found; i++)
        for (size_t k = 0; k < i; k++)
            if (code[i].printed == code[k].printed)
                abort();
    buf_done(&words);
    return 0;
}
