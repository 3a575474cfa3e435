/* SPDX-License-Identifier: MIT
 *
 * From a board's part of lab.yaml to its drivers.
 */
#include "base/fs.h"
#include "board/board_parts.h"
#include "board/emulator.h"
#include "board/otp/otp.h"
#include "board/power/power.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRIVERS_MAX 32 /* of one kind */

/* A driver's instance out of its node; `base` is the row's common part. */
static void *instance(const struct driver_base *base, const struct driver_env *env,
                      const char *kind, const struct yaml_node *options, struct diags *diags)
{
    cleanup_free char *what = xasprintf("%s %s", kind, base->name);
    size_t before = diags->messages.count;
    void *self = xcalloc(1, base->self_size ? base->self_size : 1);

    if (base->preset)
        base->preset(self);
    fields_read(base->fields, options, what, self, diags);
    if (base->check && diags->messages.count == before)
        base->check(self, options, diags);
    if (base->place && diags->messages.count == before)
        base->place(self, env, options, diags);
    if (env->far && !base->far)
        diag_key(
            diags, options,
            "%s needs hil beside the board, and server '%.80s' has none ('exec'): 'hil drivers "
            "%s' says which do not",
            what, env->far->name, kind);
    return self;
}

static void instance_free(const struct driver_base *base, void *self)
{
    if (!self)
        return;
    if (base->done)
        base->done(self);
    fields_done(base->fields, self);
    free(self);
}

static void unknown_driver(const struct yaml_node *option, const char *kind,
                           const struct driver_base *const *known, size_t count,
                           struct diags *diags)
{
    const char *names[DRIVERS_MAX];
    cleanup_buf struct buf list = BUF_INIT(1024);
    const char *near;

    for (size_t i = 0; i < count && i < ARRAY_SIZE(names); i++) {
        names[i] = known[i]->name;
        buf_addf(&list, "%s%s", i ? ", " : "", names[i]);
    }
    near = str_nearest(option->key, names, count < ARRAY_SIZE(names) ? count : ARRAY_SIZE(names));
    if (near)
        diag_key(diags, option, "unknown %s driver '%s' (did you mean '%s'?)", kind, option->key,
                 near);
    else
        diag_key(diags, option, "unknown %s driver '%s'; there are: %s", kind, option->key,
                 list.data);
}

/* Finds the row that `node` (a map with the driver's name as its one key) asks for. The four tables
 * differ only in their rows' type, each of which begins with a driver_base. */
static const void *find_row(const void *const *rows, const char *kind, const struct yaml_node *node,
                            struct diags *diags)
{
    const struct driver_base *known[DRIVERS_MAX];
    size_t count = 0;

    if (node->kind != YAML_MAP || node->count != 1) /* which lab_load() has told */
        return NULL;
    for (; count < ARRAY_SIZE(known) && rows[count]; count++) {
        known[count] = rows[count];
        if (!strcmp(known[count]->name, node->first->key))
            return rows[count];
    }
    unknown_driver(node->first, kind, known, count, diags);
    return NULL;
}

#define OPEN_DRIVER_AS(board, member, kind, node, diags)                                      \
    do {                                                                                      \
        (board)->member = find_row((const void *const *)kind##_drivers, #kind, node, diags);  \
        if ((board)->member)                                                                  \
            (board)->member##_self =                                                          \
                instance(&(board)->member->base, &(board)->env, #kind, (node)->first, diags); \
    } while (0)
#define OPEN_DRIVER(board, kind, node, diags) OPEN_DRIVER_AS(board, kind, kind, node, diags)

/* One directory a lab and user, so that labs do not meet and others cannot reach our sockets. */
static char *socket_dir(const struct lab *lab, const char *runtime_dir)
{
    cleanup_free char *safe = fs_safe_name(lab->name);

    return xasprintf("%s/%s-%u", runtime_dir, safe, (unsigned)getuid());
}

/* `flash: {gdb: ...}` and `console: {unix: ...}` of an emulated board, written as a person would.
 */
static void open_from_text(struct board *board, const char *kind, const char *text,
                           struct diags *diags)
{
    struct yaml_tree *tree = NULL;
    const struct yaml_node *root;

    if (yaml_parse(text, strlen(text), "emulated board", &tree, diags, NULL) == 0) {
        root = yaml_root(tree);
        if (!strcmp(kind, "flash"))
            OPEN_DRIVER(board, flash, root, diags);
        else if (!strcmp(kind, "console"))
            OPEN_DRIVER(board, console, root, diags);
        else
            OPEN_DRIVER(board, reset, root, diags);
        yaml_tree_free(tree);
    }
    diags->file = board->lab->file;
}

static void open_emulated(struct board *board, const struct yaml_node *qemu, struct diags *diags)
{
    const struct yaml_node *machine_node = yaml_get(qemu, "machine");
    const struct emulator_machine *machine =
        machine_node && machine_node->text ? emulator_machine(machine_node->text) : NULL;
    cleanup_free char *gdb = emulator_socket(&board->env, "gdb");
    cleanup_free char *uart = emulator_socket(&board->env, "uart");
    cleanup_free char *flash = xasprintf("gdb: {unix: \"%s\", detach: false}", gdb);
    cleanup_free char *console = xasprintf("unix: {path: \"%s\"}", uart);

    if (!board->power) {
        board->power = &power_qemu;
        board->power_self = instance(&power_qemu.base, &board->env, "power", qemu, diags);
    }
    if (!board->reset)
        open_from_text(board, "reset", "qemu: {}", diags);
    if (!board->flash)
        open_from_text(board, "flash", flash, diags);
    if (!board->console)
        open_from_text(board, "console", console, diags);
    if (machine && !board->conf->memory.count) {
        board->emulated[0] =
            (struct memory_range){.at = machine->flash_at, .size = machine->flash_size};
        board->emulated[1] =
            (struct memory_range){.at = machine->ram_at, .size = machine->ram_size};
        board->env.memory = board->emulated;
        board->env.memory_count = 2;
    }
}

static bool field_named(const struct driver_base *base, const char *name)
{
    const struct field *field = base->fields;

    while (field->name && strcmp(field->name, name) != 0)
        field++;
    return field->name;
}

static void lend_tty(struct board *board, const struct driver_base *base, const void *self,
                     const struct yaml_node *node, struct diags *diags)
{
    if (node && base->borrows_tty && base->borrows_tty(self) && !board->env.console)
        diag_key(diags, node->first,
                 "'%s' needs either '%s' or 'usb-serial': the board has no serial console whose "
                 "tty it could take",
                 base->name, field_named(base, "path") ? "path" : "port");
}

/* Once all drivers are there. */
static void lend_console(struct board *board, struct diags *diags)
{
    if (board->console && board->console->openocd)
        board->env.openocd = board->console->openocd(board->console_self);
    if (board->console && board->console->tty) {
        console_tty_init(&board->console_tty, board->console->tty(board->console_self));
        board->env.console = &board->console_tty;
    }
    if (board->power) /* an emulated board's has no node */
        lend_tty(board, &board->power->base, board->power_self, board->conf->power, diags);
    if (board->flash)
        lend_tty(board, &board->flash->base, board->flash_self, board->conf->flash, diags);
    if (board->reset)
        lend_tty(board, &board->reset->base, board->reset_self, board->conf->reset, diags);
    if (board->bootloader)
        lend_tty(board, &board->bootloader->base, board->bootloader_self,
                 board->conf->recovery.bootloader, diags);
    if (board->probe)
        lend_tty(board, &board->probe->base, board->probe_self, board->conf->recovery.probe, diags);
}

struct board *board_open(const struct lab *lab, const struct board_conf *conf,
                         const char *runtime_dir, struct diags *diags)
{
    struct board *board = xcalloc(1, sizeof *board);
    size_t before = diags->messages.count;

    board->lab = lab;
    board->lock_dir = runtime_dir;
    diags->file = lab->file;
    board->conf = conf;
    board->console_fd = -1;
    board->env.memory = conf->memory.ranges;
    board->env.memory_count = conf->memory.count;
    board->dir = socket_dir(lab, runtime_dir);
    board->env.board = conf->name;
    board->env.runtime_dir = board->dir;
    board->env.far = conf->far;
    board->env.hub = conf->far ? &conf->far->hub : &lab->hub;
    if (conf->there)
        return board; /* its drivers are the server's */
    if (conf->power)
        OPEN_DRIVER(board, power, conf->power, diags);
    if (conf->reset)
        OPEN_DRIVER(board, reset, conf->reset, diags);
    if (conf->flash)
        OPEN_DRIVER(board, flash, conf->flash, diags);
    if (conf->console)
        OPEN_DRIVER(board, console, conf->console, diags);
    if (conf->otp)
        OPEN_DRIVER(board, otp, conf->otp, diags);
    if (conf->qemu)
        open_emulated(board, conf->qemu, diags);
    if (conf->recovery.bootloader)
        OPEN_DRIVER_AS(board, bootloader, reset, conf->recovery.bootloader, diags);
    if (conf->recovery.probe)
        OPEN_DRIVER_AS(board, probe, power, conf->recovery.probe, diags);
    if (diags->messages.count == before)
        lend_console(board, diags);
    if (!board->reset && !board->power && !conf->bare && !conf->far &&
        diags->messages.count == before)
        diag_key(diags, conf->node,
                 "board '%s' has neither a reset nor a power driver: nothing could start its "
                 "firmware; add reset: {cmd: {run: [...]}}, or another of 'hil drivers'",
                 conf->name);
    if (diags->messages.count == before)
        return board;
    board_close(board);
    return NULL;
}

void board_close(struct board *board)
{
    if (!board)
        return;
    board_console_close(board);
    board_flash_turn_end(board);
    if (board->console)
        instance_free(&board->console->base, board->console_self);
    if (board->flash)
        instance_free(&board->flash->base, board->flash_self);
    if (board->reset)
        instance_free(&board->reset->base, board->reset_self);
    if (board->power)
        instance_free(&board->power->base, board->power_self);
    if (board->bootloader)
        instance_free(&board->bootloader->base, board->bootloader_self);
    if (board->probe)
        instance_free(&board->probe->base, board->probe_self);
    if (board->otp)
        instance_free(&board->otp->base, board->otp_self);
    free(board->dir);
    free(board);
}
