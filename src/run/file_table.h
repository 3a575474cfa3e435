/* SPDX-License-Identifier: MIT
 *
 * file_table: which file of the repository is meant by each that firmware printed.
 *
 *     file_table_resolve(run, paths)             the run: asks the repository, once for each file
 *     file_table_write(&json, run)               the answers, as run.json keeps them
 *     file_table_read(array, run, first, &err)   replay: the same answers, without the repository
 *
 * A run and its replay say the same, byte for byte. So a name that JSON cannot hold as it is stays
 * unanswered, and so do those beyond a ceiling: reports then name the file as it was printed.
 * Never blocks.
 */
#ifndef HIL_RUN_FILE_TABLE_H
#define HIL_RUN_FILE_TABLE_H

#include "base/json.h"
#include "git/paths.h"
#include "result/result.h"

/* Sets the `path` of every case that names a file of `paths`. */
void file_table_resolve(struct run_result *run, const struct git_paths *paths);
/* As an array of {"printed", "path"}. */
void file_table_write(struct json_out *out, const struct run_result *run);
/* Sets the `path` of the cases in the jobs from `first` on. `array` may be NULL. -ERR_DATA: not
 * what file_table_write() writes. */
int file_table_read(const cJSON *array, struct run_result *run, size_t first, struct err *err);

#endif
