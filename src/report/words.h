/* SPDX-License-Identifier: MIT
 *
 * words: what several reports say alike, and how a board's text is made fit for them.
 *
 * Functions that take `out` replace what it held and return its text, borrowed until its next use.
 * Nothing here blocks.
 */
#ifndef HIL_REPORT_WORDS_H
#define HIL_REPORT_WORDS_H

#include "base/buf.h"
#include "result/result.h"

#include <stddef.h>
#include <stdint.h>

/* For files: clean (base/text, whose flags these are) and at most `max` bytes long; where something
 * was cut off, the end says so. */
const char *words_clean(struct buf *out, const char *text, size_t max, unsigned flags);

/* For a terminal or a CI log: one line without control characters, escape sequences, and marks that
 * turn the writing direction. A workflow command of GitHub Actions cannot arise from it: "##[" gets
 * a blank into it always, "::" where `in_actions` says so. */
const char *words_screen(struct buf *out, const char *text, size_t size, bool in_actions);
/* For a file that somebody may print into a CI log: words_screen, and where the line could start a
 * command, each "::" broken. */
const char *words_line(struct buf *out, const char *text, size_t size);
/* Shortens to what fits `columns` of a terminal, with "..." for the rest. */
const char *words_fit(struct buf *text, size_t columns);
/* The same of a board's name, "SERVER/BOARD": its end is what tells it from others, and stays. */
const char *words_fit_board(struct buf *text, size_t columns);
/* The server that a board is on: a board here has no slash in its name. NULL: none. */
const char *words_server(struct buf *out, const char *board);

/* "36 tests, 1 failed, 2 skipped, 1 flaky"; "no tests". Errors count as failed. */
const char *words_counts(struct buf *out, const struct test_counts *counts);
const char *words_took(int64_t took_us, char out[32]); /* "-": not known, as of a bare log */
/* "2 boards, 36 tests, 1 failed in 1.2 s"; "nothing was tested". */
const char *words_run(struct buf *out, const struct run_result *run);
/* What became of the proof that the board runs the image; NULL: none was asked for, or it never got
 * that far. */
const char *words_identity(struct buf *out, const struct job_result *job);
/* "3 overruns, 1 framing error on the line (the first before byte 812)"; NULL: none, or
 * nobody counts. */
const char *words_line_errors(struct buf *out, const struct job_result *job);
/* That, and "3 bytes of the console were not text, 1 line too long and cut, it could be flashed
 * only after power-cycle"; NULL: nothing to mistrust. */
const char *words_honesty(struct buf *out, const struct job_result *job);
/* "passed at attempt 3; 1: infra on nucleo-3: no probe found; 2: fail on nucleo-4: ..."; NULL:
 * there was only one. */
const char *words_attempts(struct buf *out, const struct job_result *job);
/* "firmware: it fails on nucleo-4, too"; NULL: nobody was asked. */
const char *words_blame(struct buf *out, const struct job_result *job);
/* "failed in attempt 1 on nucleo-3: math.c:42: Expected 3 Was 2" */
const char *words_earlier(struct buf *out, const struct earlier *earlier);
const char *words_plural(uint64_t count); /* "" or "s" */
/* What no single case of the job tells: the lab's fault, too few tests, ...; NULL: nothing. */
const char *words_trouble(const struct job_result *job);
/* What a case says for itself: its message, or in short what became of it; NULL for a plain pass.
 */
const char *words_message(const struct test_case *test_case);

#define ISO_TIME_SIZE 32
/* "2026-01-31T12:00:00Z"; NULL for 0, which is no time. */
const char *words_iso_time(int64_t unix_us, char out[ISO_TIME_SIZE]);

#endif
