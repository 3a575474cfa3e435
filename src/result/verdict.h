/* SPDX-License-Identifier: MIT
 *
 * verdict: what a run or a job comes to, and whom a failure is put down to.
 */
#ifndef HIL_RESULT_VERDICT_H
#define HIL_RESULT_VERDICT_H

enum verdict {
    VERDICT_PASS,
    VERDICT_FAIL,  /* the firmware is to blame */
    VERDICT_INFRA, /* the lab is to blame */
};
const char *verdict_name(enum verdict verdict); /* "pass" "fail" "infra" */
int verdict_exit_code(enum verdict verdict);    /* 0 1 3 */
/* The one that stands for both: fail before infra before pass. */
enum verdict verdict_worse(enum verdict a, enum verdict b);

/* Whom further runs put a failure down to. */
enum blame { BLAME_NONE, BLAME_BOARD, BLAME_FIRMWARE, BLAME_FLAKY };
const char *blame_name(enum blame blame); /* "unknown" "board" "firmware" "flaky" */

#endif
