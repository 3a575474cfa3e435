/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "base/str.h"
#include "base/term.h"
#include "board/driver.h"
#include "board/otp/otp.h"
#include "cmd/cmd.h"

#include <string.h>
#include <unistd.h>

static const struct opt_row rows[] = {
    CMD_ROW_JSON,
    {0},
};

static const char *const examples[] = {"What a serial console can be told", "hil drivers serial",
                                       NULL};

static const char *const see_also[] = {"boards", NULL};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    (void)row;
    (void)value;
    (void)err;
    *(bool *)arg = true;
    return 0;
}

/* How a value of the type is written in YAML. */
static const char *type_name(const struct field *field)
{
    switch (field->type) {
    case FIELD_STRING:
        return "text";
    case FIELD_BOOL:
        return "true|false";
    case FIELD_UINT:
        return "number";
    case FIELD_ADDRESS:
        return "address";
    case FIELD_SIZE:
        return "size";
    case FIELD_DURATION:
        return "time";
    case FIELD_CHOICE:
        return "choice";
    case FIELD_STRINGS:
        return "list";
    case FIELD_ARGV:
        return "argv";
    case FIELD_ARGVS:
        return "argv(s)";
    case FIELD_NODE:
        return "map";
    }
    return "";
}

static void print_driver(const char *kind, const struct driver_base *base, const struct term *term)
{
    struct term_table *table = term_table_new(3);

    printf("%s%s: {%s: {...}}%s  %s\n", term_style(term, TERM_BOLD), kind, base->name,
           term_style(term, TERM_PLAIN), base->summary);
    for (const struct field *field = base->fields; field && field->name; field++) {
        cleanup_free char *name =
            xasprintf("  %s%s", field->name, field->flags & FIELD_REQUIRED ? "*" : "");
        term_table_row(
            table, TERM_PLAIN,
            (const char *const[]){name, type_name(field), field->help ? field->help : ""});
    }
    term_table_print(table, term);
    term_table_free(table);
    putchar('\n');
}

static void json_driver(const char *kind, const struct driver_base *base, struct json_out *out)
{
    json_object(out);
    json_kv_string(out, "kind", kind);
    json_kv_string(out, "name", base->name);
    json_kv_string(out, "summary", base->summary);
    json_key(out, "options");
    json_array(out);
    for (const struct field *field = base->fields; field && field->name; field++) {
        json_object(out);
        json_kv_string(out, "name", field->name);
        json_kv_string(out, "type", type_name(field));
        json_kv_bool(out, "required", field->flags & FIELD_REQUIRED);
        json_kv_string(out, "help", field->help);
        json_object_end(out);
    }
    json_array_end(out);
    json_object_end(out);
}

struct listing {
    const char *only; /* a driver's or a kind's name; NULL: all */
    bool json;
    struct json_out out;
    struct term term;
    size_t shown;
};

static void list_kind(struct listing *listing, const char *kind, const void *const *table)
{
    for (; *table; table++) {
        const struct driver_base *base = *table; /* each row begins with one */
        if (listing->only && strcmp(listing->only, base->name) && strcmp(listing->only, kind))
            continue;
        listing->shown++;
        if (listing->json)
            json_driver(kind, base, &listing->out);
        else
            print_driver(kind, base, &listing->term);
    }
}

static int list(struct listing *listing, struct err *err)
{
    int rc = 0;

    if (listing->json) {
        json_begin(&listing->out, STDOUT_FILENO, 2);
        json_object(&listing->out);
        json_key(&listing->out, "drivers");
        json_array(&listing->out);
    }
    list_kind(listing, "power", (const void *const *)power_drivers);
    list_kind(listing, "reset", (const void *const *)reset_drivers);
    list_kind(listing, "flash", (const void *const *)flash_drivers);
    list_kind(listing, "console", (const void *const *)console_drivers);
    list_kind(listing, "otp", (const void *const *)otp_drivers);
    if (listing->json) {
        json_array_end(&listing->out);
        json_object_end(&listing->out);
        rc = json_end(&listing->out, err);
        json_done(&listing->out);
    } else if (listing->shown) {
        puts("* must be given");
    }
    if (rc == 0 && !listing->shown)
        return err_set(err, ERR_USAGE, "no driver is called '%s'", listing->only);
    return rc;
}

static int run(const struct app *app, int argc, char **argv)
{
    struct listing listing = {.term = term_open(stdout)};
    struct err err = {0};
    int first, code;

    (void)app;
    if (!cmd_parse(&verb_drivers, argc, argv, take, &listing.json, &first, &code))
        return code;
    if (argc - first > 1) {
        err_set(&err, ERR_USAGE, "'%s': only one NAME can be given", argv[first + 1]);
        return cmd_fail(&verb_drivers, &err);
    }
    listing.only = first < argc ? argv[first] : NULL;
    return list(&listing, &err) < 0 ? cmd_fail(&verb_drivers, &err) : 0;
}

const struct opt_verb verb_drivers = {
    .name = "drivers",
    .operands = "[NAME]",
    .summary = "list the drivers that lab.yaml can name, with their options",
    .description =
        "A board has up to four drivers: power, reset, flash and console. Each takes the "
        "options listed here, in a map below its name.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
