/* SPDX-License-Identifier: MIT
 *
 * samples: runs built by hand, and the golden files that their reports are held against.
 *
 * With HIL_GOLDEN_UPDATE set in the environment golden files are written anew: read the difference
 * before you keep it.
 */
#ifndef HIL_TEST_REPORT_SAMPLES_H
#define HIL_TEST_REPORT_SAMPLES_H

#include "base/buf.h"
#include "result/result.h"

struct sample {
    const char *name;
    void (*build)(struct run_result *run);
};
extern const struct sample samples[]; /* ends with a NULL name */

struct run_result sample_build(const struct sample *sample);
struct job_result *sample_job(struct run_result *run, const char *board, const char *test,
                              enum verdict verdict, const char *reason);
struct test_case *sample_case(struct job_result *job, const char *suite, const char *name,
                              enum case_result result, const char *message);

/* Compares with tests/golden/report/NAME, byte for byte. */
void check_golden(const char *name, const char *bytes, size_t size);
/* All that was written to `fd` so far. */
void read_back(int fd, struct buf *ret);

#endif
