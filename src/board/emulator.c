/* SPDX-License-Identifier: MIT */
#include "board/emulator.h"

#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/text.h"
#include "board/connect.h"
#include "board/qmp.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define START_MS 10000 /* it takes 30 ms on an idle machine */
#define POLL_MS 1      /* between two looks at whether the socket is there */
#define LOCKUP_MS 1000 /* from the console's end to the process's */
#define SAVE_MS 500
#define NO_GRACE (-1) /* flash is saved by then: nothing is lost by SIGKILL */
#define LOG_MAX (256 * 1024)

static const struct emulator_machine machines[] = {
    {"netduinoplus2", "STM32F405", 0x08000000, 1024 * 1024, 0x20000000, 128 * 1024},
    {"netduino2", "STM32F205", 0x08000000, 1024 * 1024, 0x20000000, 128 * 1024},
    {"stm32vldiscovery", "STM32F100", 0x08000000, 128 * 1024, 0x20000000, 8 * 1024},
};

static const char *const socket_names[] = {"gdb", "uart", "qmp"};

const struct field emulator_fields[] = {
    {"machine", FIELD_STRING, offsetof(struct emulator_conf, machine), FIELD_REQUIRED,
     .help = "netduinoplus2 (STM32F405), netduino2 (STM32F205) or stm32vldiscovery (STM32F100)"},
    {"binary", FIELD_STRING, offsetof(struct emulator_conf, binary),
     .help = "the QEMU to run; qemu-system-arm where not given"},
    {"args", FIELD_STRINGS, offsetof(struct emulator_conf, args),
     .help = "more arguments for QEMU"},
    {0},
};

const char *emulator_binary(const struct emulator_conf *conf)
{
    return conf->binary ? conf->binary : "qemu-system-arm";
}

const struct emulator_machine *emulator_machine(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
        if (str_eq(name, machines[i].name))
            return &machines[i];
    }
    return NULL;
}

void emulator_check(const struct emulator_conf *conf, const struct yaml_node *node,
                    struct diags *diags)
{
    if (!emulator_machine(conf->machine))
        diag_node(diags, node,
                  "unknown machine '%s'; there are: netduinoplus2, netduino2, stm32vldiscovery",
                  conf->machine);
}

static char *path_in_dir(const struct driver_env *env, const char *name)
{
    cleanup_free char *board = fs_safe_name(env->board);

    return xasprintf("%s/%s.qemu/%s", env->runtime_dir, board, name);
}

char *emulator_socket(const struct driver_env *env, const char *which)
{
    return path_in_dir(env, which);
}

static void remove_sockets(const struct driver_env *env)
{
    for (size_t i = 0; i < ARRAY_SIZE(socket_names); i++) {
        cleanup_free char *path = emulator_socket(env, socket_names[i]);
        unlink(path);
    }
}

/* A fresh directory: no sockets, no log of an earlier process. */
static int prepare_dir(const struct driver_env *env, struct err *err)
{
    cleanup_free char *log = path_in_dir(env, "log");
    cleanup_free char *longest = emulator_socket(env, "uart");
    cleanup_free char *dir = fs_dirname(log);
    int rc = connect_unix_check(longest, err);

    if (rc == 0)
        rc = fs_mkdirs(dir, 0700, err);
    if (rc < 0)
        return rc;
    unlink(log);
    remove_sockets(env);
    return 0;
}

/* A value within one of QEMU's comma-parted option lists: commas are doubled. */
static char *option_value(const char *text)
{
    cleanup_buf struct buf value = BUF_INIT(8192);

    for (; *text; text++)
        buf_adds(&value, *text == ',' ? ",," : (char[]){*text, '\0'});
    return buf_steal(&value);
}

/* QMP comes last: once it can be reached, all three can. */
static void add_sockets(struct strv *argv, const struct driver_env *env)
{
    for (size_t i = 0; i < ARRAY_SIZE(socket_names); i++) {
        cleanup_free char *path = emulator_socket(env, socket_names[i]);
        cleanup_free char *value = option_value(path);
        strv_add(argv, "-chardev");
        strv_addf(argv, "socket,id=%s,path=%s,server=on,wait=off", socket_names[i], value);
    }
    static const char *const uses[] = {"-gdb",         "chardev:gdb", "-serial",
                                       "chardev:uart", "-mon",        "chardev=qmp,mode=control"};
    for (size_t i = 0; i < ARRAY_SIZE(uses); i++)
        strv_add(argv, uses[i]);
}

/* Of flash, by an earlier life; 0: none. */
static uint64_t saved_bytes(const struct driver_env *env)
{
    cleanup_free char *path = path_in_dir(env, "flash.bin");
    struct stat info;

    return stat(path, &info) == 0 && info.st_size > 0 ? (uint64_t)info.st_size : 0;
}

static void add_flash(struct strv *argv, const struct emulator *emulator,
                      const struct driver_env *env)
{
    const struct emulator_machine *machine = emulator_machine(emulator->conf.machine);
    cleanup_free char *path = path_in_dir(env, "flash.bin");
    cleanup_free char *value = option_value(path);

    if (!emulator->used)
        return;
    /* Flash is a ROM to QEMU: the file goes in once, and not again at each reset. */
    strv_add(argv, "-device");
    strv_addf(argv, "loader,file=%s,addr=0x%" PRIx64 ",force-raw=on", value, machine->flash_at);
}

static void build_argv(const struct emulator *emulator, const struct driver_env *env,
                       struct strv *argv)
{
    const struct emulator_conf *conf = &emulator->conf;
    const char *const fixed[] = {
        emulator_binary(conf), "-M", conf->machine, "-S", "-display", "none", "-nodefaults",
        "-no-user-config",
    };

    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
        strv_add(argv, fixed[i]);
    add_sockets(argv, env);
    add_flash(argv, emulator, env);
    for (size_t i = 0; i < conf->args.count; i++)
        strv_add(argv, conf->args.items[i]);
}

/* The last line that QEMU printed, for the message about why it ended. */
static int ended(const struct driver_env *env, struct err *err)
{
    cleanup_free char *path = path_in_dir(env, "log");
    cleanup_buf struct buf log = BUF_INIT(LOG_MAX);
    cleanup_strv struct strv lines = {0};

    fs_read(path, &log, NULL);
    strv_split(&lines, log.data, '\n');
    cleanup_free char *last = lines.count
                                  ? text_clean_dup(lines.items[lines.count - 1], 500, TEXT_ONE_LINE)
                                  : xstrdup("it printed nothing");
    return err_set(err, ERR_TOOL, "QEMU ended at once: %s", last);
}

/* One connection to QMP. */
struct control {
    int fd;
    struct qmp qmp;
};

static int control_open(struct control *control, const struct driver_env *env,
                        const struct ctx *ctx, struct err *err)
{
    cleanup_free char *path = emulator_socket(env, "qmp");
    int rc;

    *control = (struct control){.fd = -1};
    rc = connect_unix(path, ctx, &control->fd, err);
    return rc < 0 ? rc : qmp_open(&control->qmp, control->fd, ctx, err);
}

static void control_close(struct control *control)
{
    qmp_done(&control->qmp);
    close_fd(&control->fd);
}

/* Until QMP answers, which it does once the machine is complete, or until the process ends. */
static int wait_ready(const struct emulator *emulator, const struct driver_env *env,
                      const struct ctx *ctx, struct err *err)
{
    int pidfd = proc_pidfd(emulator->process);

    for (;;) {
        struct control control;
        struct ctx moment = ctx_narrow(ctx, POLL_MS);
        int rc = control_open(&control, env, ctx, err);
        control_close(&control);
        if (rc == -ERR_GONE)
            return ended(env, err);
        if (rc != -ERR_NOT_FOUND)
            return rc;
        rc = ctx_wait(&moment, pidfd, POLLIN, err);
        if (rc > 0)
            return ended(env, err);
        if (rc == -ERR_TIMEOUT)
            rc = ctx_check(ctx, err);
        if (rc < 0)
            return rc;
    }
}

int emulator_start(struct emulator *emulator, const struct driver_env *env, const struct ctx *ctx,
                   struct err *err)
{
    cleanup_free char *log = path_in_dir(env, "log");
    cleanup_strv struct strv argv = {0};
    struct ctx until = ctx_narrow(ctx, START_MS);
    int rc;

    if (emulator->process && proc_running(emulator->process))
        return 0;
    proc_stop(emulator->process);
    emulator->process = NULL;
    rc = prepare_dir(env, err);
    if (rc < 0)
        return rc;
    emulator->used = saved_bytes(env);
    emulator->written = false;
    build_argv(emulator, env, &argv);
    driver_tell_command(env, (const char *const *)argv.items);
    rc = proc_start(&(struct proc_spec){.argv = (const char *const *)argv.items,
                                        .log_path = log,
                                        .hint = "apt install qemu-system-arm",
                                        .grace_ms = NO_GRACE},
                    ctx, &emulator->process, err);
    if (rc < 0)
        return rc;
    rc = wait_ready(emulator, env, &until, err);
    if (rc == 0)
        return 0;
    proc_stop(emulator->process);
    emulator->process = NULL;
    remove_sockets(env);
    return err_wrap(err, "emulator %s", emulator->conf.machine);
}

void emulator_expect(struct emulator *emulator, const struct image *image)
{
    const struct emulator_machine *machine = emulator_machine(emulator->conf.machine);

    emulator->written = true;
    for (size_t i = 0; i < image->count; i++) {
        const struct segment *segment = &image->segments[i];
        uint64_t from = segment->address - machine->flash_at;
        if (segment->address >= machine->flash_at && from < machine->flash_size &&
            from + segment->size > emulator->used)
            emulator->used = from + segment->size;
    }
    if (emulator->used > machine->flash_size)
        emulator->used = machine->flash_size;
}

/* To a file beside the old one first, so that a save that is cut short loses nothing. */
static int save_flash(const struct emulator *emulator, const struct driver_env *env,
                      const struct ctx *ctx, struct err *err)
{
    const struct emulator_machine *machine = emulator_machine(emulator->conf.machine);
    cleanup_free char *path = path_in_dir(env, "flash.bin");
    cleanup_free char *draft = path_in_dir(env, "flash.new");
    struct control control;
    int rc = control_open(&control, env, ctx, err);

    if (rc == 0) {
        cJSON *range = cJSON_CreateObject();
        cJSON_AddNumberToObject(range, "val", (double)machine->flash_at);
        cJSON_AddNumberToObject(range, "size", (double)emulator->used);
        cJSON_AddStringToObject(range, "filename", draft);
        rc = qmp_call(&control.qmp, "pmemsave", range, ctx, err);
    }
    if (rc == 0 && rename(draft, path) < 0)
        rc = err_sys(err, errno, "%s", path);
    control_close(&control);
    return rc;
}

void emulator_stop(struct emulator *emulator, const struct driver_env *env, const struct ctx *ctx)
{
    struct ctx save = ctx_cleanup(ctx, SAVE_MS);
    struct err why = {0};

    if (!emulator->process)
        return;
    if (emulator->written && emulator->used && proc_running(emulator->process) &&
        save_flash(emulator, env, &save, &why) < 0)
        driver_tell_warning(env, "flash of the emulated board was not saved: %s", why.message);
    proc_stop(emulator->process);
    emulator->process = NULL;
    remove_sockets(env);
}

bool emulator_locked_up(const struct emulator *emulator, const struct driver_env *env,
                        char why[256])
{
    static const char mark[] = "qemu: fatal: Lockup: ";
    cleanup_free char *path = path_in_dir(env, "log");
    cleanup_buf struct buf log = BUF_INIT(65536);
    struct ctx moment = ctx_cleanup(&(struct ctx){0}, LOCKUP_MS);
    const char *found;

    /* The console closes a moment before the process has ended. */
    if (!emulator->process || ctx_wait(&moment, proc_pidfd(emulator->process), POLLIN, NULL) < 0 ||
        fs_read(path, &log, NULL) < 0 || !(found = strstr(log.data, mark)))
        return false;
    found += strlen(mark);
    snprintf(why, 256, "the core locked up: %.*s", (int)strcspn(found, "\r\n"), found);
    return true;
}

/* The CPU may run only once the reset has happened, which is after its return: until then it would
 * run from where it was, and from empty flash into a lockup, which ends QEMU. */
int emulator_reset(const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    struct control control;
    int rc = control_open(&control, env, ctx, err);

    if (rc == -ERR_NOT_FOUND)
        err_set(err, ERR_NOT_FOUND, "the emulator is off; switch its power on first");
    control.qmp.watch = "RESET";
    if (rc == 0)
        rc = qmp_call(&control.qmp, "system_reset", NULL, ctx, err);
    if (rc == 0)
        rc = qmp_await(&control.qmp, ctx, err);
    if (rc == 0)
        rc = qmp_call(&control.qmp, "cont", NULL, ctx, err);
    control_close(&control);
    return rc;
}
