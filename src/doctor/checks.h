/* SPDX-License-Identifier: MIT
 *
 * checks: the groups of checks that doctor.c calls in turn, and how they tell what they found.
 */
#ifndef HIL_DOCTOR_CHECKS_H
#define HIL_DOCTOR_CHECKS_H

#include "doctor/doctor.h"

struct exam {
    const struct doctor_request *request;
    const struct ctx *ctx;
    const char *check; /* the row that runs */
    struct findings *findings;
};

void exam_tell(struct exam *exam, enum finding_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* How to mend the finding that was told last. */
void exam_mend(struct exam *exam, const char *format, ...) __attribute__((format(printf, 2, 3)));

void check_lab(struct exam *exam);
void check_serial(struct exam *exam);
void check_storage(struct exam *exam);
void check_clock(struct exam *exam);
void check_libraries(struct exam *exam);
void check_token(struct exam *exam);

#endif
