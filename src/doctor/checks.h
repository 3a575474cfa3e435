/* SPDX-License-Identifier: MIT
 *
 * checks: the groups of checks that doctor.c calls in turn, and how they tell what they found.
 */
#ifndef HIL_DOCTOR_CHECKS_H
#define HIL_DOCTOR_CHECKS_H

#include "board/inventory.h"
#include "doctor/doctor.h"

struct exam {
    const struct doctor_request *request;
    const struct ctx *ctx;
    const char *check; /* the row that runs */
    struct findings *findings;
    const struct inventory *inventory; /* the lab; NULL: there is none that could be read, */
    const struct err *lab_err;         /* and why */
};

void exam_tell(struct exam *exam, enum finding_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* How to mend the finding that was told last. */
void exam_mend(struct exam *exam, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first line of a small file, "" where it cannot be read. */
void sysfs_line(const char *dir, const char *name, char *ret, size_t room);
/* True where the kernel puts a USB device to sleep; `device`: its directory. */
bool sysfs_sleeps(const char *device);

void check_lab(struct exam *exam);
void check_tools(struct exam *exam);
void check_usb(struct exam *exam);
void check_serial(struct exam *exam);
void check_watch(struct exam *exam);
void check_notify(struct exam *exam);
void check_store(struct exam *exam);
void check_storage(struct exam *exam);
void check_clock(struct exam *exam);
void check_libraries(struct exam *exam);
void check_token(struct exam *exam);

#endif
