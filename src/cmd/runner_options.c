/* SPDX-License-Identifier: MIT */
#include "cmd/runner_options.h"

#include "base/str.h"
#include "conf/name.h"

#include <stdlib.h>

#define INFRA_MAX 1000
#define CONNECT_MS 15000
#define STALL_MS 30000
#define RETRIES 5

static int take_rule(const struct opt_row *row, const char *value, struct label_rules *rules,
                     struct err *err)
{
    uint64_t number = 0;
    int64_t ms = 0;
    int rc = str_eq(row->name, "infra-max")
                 ? str_to_u64(value, INFRA_MAX, "--infra-max", &number, err)
                 : str_to_ms(value, "--retry-after", &ms, err);

    if (str_eq(row->name, "infra-max"))
        rules->infra_max = (unsigned)number;
    else
        rules->retry_s = ms / 1000;
    return rc < 0 ? rc : 1;
}

int runner_options_take(const struct opt_row *row, const char *value,
                        struct runner_options *options, struct err *err)
{
    if (str_eq(row->name, "infra-max") || str_eq(row->name, "retry-after"))
        return take_rule(row, value, &options->rules, err);
    if (str_eq(row->name, "add")) {
        if (!name_valid(value))
            return err_set(err, ERR_USAGE, "--add: '%s' must be made of " NAME_RULE, value);
        strv_add(&options->added, value);
    } else if (str_eq(row->name, "names")) {
        options->rules.names = true;
    } else if (str_eq(row->name, "repo")) {
        options->place.repo = value;
    } else if (str_eq(row->name, "org")) {
        options->place.org = value;
    } else if (str_eq(row->name, "token-file")) {
        options->token_file = value;
    } else {
        return 0;
    }
    return 1;
}

int runner_options_open(struct runner_options *options, const char *version,
                        void (*note)(void *arg, const char *text), struct github **ret,
                        struct err *err)
{
    const char *repo = getenv("GITHUB_REPOSITORY");
    struct http_options http = {.version = version,
                                .connect_ms = CONNECT_MS,
                                .stall_ms = STALL_MS,
                                .retries = RETRIES,
                                .note = note};
    int rc;

    *ret = NULL;
    if (!options->place.repo && !options->place.org && repo && *repo)
        options->place.repo = repo;
    rc = runner_place_check(&options->place, err);
    return rc < 0 ? rc : github_open(ret, &http, options->token_file, err);
}
