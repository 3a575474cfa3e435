/* SPDX-License-Identifier: MIT */
#include "cmd/history_options.h"

#include "cmd/since.h"

int history_options_take(const struct opt_row *row, const char *value,
                         struct history_filter *filter, struct err *err)
{
    switch (row->letter) {
    case 'b':
        filter->board = value;
        return 1;
    case 't':
        filter->test = value;
        return 1;
    case 's':
        return since_parse(value, &filter->since_us, err) < 0 ? -1 : 1;
    default:
        return 0;
    }
}
