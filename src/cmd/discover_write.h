/* SPDX-License-Identifier: MIT
 *
 * discover_write: `hil discover --write`: what is new goes into the lab's file, what is gone comes
 * out of it.
 *
 * Asks on the terminal unless --yes was given, shows the change as a diff, and writes the file at
 * once or not at all. Blocks for as long as nobody answers; a signal ends that.
 */
#ifndef HIL_CMD_DISCOVER_WRITE_H
#define HIL_CMD_DISCOVER_WRITE_H

#include "cmd/cmd.h"
#include "cmd/discover_print.h"

struct discover_request {
    const char *lab, *import, *server;
    bool json, write, yes, remove_missing;
};

/* -ERR_CANCELLED: somebody said no, or a signal came; nothing was written. */
int discover_write(const struct app *app, const struct discover_request *request, const char *path,
                   const struct discovery *found, struct err *err);

#endif
