/* SPDX-License-Identifier: MIT
 *
 * place: files below a directory that somebody else names, and nothing outside of it.
 *
 * A run's directory is known from a lock's record, and the names in it from the run's events or a
 * browser: neither is to be trusted. No component may be a link, "..", or hidden; only regular
 * files are opened (openat2(2), RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS). Does not block.
 */
#ifndef HIL_SERVE_PAGE_PLACE_H
#define HIL_SERVE_PAGE_PLACE_H

#include "base/err.h"

#include <stdbool.h>

/* A relative path of plain names: no empty, "." or ".." component, none that begins with '.', no
 * control characters, at most 512 bytes. */
bool place_name_ok(const char *relative);
/* A descriptor to read from (close-on-exec), for the caller to close; -ERR_NOT_FOUND: there is no
 * such file, or it is one that is not to be opened. */
int place_open(const char *dir, const char *relative, int *ret_fd, struct err *err);

/* The files of a run that are shown, by the end of their names: "report.html", "BOARD/uart.log". */
struct place_type {
    const char *name, *content_type;
};
const struct place_type *place_type(const char *relative); /* NULL: not shown */

#endif
