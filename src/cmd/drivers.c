/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "base/term.h"
#include "board/driver.h"
#include "board/otp/otp.h"
#include "cmd/cmd.h"

#include <string.h>

static const struct opt_row rows[] = {
    CMD_ROW_JSON,
    {"names", 0, NULL, "Print only the names that can stand here, one a line.", NULL},
    {0},
};

static const char *const examples[] = {"What a serial console can be told", "hil drivers serial",
                                       NULL};

static const char *const see_also[] = {"boards", NULL};

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

/* "high|low", or the type's name. Caller frees. */
static char *values_of(const struct field *field)
{
    struct buf text = BUF_INIT(1024);

    if (field->type != FIELD_CHOICE)
        return xstrdup(type_name(field));
    for (size_t i = 0; field->choices[i]; i++)
        buf_addf(&text, "%s%s", i ? "|" : "", field->choices[i]);
    return buf_steal(&text);
}

static void print_driver(const char *kind, const struct driver_base *base, const struct term *term)
{
    struct term_table *table = term_table_new(3);

    printf("%s%s: {%s: {...}}%s  %s\n", term_style(term, TERM_BOLD), kind, base->name,
           term_style(term, TERM_PLAIN), base->summary);
    for (const struct field *field = base->fields; field && field->name; field++) {
        cleanup_free char *name =
            xasprintf("  %s%s", field->name, field->flags & FIELD_REQUIRED ? "*" : "");
        cleanup_free char *values = values_of(field);
        term_table_row(table, TERM_PLAIN,
                       (const char *const[]){name, values, field->help ? field->help : ""});
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
        if (field->type == FIELD_CHOICE)
            json_kv_strings(out, "choices", field->choices);
        json_kv_bool(out, "required", field->flags & FIELD_REQUIRED);
        json_kv_string(out, "help", field->help);
        json_object_end(out);
    }
    json_array_end(out);
    json_object_end(out);
}

struct listing {
    const char *only; /* a driver's or a kind's name; NULL: all */
    bool json, names;
    struct json_out out;
    struct term term;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct listing *listing = arg;

    (void)value;
    (void)err;
    if (str_eq(row->name, "json"))
        listing->json = true;
    else
        listing->names = true;
    return 0;
}

static const struct {
    const char *name;
    const void *const *drivers; /* each begins with a struct driver_base */
} kinds[] = {{"power", (const void *const *)power_drivers},
             {"reset", (const void *const *)reset_drivers},
             {"flash", (const void *const *)flash_drivers},
             {"console", (const void *const *)console_drivers},
             {"otp", (const void *const *)otp_drivers}};

/* Every kind, and every driver once. */
static void find_names(struct strv *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        strv_add(ret, kinds[i].name);
        for (const void *const *at = kinds[i].drivers; *at; at++) {
            const struct driver_base *base = *at;
            if (!strv_has(ret, base->name))
                strv_add(ret, base->name);
        }
    }
}

static void list_kind(struct listing *listing, const char *kind, const void *const *table)
{
    for (; *table; table++) {
        const struct driver_base *base = *table;
        if (listing->only && strcmp(listing->only, base->name) && strcmp(listing->only, kind))
            continue;
        if (listing->json)
            json_driver(kind, base, &listing->out);
        else
            print_driver(kind, base, &listing->term);
    }
}

static void list_kinds(struct listing *listing)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        list_kind(listing, kinds[i].name, kinds[i].drivers);
}

static int list(struct listing *listing, struct err *err)
{
    cleanup_strv struct strv names = {0};

    find_names(&names);
    if (listing->only && !strv_has(&names, listing->only)) {
        err_set(err, ERR_USAGE, "no driver is called '%s'", listing->only);
        return str_hint_nearest(listing->only, (const char *const *)names.items, names.count,
                                "; hil drivers lists them", err);
    }
    if (listing->names) {
        for (size_t i = 0; i < names.count; i++)
            puts(names.items[i]);
        return 0;
    }
    if (!listing->json) {
        list_kinds(listing);
        puts("* must be given");
        return 0;
    }
    cmd_json_begin(&listing->out);
    json_key(&listing->out, "drivers");
    json_array(&listing->out);
    list_kinds(listing);
    json_array_end(&listing->out);
    return cmd_json_end(&listing->out, err);
}

static int run(const struct app *app, int argc, char **argv)
{
    struct listing listing = {.term = term_open(stdout)};
    struct err err = {0};
    int first, code;

    (void)app;
    if (!cmd_parse(&verb_drivers, argc, argv, take, &listing, &first, &code))
        return code;
    if (argc - first > 1) {
        err_set(&err, ERR_USAGE, "'%s': one driver or kind at a time", argv[first + 1]);
        return cmd_fail(&verb_drivers, &err);
    }
    listing.only = first < argc ? argv[first] : NULL;
    return list(&listing, &err) < 0 ? cmd_fail(&verb_drivers, &err) : 0;
}

const struct opt_verb verb_drivers = {
    .name = "drivers",
    .operands = "[DRIVER]",
    .summary = "list the drivers that lab.yaml can name, with their options",
    .description =
        "A board has up to four drivers: power, reset, flash and console. Each takes the "
        "options listed here, in a map below its name. DRIVER is one of them, or a kind, such as "
        "flash.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
