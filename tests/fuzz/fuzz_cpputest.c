/* SPDX-License-Identifier: MIT */
#include "fuzz_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    fuzz_log(&(struct parse_options){.format = "cpputest"}, bytes, count);
    return 0;
}
