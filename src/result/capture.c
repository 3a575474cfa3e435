/* SPDX-License-Identifier: MIT */
#include "result/capture.h"

#include "base/str.h"

bool line_errors_any(const struct line_errors *errors)
{
    return errors->overrun || errors->buffer || errors->framing || errors->parity;
}

static const char *const end_names[] = {
    [END_NONE] = "none",           [END_DONE] = "done",         [END_BOOT] = "boot",
    [END_IDLE] = "idle",           [END_TOTAL] = "total",       [END_REBOOTS] = "reboots",
    [END_CRASH] = "crash",         [END_GONE] = "gone",         [END_EOF] = "eof",
    [END_CANCELLED] = "cancelled", [END_OTHER] = "other-image",
};

const char *capture_end_name(enum capture_end end)
{
    return (size_t)end < ARRAY_SIZE(end_names) ? end_names[end] : end_names[END_NONE];
}

bool capture_end_parse(const char *name, enum capture_end *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(end_names); i++) {
        if (str_eq(name, end_names[i])) {
            *ret = (enum capture_end)i;
            return true;
        }
    }
    return false;
}
