/* SPDX-License-Identifier: MIT
 *
 * replay: a captured log parsed again, without a board.
 *
 * A run directory gives the same results, byte for byte, as the run that wrote it: same bytes, same
 * times (uart.timing), same options (job.json), same commit and source files (run.json), same
 * judge. A bare log has no times and is judged as complete or not by its own end marker.
 */
#ifndef HIL_RUN_REPLAY_H
#define HIL_RUN_REPLAY_H

#include "result/result.h"
#include "run/job.h"

struct replay_options {
    struct parse_options parse; /* set members win over what job.json says */
    struct expect expect;       /* likewise */
    const struct image *image;  /* whose symbols tell where a crash was; NULL: what the run knew */
    const struct parse_watch *watch;
};

/* `path`: a log, "-" for stdin, a job's directory or a run directory. Adds a job (or several). */
int replay_path(const char *path, const struct replay_options *options, struct run_result *run,
                struct err *err);

#endif
