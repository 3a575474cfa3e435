/* SPDX-License-Identifier: MIT */
#include "board/flash/tool_words.h"

#include "base/buf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 65536

/* ---- options ------------------------------------------------------------------------------- */

static const struct field *find_field(const struct flash_tool *tool, const char *name,
                                      size_t length)
{
    for (const struct field *field = tool->fields; field->name; field++)
        if (strlen(field->name) == length && !memcmp(field->name, name, length))
            return field;
    return NULL;
}

/* What the option says; NULL where it was not given. A number that is 0 was not. */
static char *option_value(const struct tool_conf *conf, const struct field *field)
{
    const void *at = (const char *)conf + field->offset;

    switch (field->type) {
    case FIELD_STRING:
        return xstrdup(*(char *const *)at);
    case FIELD_BOOL:
        return *(const bool *)at ? xstrdup("true") : NULL;
    case FIELD_UINT:
    case FIELD_SIZE:
        return *(const uint64_t *)at ? xasprintf("%" PRIu64, *(const uint64_t *)at) : NULL;
    case FIELD_ADDRESS:
        return *(const uint64_t *)at ? xasprintf("0x%08" PRIx64, *(const uint64_t *)at) : NULL;
    case FIELD_CHOICE:
        return xstrdup(field->choices[*(const int *)at]);
    default:
        return NULL;
    }
}

const char *tool_option_text(const struct tool_conf *conf, const char *name)
{
    const struct field *field = find_field(conf->tool, name, strlen(name));

    return field && field->type == FIELD_STRING
               ? *(char *const *)(const void *)((const char *)conf + field->offset)
               : NULL;
}

bool tool_option_given(const struct tool_conf *conf, const char *name)
{
    const struct field *field = find_field(conf->tool, name, strlen(name));
    cleanup_free char *value = field ? option_value(conf, field) : NULL;

    return value != NULL;
}

uint64_t tool_option_base(const struct tool_conf *conf)
{
    const struct field *field = find_field(conf->tool, "base", strlen("base"));

    return field ? *(const uint64_t *)(const void *)((const char *)conf + field->offset) : 0;
}

/* ---- templates ----------------------------------------------------------------------------- */

struct filler {
    const struct tool_conf *conf;
    const struct driver_env *env;
    const struct firmware_file *file; /* NULL: none is at hand */
};

static bool is_name(const char *name, size_t length, const char *wanted)
{
    return strlen(wanted) == length && !memcmp(name, wanted, length);
}

/* The value of {name}; NULL where there is none. */
static char *value_of(const struct filler *filler, const char *name, size_t length)
{
    const struct flash_tool *tool = filler->conf->tool;
    const struct field *field = find_field(tool, name, length);

    if (field) {
        cleanup_free char *value = option_value(filler->conf, field);
        return value && tool->quote ? tool->quote(value) : xstrdup(value);
    }
    if (is_name(name, length, "board"))
        return xstrdup(filler->env->board);
    if (filler->file && is_name(name, length, "file"))
        return xstrdup(filler->file->name);
    if (filler->file && is_name(name, length, "address"))
        return xasprintf("0x%08" PRIx64, filler->file->address);
    if (filler->file && is_name(name, length, "size"))
        return xasprintf("%" PRIu64, filler->file->size);
    if (filler->file && is_name(name, length, "offset"))
        return xasprintf("0x%08" PRIx64, filler->file->address - tool_option_base(filler->conf));
    if (filler->file && is_name(name, length, "format"))
        return xstrdup(strrchr(filler->file->name, '.') + 1);
    return is_name(name, length, "readback") ? xstrdup(TOOL_READBACK) : NULL;
}

static int fill_word(const struct filler *filler, const char *word, struct strv *ret,
                     struct err *err)
{
    cleanup_buf struct buf out = BUF_INIT(WORD_MAX);
    int rc = 0;

    for (const char *end; rc == 0 && *word; word = end) {
        cleanup_free char *value = NULL;
        if (*word != '{') {
            end = word + strcspn(word, "{");
            rc = buf_add(&out, word, (size_t)(end - word));
            continue;
        }
        end = strchr(word, '}') + 1;
        value = value_of(filler, word + 1, (size_t)(end - word) - 2);
        rc = buf_adds(&out, value ? value : "");
    }
    if (rc < 0)
        return err_set(err, ERR_LIMIT, "a word of its command line becomes longer than %d bytes",
                       WORD_MAX);
    strv_add_owned(ret, buf_steal(&out));
    return 0;
}

/* True where the word's condition holds; *word moves behind it. */
static bool condition(const struct tool_conf *conf, const char **word)
{
    const char kind = **word, *colon;
    const struct field *field;
    cleanup_free char *value = NULL;

    if (kind != '?' && kind != '!')
        return true;
    colon = strchr(*word, ':');
    field = find_field(conf->tool, *word + 1, (size_t)(colon - *word) - 1);
    *word = colon + 1;
    value = field ? option_value(conf, field) : NULL;
    return (value != NULL) == (kind == '?');
}

static int add_word(const struct filler *filler, const char *word, struct strv *ret,
                    struct err *err)
{
    const struct strv *args = &filler->conf->args;

    if (!condition(filler->conf, &word))
        return 0;
    if (strcmp(word, "{args}") != 0)
        return fill_word(filler, word, ret, err);
    for (size_t i = 0; i < args->count; i++)
        strv_add(ret, args->items[i]);
    return 0;
}

/* The "*" words from *at on, once for each file. */
static int add_each(struct filler *filler, const struct firmware *firmware, const char *const **at,
                    struct strv *ret, struct err *err)
{
    const char *const *first = *at, *const *end = first;
    int rc = 0;

    while (*end && **end == '*')
        end++;
    for (size_t f = 0; f < firmware->count && rc == 0; f++) {
        filler->file = &firmware->files[f];
        for (const char *const *word = first; word < end && rc == 0; word++)
            rc = add_word(filler, *word + 1, ret, err);
    }
    filler->file = NULL;
    *at = end;
    return rc;
}

int tool_words(const struct tool_conf *conf, const struct driver_env *env,
               const struct firmware *firmware, const struct firmware_file *file,
               const char *const *template, struct strv *ret, struct err *err)
{
    struct filler filler = {.conf = conf, .env = env, .file = file};
    int rc = 0;

    while (*template && rc == 0) {
        if (**template == '*')
            rc = add_each(&filler, firmware, &template, ret, err);
        else
            rc = add_word(&filler, *template ++, ret, err);
    }
    return rc;
}
