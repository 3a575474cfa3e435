/* SPDX-License-Identifier: MIT
 *
 * case_index: which cases of a job carry a name: open addressing, FNV-1a. Only numbers are kept.
 */
#ifndef HIL_PARSE_CASE_INDEX_H
#define HIL_PARSE_CASE_INDEX_H

#include "parse/scan.h"
#include "result/job.h"

struct case_index;

uint64_t case_hash(struct text suite, struct text name);
struct case_index *case_index_new(const struct job_result *job); /* with the cases that are there */
void case_index_add(struct case_index *index, const struct job_result *job, size_t suite,
                    size_t number);
/* The newest of that name; NULL: none. The pointer ends as job_suite's and suite_add's do. */
struct test_case *case_index_find(const struct case_index *index, const struct job_result *job,
                                  struct text suite, struct text name);
void case_index_free(struct case_index *index);

#endif
