/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "base/str.h"
#include "base/term.h"
#include "cmd/cmd.h"
#include "parse/format.h"

#include <stdio.h>

static const struct opt_row rows[] = {
    CMD_ROW_JSON,
    {"names", 0, NULL, "Print only what --format takes, one a line.", NULL},
    {0},
};

static const char *const examples[] = {
    "Which formats are there?",
    "hil formats",
    "Test with one of them",
    "hil run --format tap build/firmware.elf",
    NULL,
};

static const char *const see_also[] = {"run", "replay", NULL};

struct request {
    bool json, names;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct request *request = arg;

    (void)value;
    (void)err;
    if (str_eq(row->name, "json"))
        request->json = true;
    else
        request->names = true;
    return 0;
}

static void print_names(void)
{
    puts("auto");
    for (size_t i = 0; formats[i]; i++)
        puts(formats[i]->name);
}

static int print_json(struct err *err)
{
    struct json_out out;

    cmd_json_begin(&out);
    json_key(&out, "formats");
    json_array(&out);
    for (size_t i = 0; formats[i]; i++) {
        json_object(&out);
        json_kv_string(&out, "name", formats[i]->name);
        json_kv_string(&out, "summary", formats[i]->summary);
        json_kv_string(&out, "example", formats[i]->example);
        json_kv_bool(&out, "auto", formats[i]->detect != NULL);
        json_object_end(&out);
    }
    json_array_end(&out);
    return cmd_json_end(&out, err);
}

static int print_table(struct err *err)
{
    struct term term = term_open(stdout);
    struct term_table *table = term_table_new(3);
    term_table_row(table, TERM_BOLD, (const char *[]){"NAME", "WHAT", "A LINE OF IT"});
    for (size_t i = 0; formats[i]; i++)
        term_table_row(
            table, TERM_PLAIN,
            (const char *[]){formats[i]->name, formats[i]->summary, formats[i]->example});
    term_table_print(table, &term);
    term_table_free(table);
    return fflush(stdout) ? err_set(err, ERR_IO, "standard output cannot be written") : 0;
}

static int run(const struct app *app, int argc, char **argv)
{
    struct request request = {0};
    struct err err = {0};
    int first, code;

    (void)app;
    if (!cmd_parse(&verb_formats, argc, argv, take, &request, &first, &code))
        return code;
    if (first < argc) {
        err_set(&err, ERR_USAGE, "'%s': formats takes no operands", argv[first]);
        return cmd_fail(&verb_formats, &err);
    }
    if (request.names)
        print_names();
    else if ((request.json ? print_json(&err) : print_table(&err)) < 0)
        return cmd_fail(&verb_formats, &err);
    return 0;
}

const struct opt_verb verb_formats = {
    .name = "formats",
    .operands = "",
    .summary = "list the test-output formats that hil reads",
    .description =
        "A format is a dialect of test output. Without --format, hil run and hil replay find "
        "out by themselves which one a board speaks; 'regex' must be asked for.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
