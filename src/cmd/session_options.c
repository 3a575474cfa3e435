/* SPDX-License-Identifier: MIT */
#include "cmd/session_options.h"

#include "base/str.h"

int session_options_take(const struct opt_row *row, const char *value,
                         struct session_request *request, struct err *err)
{
    switch (row->letter) {
    case 'b':
        strv_add(&request->plan.selectors, value);
        return 1;
    case 'l':
        request->lab_path = value;
        return 1;
    case 'w':
        return str_to_ms(value, "--wait", &request->wait_ms, err) < 0 ? -1 : 1;
    case 'o':
        request->out_dir = value;
        return 1;
    case 'q':
        request->verbosity = -1;
        return 1;
    case 'v':
        request->verbosity++;
        return 1;
    default:
        return 0;
    }
}
