/* SPDX-License-Identifier: MIT */
#include "board/driver.h"

#include "base/fs.h"
#include "base/proc.h"
#include "conf/memory.h"
#include "ssh/far.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 65536 /* bytes of an argument */

static struct event about(const struct driver_env *env, enum event_kind kind, const char *text)
{
    return (struct event){.kind = kind, .board = env->board, .test = env->test, .text = text};
}

void driver_tell_command(const struct driver_env *env, const char *const *argv)
{
    cleanup_buf struct buf line = BUF_INIT(4096);

    if (!env->events)
        return;
    for (size_t i = 0; argv[i]; i++)
        buf_addf(&line, "%s%s", i ? " " : "", argv[i]);
    event_emit(env->events, about(env, EVENT_COMMAND, line.data));
}

void driver_tell_progress(const struct driver_env *env, const char *step, uint64_t done,
                          uint64_t total)
{
    struct event event = about(env, EVENT_PROGRESS, step);

    event.number = done;
    event.total = total;
    event_emit(env->events, event);
}

void driver_tell_warning(const struct driver_env *env, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    event_emit(env->events, about(env, EVENT_WARNING, text));
}

static bool inside(const struct memory_range *range, uint64_t address, uint64_t size)
{
    return address >= range->at && size <= range->size && address - range->at <= range->size - size;
}

/* The address lies in this range of the board's. */
static int check_write(const struct driver_env *env, const struct memory_range *range,
                       const char *what, uint64_t address, struct err *err)
{
    const char *name = range->name ? range->name : "memory";

    if (range->write == MEMORY_ALWAYS ||
        (range->write == MEMORY_NAMED && env->allowed && strv_has(env->allowed, name)))
        return 0;
    if (range->write == MEMORY_NEVER)
        return err_set(err, ERR_CONFIG,
                       "%s at 0x%08" PRIx64 " lies in the %s of %s, which lab.yaml "
                       "lets nobody write",
                       what, address, name, env->board);
    return err_set(err, ERR_CONFIG,
                   "%s at 0x%08" PRIx64
                   " lies in the %s of %s; if it is to be written, say so with "
                   "--write %s",
                   what, address, name, env->board, name);
}

int driver_accepts(const struct driver_env *env, const char *what, uint64_t address, uint64_t size,
                   struct err *err)
{
    cleanup_buf struct buf ranges = BUF_INIT(512);

    for (size_t m = 0; m < env->memory_count; m++) {
        if (inside(&env->memory[m], address, size))
            return check_write(env, &env->memory[m], what, address, err);
        buf_addf(&ranges, "%s0x%08" PRIx64 "-0x%08" PRIx64, m ? ", " : "", env->memory[m].at,
                 env->memory[m].at + env->memory[m].size - 1);
    }
    if (!env->memory_count)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "%s 0x%08" PRIx64 "-0x%08" PRIx64 " lies outside the memory of %s (%s)", what,
                   address, address + size - 1, env->board, ranges.data);
}

/* Appends the value of the "{name}" at *at and steps over it. */
static int fill_one(struct buf *out, const char **at, const char *const *names,
                    const char *const *values)
{
    const char *name = *at + 1, *end = strchr(name, '}');

    for (size_t i = 0; end && names[i]; i++) {
        size_t length = strlen(names[i]);
        if (length == (size_t)(end - name) && !memcmp(name, names[i], length)) {
            *at = end + 1;
            return buf_adds(out, values[i] ? values[i] : "");
        }
    }
    return -ERR_CONFIG;
}

int driver_fill_argv(const struct strv *template, const char *const *names,
                     const char *const *values, struct strv *ret, struct err *err)
{
    for (size_t i = 0; i < template->count; i++) {
        cleanup_buf struct buf word = BUF_INIT(WORD_MAX);
        int rc = 0;
        for (const char *at = template->items[i]; rc == 0 && *at;)
            rc = *at == '{' ? fill_one(&word, &at, names, values) : buf_add(&word, at++, 1);
        if (rc == -ERR_LIMIT)
            return err_set(err, ERR_LIMIT, "'%.80s...' becomes longer than %d bytes",
                           template->items[i], WORD_MAX);
        if (rc < 0)
            return err_set(err, ERR_CONFIG, "'%s' names no placeholder that is known here",
                           template->items[i]);
        strv_add_owned(ret, buf_steal(&word));
    }
    return 0;
}

int driver_exec(const struct driver_env *env, const struct proc_spec *spec,
                const struct far_file *files, size_t count, const struct ctx *ctx,
                struct proc_result *ret, struct err *err)
{
    driver_tell_command(env, spec->argv);
    return env->far ? far_run(env->far, spec, files, count, ctx, ret, err)
                    : proc_run(spec, ctx, ret, err);
}

int driver_run_with(const struct driver_env *env, const struct strv *argv, const char *log,
                    const struct far_file *files, size_t count, const struct ctx *ctx,
                    struct err *err)
{
    cleanup_free char *path = env->work_dir ? fs_join(env->work_dir, log) : NULL;
    const char *const *words = (const char *const *)argv->items;
    struct proc_result result;
    int rc = driver_exec(env, &(struct proc_spec){.argv = words, .log_path = path}, files, count,
                         ctx, &result, err);

    return rc == 0 ? proc_check(fs_basename(words[0]), &result, err) : rc;
}

int driver_run(const struct driver_env *env, const struct strv *argv, const char *log,
               const struct ctx *ctx, struct err *err)
{
    return driver_run_with(env, argv, log, NULL, 0, ctx, err);
}

int driver_run_all(const struct driver_env *env, const struct argv_list *list, const char *log,
                   const struct ctx *ctx, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < list->count && rc == 0; i++)
        rc = driver_run(env, &list->items[i], log, ctx, err);
    return rc;
}
