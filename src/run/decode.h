/* SPDX-License-Identifier: MIT
 *
 * decode: what a crash dump means: the fault in words, and its code addresses as places in the
 * source.
 *
 * A case that died, or failed with a crash in its output, gets lines like these behind its detail:
 *
 *     fault: precise data bus error at 0x40023c04; forced: escalated from a bus fault
 *     #0 0x08000228 read_register at hil-tests/firmware/bad/crash.c:21 (inlined into main)
 *     #1 0x08000228 main at hil-tests/firmware/bad/crash.c:40
 *
 * and, where it printed no place itself, the innermost tracked one as its file and line. A crash
 * outside every case adds its words to the run's trouble.
 *
 * The firmware file may be gone when a log is replayed, or be another one. So the only thing that
 * comes from it, the table of addresses, is written beside the log, and what reports show is always
 * made from that table: a run and its replay read the same file and say the same, byte for byte.
 *
 *     decode_write(result, image, paths, dir, &err)   the run only, after the log is closed
 *     trouble = decode_apply(result, trouble, dir)    run and replay, before the judge
 *
 * Bounded in cases, addresses and time. Blocks as long as the disk does.
 */
#ifndef HIL_RUN_DECODE_H
#define HIL_RUN_DECODE_H

#include "git/paths.h"
#include "image/image.h"
#include "result/job.h"

#define DECODE_FILE "decoded.json"

/* Writes DECODE_FILE into `dir`, which holds uart.log, if there was a crash and the image has
 * symbols for it. `image` may be NULL. `paths` may be NULL; with it, files are named as the
 * repository has them. */
int decode_write(const struct job_result *result, const struct image *image,
                 const struct git_paths *paths, const char *dir, struct err *err);
/* `trouble` is what parser_finish() returned; returns it, or a longer one in the job's arena.
 * Without a DECODE_FILE in `dir` only the fault is put into words. */
const char *decode_apply(struct job_result *result, const char *trouble, const char *dir);
/* The same of a bare `log` (a path; NULL where it cannot be read twice), with what `image` knows,
 * which may be NULL, instead of a table. */
const char *decode_log(struct job_result *result, const char *trouble, const char *log,
                       const struct image *image);

#endif
