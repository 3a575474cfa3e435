/* SPDX-License-Identifier: MIT */
#include "board/flash/tool.h"

#include "base/fs.h"
#include "base/proc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SCRIPT_NAME "flash.script"
#define READBACK_NAME "readback.bin"
#define WORD_MAX 65536

/* ---- configuration ------------------------------------------------------------------------- */

void tool_preset(void *self, const struct flash_tool *tool)
{
    ((struct tool_conf *)self)->tool = tool;
}

const char *tool_program(const void *self)
{
    const struct tool_conf *conf = self;

    return conf->program ? conf->program : conf->tool->program;
}

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

static const char *option_text(const struct tool_conf *conf, const char *name)
{
    const struct field *field = find_field(conf->tool, name, strlen(name));

    return field && field->type == FIELD_STRING
               ? *(char *const *)(const void *)((const char *)conf + field->offset)
               : NULL;
}

void tool_check(void *self, const struct yaml_node *node, struct diags *diags)
{
    const struct tool_conf *conf = self;
    const char *port = option_text(conf, "port");

    /* It runs in the job's directory: there a relative path would be another one. */
    if (conf->program && strchr(conf->program, '/') && conf->program[0] != '/')
        diag_node(diags, yaml_get(node, "program"),
                  "'%s' must be a program's name or an absolute path", conf->program);
    if (port && str_starts(port, "-"))
        diag_node(diags, yaml_get(node, "port"), "'%s' is not a port", port);
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

static uint64_t base_of(const struct tool_conf *conf)
{
    const struct field *field = find_field(conf->tool, "base", strlen("base"));

    return field ? *(const uint64_t *)(const void *)((const char *)conf + field->offset) : 0;
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
        return xasprintf("0x%08" PRIx64, filler->file->address - base_of(filler->conf));
    if (filler->file && is_name(name, length, "format"))
        return xstrdup(strrchr(filler->file->name, '.') + 1);
    return is_name(name, length, "readback") ? xstrdup(READBACK_NAME) : NULL;
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

/* ---- running ------------------------------------------------------------------------------- */

struct session {
    const struct tool_conf *conf;
    const struct driver_env *env;
    const struct image *image;
    const struct firmware *firmware;
    size_t file;      /* the one that is under way */
    const char *told; /* step of the last progress */
    unsigned percent;
};

/* The tool's percent are of one file; ours are of all of them. */
static void tell_progress(void *arg, const char *step, unsigned percent)
{
    struct session *session = arg;
    const struct firmware *firmware = session->firmware;
    uint64_t done = 0;

    if (str_eq(step, session->told) && percent < session->percent &&
        session->file + 1 < firmware->count)
        session->file++;
    for (size_t i = 0; i < session->file; i++)
        done += firmware->files[i].size;
    done += firmware->files[session->file].size * percent / 100;
    session->told = step;
    session->percent = percent;
    driver_tell_progress(session->env, step,
                         session->image->size_bytes * done / firmware->size_bytes,
                         session->image->size_bytes);
}

static void take_output(void *arg, const char *bytes, size_t count)
{
    tool_judge_feed(arg, bytes, count);
}

static int judge_step(const struct tool_step *step, const struct tool_conf *conf,
                      struct tool_judge *judge, const struct proc_result *result, struct err *err)
{
    const char *wanted = option_text(conf, "chip");
    cleanup_free char *last = proc_last_line(result);
    bool tells_chip = step->rules.chip || step->rules.chip_name;
    int rc = tool_judge_verdict(judge, result->exit_code, result->signal, last, err);

    return rc == 0 && tells_chip && wanted ? tool_judge_chip(judge, wanted, err) : rc;
}

/* What the chip gave back against the file that it was given. */
static int compare(const struct session *session, const struct firmware_file *file, struct err *err)
{
    cleanup_free char *wrote = fs_join(session->firmware->dir, file->name);
    cleanup_free char *read = fs_join(session->firmware->dir, READBACK_NAME);
    cleanup_buf struct buf want = BUF_INIT(IMAGE_FILE_MAX), got = BUF_INIT(IMAGE_FILE_MAX);
    int rc = fs_read(wrote, &want, err);

    if (rc == 0)
        rc = fs_read(read, &got, err);
    if (rc < 0)
        return rc;
    unlink(read);
    for (size_t i = 0; i < want.size; i++)
        if (i >= got.size || want.data[i] != got.data[i])
            return err_set(err, ERR_REFUSED, "verify failed at 0x%08" PRIx64 ": %s",
                           file->address + i,
                           i < got.size ? "it holds another byte" : "no more was read");
    return 0;
}

static int run_step(struct session *session, const struct tool_step *step,
                    const struct firmware_file *file, const struct ctx *ctx, struct err *err)
{
    const struct tool_conf *conf = session->conf;
    cleanup_strv struct strv argv = {0};
    cleanup_free char *log = fs_join(session->firmware->dir, "flash.log");
    cleanup_free char *readback = fs_join(session->firmware->dir, READBACK_NAME);
    struct tool_judge judge;
    struct proc_result result;
    struct proc_spec spec = {.dir = session->firmware->dir,
                             .log_path = session->env->work_dir ? log : NULL,
                             .hint = conf->tool->hint,
                             .output = take_output,
                             .output_arg = &judge};
    int rc;

    strv_add(&argv, tool_program(conf));
    rc = tool_words(conf, session->env, session->firmware, file, step->argv, &argv, err);
    if (rc < 0)
        return rc;
    if (step->readback) /* some refuse to write over a file, and an old one must not count */
        unlink(readback);
    tool_judge_begin(&judge, &step->rules);
    judge.tell = tell_progress;
    judge.arg = session;
    spec.argv = (const char *const *)argv.items;
    driver_tell_command(session->env, spec.argv);
    rc = proc_run(&spec, ctx, &result, err);
    tool_judge_end(&judge);
    if (rc == -ERR_TIMEOUT)
        tool_judge_explain(&judge, err);
    if (rc == 0)
        rc = judge_step(step, conf, &judge, &result, err);
    return rc == 0 && step->readback ? compare(session, file, err) : rc;
}

/* Where there is only one. */
static const struct firmware_file *the_file(const struct firmware *firmware)
{
    return firmware->count == 1 ? firmware->files : NULL;
}

static int run_files(struct session *session, const struct tool_step *step, const struct ctx *ctx,
                     struct err *err)
{
    const struct firmware *firmware = session->firmware;
    int rc = 0;

    session->file = 0;
    session->told = NULL;
    if (!step->each)
        return run_step(session, step, the_file(firmware), ctx, err);
    for (size_t i = 0; i < firmware->count && rc == 0; i++) {
        session->file = i;
        session->told = NULL;
        rc = run_step(session, step, &firmware->files[i], ctx, err);
    }
    return rc;
}

static bool wants_step(const struct tool_conf *conf, const struct tool_step *step)
{
    const struct field *field =
        step->when ? find_field(conf->tool, step->when, strlen(step->when)) : NULL;
    cleanup_free char *value = field ? option_value(conf, field) : NULL;

    return !step->when || value;
}

static int write_script(const struct session *session, struct err *err)
{
    const struct flash_tool *tool = session->conf->tool;
    cleanup_buf struct buf text = BUF_INIT(WORD_MAX);
    cleanup_free char *path = fs_join(session->firmware->dir, SCRIPT_NAME);
    cleanup_strv struct strv lines = {0};
    int rc;

    if (!tool->script)
        return 0;
    rc = tool_words(session->conf, session->env, session->firmware, the_file(session->firmware),
                    tool->script, &lines, err);
    for (size_t i = 0; i < lines.count && rc == 0; i++)
        rc = buf_addf(&text, "%s\n", lines.items[i]);
    return rc < 0 ? rc : fs_write(path, text.data, text.size, err);
}

static int check_addresses(const struct tool_conf *conf, const struct image *image, struct err *err)
{
    const struct flash_tool *tool = conf->tool;
    const struct segment *last = &image->segments[image->count - 1];

    if (tool->address_end && last->address + last->size > tool->address_end)
        return err_set(err, ERR_CONFIG,
                       "%s has bytes at 0x%08" PRIx64 ", which %s would not write as flash: it "
                       "ends at 0x%" PRIx64,
                       image->name, last->address, tool->program, tool->address_end);
    if (image->segments[0].address < base_of(conf))
        return err_set(err, ERR_CONFIG,
                       "%s has bytes at 0x%08" PRIx64
                       ", before the `base` of the flash in lab.yaml",
                       image->name, image->segments[0].address);
    return 0;
}

/* Not every tool says why it could not open its port. Nothing is opened here: that would move the
 * modem lines. */
static int check_port(const struct tool_conf *conf, struct err *err)
{
    const char *port = option_text(conf, "port");

    if (!port || *port != '/' || access(port, R_OK | W_OK) == 0)
        return 0;
    return tool_judge_tell(errno == EACCES ? TOOL_PORT_DENIED : TOOL_NO_PORT, port, err);
}

static enum firmware_form form_of(const struct flash_tool *tool, const struct image *image)
{
    for (size_t i = 0; i < ARRAY_SIZE(tool->takes) && tool->takes[i]; i++)
        if (!strcmp(tool->takes[i], image->format))
            return FIRMWARE_ORIGINAL;
    return tool->otherwise;
}

int tool_flash(void *self, const struct driver_env *env, const struct image *image,
               const struct ctx *ctx, struct err *err)
{
    const struct tool_conf *conf = self;
    const struct flash_tool *tool = conf->tool;
    cleanup_firmware struct firmware firmware = {0};
    struct session session = {.conf = conf, .env = env, .image = image, .firmware = &firmware};
    int rc = check_addresses(conf, image, err);

    if (rc == 0)
        rc = check_port(conf, err);
    if (rc == 0)
        rc = firmware_write(image, form_of(tool, image), tool->block, env, &firmware, err);
    if (rc == 0)
        rc = write_script(&session, err);
    for (const struct tool_step *step = tool->steps; step->argv && rc == 0; step++) {
        if (!wants_step(conf, step))
            continue;
        rc = run_files(&session, step, ctx, err);
        if (rc < 0 && strcmp(step->name, "flash") != 0)
            err_wrap(err, "%s", step->name);
    }
    return rc;
}
