/* SPDX-License-Identifier: MIT */
#include "board/flash/tool.h"

#include "base/fs.h"
#include "base/proc.h"
#include "board/flash/tool_judge.h"
#include "board/flash/tool_words.h"
#include "ssh/far.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SCRIPT_NAME "flash.script"
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

const char *tool_hint(const void *self)
{
    const struct tool_conf *conf = self;

    return conf->tool->hint;
}

void tool_check(void *self, const struct yaml_node *node, struct diags *diags)
{
    const struct tool_conf *conf = self;
    const char *port = tool_option_text(conf, "port");

    /* It runs in the job's directory: there a relative path would be another one. */
    if (conf->program && strchr(conf->program, '/') && conf->program[0] != '/' &&
        !str_starts(conf->program, "~/"))
        diag_node(diags, yaml_get(node, "program"),
                  "'%s' must be a program's name or an absolute path", conf->program);
    if (port && str_starts(port, "-"))
        diag_node(diags, yaml_get(node, "port"), "'%s' is not a port", port);
}

/* ---- running ------------------------------------------------------------------------------- */

struct session {
    const struct tool_conf *conf;
    const struct driver_env *env;
    const char *dir, *log;           /* where it runs; NULL: anywhere; a file there */
    const struct image *image;       /* NULL: it is given none, nor... */
    const struct firmware *firmware; /* ...its files */
    const char *told;                /* step of the last progress */
    struct pace {
        size_t file; /* the one under way */
        bool begun;
        unsigned percent;
    } flash, verify;
};

/* The tool's percent are of one file; ours are of all of them. It goes on to the next one where it
 * begins again, or comes back from the other step. */
static void tell_progress(void *arg, const char *step, unsigned percent)
{
    struct session *session = arg;
    const struct firmware *firmware = session->firmware;
    struct pace *pace = !strcmp(step, "verify") ? &session->verify : &session->flash;
    bool again = pace->begun && (percent < pace->percent || !str_eq(step, session->told));
    uint64_t done = 0;

    if (again && pace->file + 1 < firmware->count)
        pace->file++;
    for (size_t i = 0; i < pace->file; i++)
        done += firmware->files[i].size;
    done += firmware->files[pace->file].size * percent / 100;
    *pace = (struct pace){.file = pace->file, .begun = true, .percent = percent};
    session->told = step;
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
    const char *wanted = tool_option_text(conf, "chip");
    cleanup_free char *last = proc_last_line(result);
    bool tells_chip = step->rules.chip || step->rules.chip_name;
    int rc = tool_judge_verdict(judge, result->exit_code, result->signal, last, err);

    return rc == 0 && tells_chip && wanted ? tool_judge_chip(judge, wanted, err) : rc;
}

/* What the chip gave back against the file that it was given. */
static int compare(const struct session *session, const struct firmware_file *file, struct err *err)
{
    cleanup_free char *wrote = fs_join(session->dir, file->name);
    cleanup_free char *read = fs_join(session->dir, TOOL_READBACK);
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

/* The files of a tool that runs on a server. The caller frees all of it. */
static struct far_file *far_files(const struct session *session, struct strv *paths)
{
    const struct firmware *firmware = session->firmware;
    struct far_file *files = xcalloc(firmware->count, sizeof *files);

    for (size_t i = 0; i < firmware->count; i++) {
        strv_add_owned(paths, fs_join(session->dir, firmware->files[i].name));
        files[i] = (struct far_file){firmware->files[i].name, paths->items[i]};
    }
    return files;
}

static int exec(const struct session *session, const struct proc_spec *spec, const struct ctx *ctx,
                struct proc_result *ret, struct err *err)
{
    bool gives = session->firmware && session->env->far;
    cleanup_strv struct strv paths = {0};
    cleanup_free struct far_file *files = gives ? far_files(session, &paths) : NULL;

    return driver_exec(session->env, spec, files, gives ? session->firmware->count : 0, ctx, ret,
                       err);
}

static int run_step(struct session *session, const struct tool_step *step,
                    const struct firmware_file *file, const struct ctx *ctx, struct err *err)
{
    const struct tool_conf *conf = session->conf;
    cleanup_strv struct strv argv = {0};
    cleanup_free char *log = session->env->work_dir ? fs_join(session->dir, session->log) : NULL;
    cleanup_free char *readback = step->readback ? fs_join(session->dir, TOOL_READBACK) : NULL;
    struct tool_judge judge;
    struct proc_result result;
    struct proc_spec spec = {.dir = session->dir,
                             .log_path = log,
                             .hint = conf->tool->hint,
                             .output = take_output,
                             .output_arg = &judge};
    int rc;

    strv_add(&argv, tool_program(conf));
    rc = tool_words(conf, session->env, session->firmware, file, step->argv, &argv, err);
    if (rc < 0)
        return rc;
    if (readback) /* some refuse to write over a file, and an old one must not count */
        unlink(readback);
    tool_judge_begin(&judge, &step->rules);
    judge.tell = session->firmware ? tell_progress : NULL;
    judge.arg = session;
    spec.argv = (const char *const *)argv.items;
    rc = exec(session, &spec, ctx, &result, err);
    tool_judge_end(&judge);
    if (rc == -ERR_TIMEOUT)
        tool_judge_explain(&judge, err);
    if (rc == 0)
        rc = judge_step(step, conf, &judge, &result, err);
    return rc == 0 && readback && file ? compare(session, file, err) : rc;
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

    session->flash = session->verify = (struct pace){0};
    if (!step->each)
        return run_step(session, step, the_file(firmware), ctx, err);
    for (size_t i = 0; i < firmware->count && rc == 0; i++) {
        session->flash = session->verify = (struct pace){.file = i};
        rc = run_step(session, step, &firmware->files[i], ctx, err);
    }
    return rc;
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

static int check_addresses(const struct tool_conf *conf, const struct server_conf *far,
                           const struct image *image, struct err *err)
{
    const struct flash_tool *tool = conf->tool;
    const struct segment *last;

    if (image->layout)
        return far ? err_set(err, ERR_CONFIG,
                             "%s: the files that a flash layout names stay here, and %s runs on %s",
                             image->name, tool->program, far->name)
                   : 0;
    last = &image->segments[image->count - 1];
    if (tool->address_end && last->address + last->size > tool->address_end)
        return err_set(err, ERR_CONFIG,
                       "%s has bytes at 0x%08" PRIx64 ", which %s would not write as flash: it "
                       "ends at 0x%" PRIx64,
                       image->name, last->address, tool->program, tool->address_end);
    if (image->segments[0].address < tool_option_base(conf))
        return err_set(err, ERR_CONFIG,
                       "%s has bytes at 0x%08" PRIx64
                       ", before the `base` of the flash in lab.yaml",
                       image->name, image->segments[0].address);
    return 0;
}

/* Not every tool says why it could not open its port. Nothing is opened here: that would move the
 * modem lines. */
static int check_port(const struct tool_conf *conf, const struct driver_env *env, struct err *err)
{
    const char *port = tool_option_text(conf, "port");

    if (!port || *port != '/' || env->far || access(port, R_OK | W_OK) == 0)
        return 0;
    return tool_judge_tell(errno == EACCES ? TOOL_PORT_DENIED : TOOL_NO_PORT, port, err);
}

static enum firmware_form form_of(const struct flash_tool *tool, const struct image *image)
{
    if (image->layout)
        return FIRMWARE_LAYOUT;
    for (size_t i = 0; i < ARRAY_SIZE(tool->takes) && tool->takes[i]; i++)
        if (!strcmp(tool->takes[i], image->format))
            return FIRMWARE_ORIGINAL;
    return tool->otherwise;
}

static int take_steps(const struct tool_conf *conf, const struct driver_env *env,
                      const struct image *image, const struct tool_step *steps,
                      const struct ctx *ctx, struct err *err)
{
    const struct flash_tool *tool = conf->tool;
    cleanup_firmware struct firmware firmware = {0};
    struct session session = {
        .conf = conf, .env = env, .log = "flash.log", .image = image, .firmware = &firmware};
    int rc = check_addresses(conf, env->far, image, err);

    if (rc == 0)
        rc = check_port(conf, env, err);
    if (rc == 0)
        rc = firmware_write(image, form_of(tool, image), tool->block, env, &firmware, err);
    session.dir = firmware.dir;
    if (rc == 0)
        rc = write_script(&session, err);
    for (const struct tool_step *step = steps; step->argv && rc == 0; step++) {
        if (step->when && !tool_option_given(conf, step->when))
            continue;
        rc = run_files(&session, step, ctx, err);
        if (rc < 0 && strcmp(step->name, "flash") != 0)
            err_wrap(err, "%s", step->name);
    }
    return rc;
}

int tool_flash(void *self, const struct driver_env *env, const struct image *image,
               const struct ctx *ctx, struct err *err)
{
    const struct tool_conf *conf = self;

    return take_steps(conf, env, image, image->layout ? conf->tool->layout : conf->tool->steps, ctx,
                      err);
}

int tool_compare(void *self, const struct driver_env *env, const struct image *image,
                 const struct ctx *ctx, struct err *err)
{
    const struct tool_conf *conf = self;

    return conf->tool->compare && !image->layout
               ? take_steps(conf, env, image, conf->tool->compare, ctx, err)
               : err_set(err, ERR_CONFIG, "cannot tell what the board has");
}

int tool_act(void *self, const struct driver_env *env, const char *log, const struct ctx *ctx,
             struct err *err)
{
    const struct tool_conf *conf = self;
    struct session session = {.conf = conf, .env = env, .dir = env->work_dir, .log = log};
    int rc = check_port(conf, env, err);

    for (const struct tool_step *step = conf->tool->steps; step->argv && rc == 0; step++)
        rc = run_step(&session, step, NULL, ctx, err);
    return rc;
}
