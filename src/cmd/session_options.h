/* SPDX-License-Identifier: MIT
 *
 * session_options: what `run` and `health` take alike: which boards of which lab, for how long to
 * wait for them, where results go, and how much is told. Each has rows with words of its own.
 */
#ifndef HIL_CMD_SESSION_OPTIONS_H
#define HIL_CMD_SESSION_OPTIONS_H

#include "base/opt.h"
#include "run/session.h"

/* Takes board, lab, wait, out, quiet and verbose: 1; 0: not ours; negative: an error. */
int session_options_take(const struct opt_row *row, const char *value,
                         struct session_request *request, struct err *err);

#endif
