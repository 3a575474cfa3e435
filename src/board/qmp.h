/* SPDX-License-Identifier: MIT
 *
 * qmp: a client of QEMU's machine protocol: one JSON object a line.
 *
 * Source: QEMU's docs/interop/qmp-spec.rst. Each call waits for the return that carries its id;
 * events on the way are skipped, but those named `watch` are counted. One thread at a time; blocks
 * within the ctx. SIGPIPE must be ignored.
 */
#ifndef HIL_BOARD_QMP_H
#define HIL_BOARD_QMP_H

#include "base/buf.h"
#include "base/ctx.h"
#include "base/err.h"

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#define QMP_LINE_MAX (256 * 1024)

struct qmp {
    int fd;        /* borrowed; non-blocking */
    struct buf in; /* received and not yet read */
    int64_t last_id;
    const char *watch; /* an event's name; NULL: none */
    unsigned watched;  /* how many of those came */
};

/* Reads the greeting, which QEMU sends once its machine is complete. Negotiation mode is left along
 * with the first call: commands are carried out in order, so its answer need not be waited for. */
int qmp_open(struct qmp *qmp, int fd, const struct ctx *ctx, struct err *err);
void qmp_done(struct qmp *qmp); /* also after a failed qmp_open() */
/* Takes over `arguments` (may be NULL). -ERR_REFUSED with QEMU's words. */
int qmp_call(struct qmp *qmp, const char *command, cJSON *arguments, const struct ctx *ctx,
             struct err *err);
/* Waits until `watched` is not 0. */
int qmp_await(struct qmp *qmp, const struct ctx *ctx, struct err *err);

/* One line, for tests: what it is. -ERR_REFUSED: an error for `id`, in QEMU's words. */
enum qmp_line { QMP_GREETING, QMP_RETURN, QMP_EVENT, QMP_OTHER };
int qmp_read_line(struct qmp *qmp, const char *line, size_t size, int64_t id, enum qmp_line *ret,
                  struct err *err);

#endif
