/* SPDX-License-Identifier: MIT */
#include "cmd/options.h"

#include <stdint.h>

static void set_pattern(struct parse_options *parse, const char **pattern, const char *value)
{
    *pattern = value;
    if (!parse->format)
        parse->format = "regex";
}

static int set_build_id(const char *value, struct identity_options *identity, struct err *err)
{
    if (!str_eq(value, "auto") && !build_id_valid(value))
        return err_set(err, ERR_USAGE, "--build-id: '%.80s' is neither auto nor " BUILD_ID_RULE,
                       value);
    identity->build_id = value;
    return 1;
}

int options_take_parse(const struct opt_row *row, const char *value, struct parse_options *parse,
                       struct expect *expect, struct err *err)
{
    if (str_eq(row->name, "format"))
        parse->format = value;
    else if (str_eq(row->name, "pass"))
        set_pattern(parse, &parse->pass, value);
    else if (str_eq(row->name, "fail"))
        set_pattern(parse, &parse->fail, value);
    else if (str_eq(row->name, "skip"))
        set_pattern(parse, &parse->skip, value);
    else if (str_eq(row->name, "end"))
        set_pattern(parse, &parse->end, value);
    else if (str_eq(row->name, "expect-resets"))
        parse->resets_expected = true;
    else if (str_eq(row->name, "build-id"))
        return set_build_id(value, &parse->identity, err);
    else if (str_eq(row->name, "require-build-id"))
        parse->identity.required = true;
    else if (str_eq(row->name, "require"))
        strv_add(&expect->require, value);
    else if (str_eq(row->name, "expect-tests"))
        return str_to_u64(value, 100000000, "--expect-tests", &expect->tests, err) < 0 ? -1 : 1;
    else
        return 0;
    return 1;
}
