/* SPDX-License-Identifier: MIT
 *
 * step_file: what a step of GitHub Actions hands on: its outputs and its summary, in files that the
 * runner names in the environment.
 *
 * Appends; earlier commands of the step may have written there. Blocks as long as the disk does.
 */
#ifndef HIL_REPORT_STEP_FILE_H
#define HIL_REPORT_STEP_FILE_H

#include "base/err.h"

#include <stddef.h>

#define STEP_SUMMARY_MAX ((size_t)1024 * 1024) /* GitHub drops a longer one as a whole */

struct step_output {
    const char *name, *value;
};

/* In the file each is NAME<<END, the value and END on lines of their own; nobody can guess END, so
 * no value holds it. */
int step_outputs_add(const char *path, const struct step_output *outputs, size_t count,
                     struct err *err);
/* Opens the summary's file at its end, on a new line. *ret_room: how many bytes GitHub would still
 * show. The caller closes. */
int step_summary_open(const char *path, int *ret_fd, size_t *ret_room, struct err *err);

#endif
