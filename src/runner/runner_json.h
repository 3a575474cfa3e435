/* SPDX-License-Identifier: MIT
 *
 * runner_json: what GitHub's API says of self-hosted runners, as plain structs.
 *
 * The readers take any bytes, as those of source/github_json do: what is missing or of another type
 * than the API's description says is -ERR_DATA, unknown members are passed over. Nothing blocks.
 */
#ifndef HIL_RUNNER_RUNNER_JSON_H
#define HIL_RUNNER_RUNNER_JSON_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct runner {
    int64_t id; /* 0: none */
    char *name;
    bool online, busy;
    struct strv custom; /* the labels that can be changed; GitHub's own are left out */
};
void runner_done(struct runner *runner); /* zeroed is fine */

/* One runner. */
int runner_read(const char *bytes, size_t count, struct runner *ret, struct err *err);
/* A page of the list: fills *ret with the one called `name` unless it holds one already; adds the
 * others' names to `others`, up to a handful, for messages. */
int runner_read_page(const char *bytes, size_t count, const char *name, struct runner *ret,
                     struct strv *others, struct err *err);
/* A just-in-time runner and the configuration for its one job, which is a secret. Caller frees. */
int runner_read_jit(const char *bytes, size_t count, struct runner *ret, char **ret_config,
                    struct err *err);

#endif
