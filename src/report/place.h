/* SPDX-License-Identifier: MIT
 *
 * place: the source line that a failure names, as a path in the repository and as a link.
 *
 * The functions replace what `out` held and return its text, or NULL where there is none to give.
 * Never blocks.
 */
#ifndef HIL_REPORT_PLACE_H
#define HIL_REPORT_PLACE_H

#include "base/buf.h"
#include "result/result.h"

/* The case's file, relative to the top of the repository. Where no repository was asked, what looks
 * like such a path counts as one. NULL: it lies outside of it, as far as can be told. */
const char *place_path(struct buf *out, const struct run_origin *origin,
                       const struct test_case *test_case);
/* The URL of that line at the commit that was tested; made of characters that no language around
 * it reads as its own. */
const char *place_link(struct buf *out, const struct run_origin *origin,
                       const struct test_case *test_case);
/* Likewise of the commit, and of the run. */
const char *place_commit(struct buf *out, const struct run_origin *origin);
const char *place_run(struct buf *out, const struct run_origin *origin);

#endif
