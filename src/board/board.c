/* SPDX-License-Identifier: MIT */
#include "board/board.h"

#include "base/fs.h"
#include "base/guard.h"
#include "base/proc.h"
#include "board/console_tty.h"
#include "board/emulator.h"
#include "board/plugged.h"
#include "board/power/power.h"
#include "board/turn.h"
#include "usb/link.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESET_GAP_MS 200 /* off time of a power cycle that stands for a reset */
#define DRIVERS_MAX 32   /* of one kind */

struct board {
    const struct board_conf *conf;
    const struct lab *lab;
    const char *lock_dir; /* all users' */
    struct turn *turn;
    struct driver_env env;
    char *dir; /* env.runtime_dir */
    struct memory_range emulated[2];
    const struct power_driver *power;
    const struct reset_driver *reset;
    const struct flash_driver *flash;
    const struct console_driver *console;
    const struct reset_driver *bootloader; /* into its ROM; NULL: none */
    const struct power_driver *probe;      /* the probe's supply; NULL: not to be switched */
    void *power_self, *reset_self, *flash_self, *console_self, *bootloader_self, *probe_self;
    bool powered;
    int console_fd;
    struct console_tty console_tty;
    struct guard *guard; /* that knows our resting commands */
    size_t rests;
};

/* A driver's instance out of its node; `base` is the row's common part. */
static void *instance(const struct driver_base *base, const char *kind,
                      const struct yaml_node *options, struct diags *diags)
{
    cleanup_free char *what = xasprintf("%s %s", kind, base->name);
    size_t before = diags->messages.count;
    void *self = xcalloc(1, base->self_size ? base->self_size : 1);

    if (base->preset)
        base->preset(self);
    fields_read(base->fields, options, what, self, diags);
    if (base->check && diags->messages.count == before)
        base->check(self, options, diags);
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

#define OPEN_DRIVER_AS(board, member, kind, node, diags)                                     \
    do {                                                                                     \
        (board)->member = find_row((const void *const *)kind##_drivers, #kind, node, diags); \
        if ((board)->member)                                                                 \
            (board)->member##_self =                                                         \
                instance(&(board)->member->base, #kind, (node)->first, diags);               \
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
        board->power_self = instance(&power_qemu.base, "power", qemu, diags);
    }
    if (!board->reset)
        open_from_text(board, "reset", "qemu: {}", diags);
    if (!board->flash)
        open_from_text(board, "flash", flash, diags);
    if (!board->console)
        open_from_text(board, "console", console, diags);
    if (machine && !board->conf->memory_count) {
        board->emulated[0] = (struct memory_range){machine->flash_at, machine->flash_size};
        board->emulated[1] = (struct memory_range){machine->ram_at, machine->ram_size};
        board->env.memory = board->emulated;
        board->env.memory_count = 2;
    }
}

static void lend_tty(struct board *board, const struct driver_base *base, const void *self,
                     const struct yaml_node *node, struct diags *diags)
{
    if (node && base->borrows_tty && base->borrows_tty(self) && !board->env.console)
        diag_key(diags, node->first,
                 "'%s' needs either 'path' or 'usb-serial': the board has no serial console whose "
                 "tty it could take",
                 base->name);
}

/* Once all drivers are there. */
static void lend_ttys(struct board *board, struct diags *diags)
{
    if (board->console && board->console->tty) {
        console_tty_init(&board->console_tty, board->console->tty(board->console_self));
        board->env.console = &board->console_tty;
    }
    if (board->power) /* an emulated board's has no node */
        lend_tty(board, &board->power->base, board->power_self, board->conf->power, diags);
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
    board->env.memory = conf->memory;
    board->env.memory_count = conf->memory_count;
    board->dir = socket_dir(lab, runtime_dir);
    board->env.board = conf->name;
    board->env.runtime_dir = board->dir;
    if (conf->power)
        OPEN_DRIVER(board, power, conf->power, diags);
    if (conf->reset)
        OPEN_DRIVER(board, reset, conf->reset, diags);
    if (conf->flash)
        OPEN_DRIVER(board, flash, conf->flash, diags);
    if (conf->console)
        OPEN_DRIVER(board, console, conf->console, diags);
    if (conf->qemu)
        open_emulated(board, conf->qemu, diags);
    if (conf->recovery.bootloader)
        OPEN_DRIVER_AS(board, bootloader, reset, conf->recovery.bootloader, diags);
    if (conf->recovery.probe)
        OPEN_DRIVER_AS(board, probe, power, conf->recovery.probe, diags);
    if (diags->messages.count == before)
        lend_ttys(board, diags);
    if (!board->reset && !board->power && diags->messages.count == before)
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
    free(board->dir);
    free(board);
}

const struct board_conf *board_conf(const struct board *board)
{
    return board->conf;
}

struct board_drivers board_drivers(const struct board *board)
{
    return (struct board_drivers){
        .power = board->power ? board->power->base.name : NULL,
        .reset = board->reset ? board->reset->base.name : NULL,
        .flash = board->flash ? board->flash->base.name : NULL,
        .console = board->console ? board->console->base.name : NULL,
    };
}

static void add_program(const char *program, const char *hint, struct strv *ret, struct strv *hints)
{
    strv_add(ret, program);
    strv_add(hints, hint ? hint : "");
}

static void add_programs(const struct driver_base *base, const void *self, struct strv *ret,
                         struct strv *hints)
{
    for (const struct field *field = base->fields; field && field->name; field++) {
        const char *place = (const char *)self + field->offset;
        const struct strv *argv = (const void *)place;
        const struct argv_list *list = (const void *)place;
        if (field->type == FIELD_ARGV && argv->count)
            add_program(argv->items[0], NULL, ret, hints);
        for (size_t i = 0; field->type == FIELD_ARGVS && i < list->count; i++)
            add_program(list->items[i].items[0], NULL, ret, hints);
    }
    if (base->program)
        add_program(base->program(self), base->hint ? base->hint(self) : NULL, ret, hints);
}

void board_programs(const struct board *board, struct strv *ret, struct strv *hints)
{
    if (board->power)
        add_programs(&board->power->base, board->power_self, ret, hints);
    if (board->reset)
        add_programs(&board->reset->base, board->reset_self, ret, hints);
    if (board->flash)
        add_programs(&board->flash->base, board->flash_self, ret, hints);
    if (board->console)
        add_programs(&board->console->base, board->console_self, ret, hints);
    if (board->bootloader)
        add_programs(&board->bootloader->base, board->bootloader_self, ret, hints);
    if (board->probe)
        add_programs(&board->probe->base, board->probe_self, ret, hints);
}

int board_programs_present(const struct board *board, struct err *err)
{
    cleanup_strv struct strv programs = {0}, hints = {0};

    board_programs(board, &programs, &hints);
    for (size_t i = 0; i < programs.count; i++) {
        cleanup_free char *found = proc_find(programs.items[i]);
        if (!found)
            return err_set(err, ERR_NOT_FOUND, "'%s' is not installed", programs.items[i]);
    }
    return 0;
}

static int devices_present(const struct board *board, struct err *err)
{
    const struct driver_base *const bases[] = {
        board->power ? &board->power->base : NULL, board->reset ? &board->reset->base : NULL,
        board->flash ? &board->flash->base : NULL, board->console ? &board->console->base : NULL};
    const void *const selves[] = {board->power_self, board->reset_self, board->flash_self,
                                  board->console_self};

    for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
        int rc = bases[i] && bases[i]->present ? bases[i]->present(selves[i], err) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

int board_present(struct board *board, const struct ctx *ctx, struct err *err)
{
    bool is_on = true;
    int rc = board_programs_present(board, err);

    if (rc == 0 && (rc = devices_present(board, err)) < 0 && board->power &&
        (board_is_on(board, ctx, &is_on, NULL) < 0 || !is_on))
        rc = 0; /* its own USB port goes with its power */
    return rc;
}

void board_attach(struct board *board, const char *work_dir, const char *test,
                  struct events *events)
{
    board->env.work_dir = work_dir;
    board->env.test = test;
    board->env.events = events;
}

int board_accepts(const struct board *board, const struct image *image, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < image->count && rc == 0; i++)
        rc = driver_accepts(&board->env, "segment", image->segments[i].address,
                            image->segments[i].size, err);
    return rc < 0 ? err_wrap(err, "%s", image->name) : 0;
}

/* The guardian's key for the i-th resting command of this board. */
static int64_t rest_key(const struct board *board, size_t i)
{
    return (int64_t)(uintptr_t)board + (int64_t)i;
}

static void untell_guard(struct board *board)
{
    for (size_t i = 0; i < board->rests; i++)
        guard_drop_rest(board->guard, rest_key(board, i));
    board->rests = 0;
}

static void tell_guard(struct board *board, const struct ctx *ctx)
{
    const struct strv *argvs = NULL;

    untell_guard(board); /* of an earlier life that could not be ended */
    if (!board->power->off_argvs)
        return;
    board->guard = ctx->guard;
    board->rests = board->power->off_argvs(board->power_self, &argvs);
    for (size_t i = 0; i < board->rests; i++)
        guard_add_rest(ctx->guard, rest_key(board, i), (const char *const *)argvs[i].items);
}

/* The runtime directory is everybody's: one that somebody else has made for us is no good. */
static int make_socket_dir(const struct board *board, struct err *err)
{
    struct stat info;

    if (mkdir(board->dir, 0700) < 0 && errno != EEXIST)
        return err_sys(err, errno, "%s", board->dir);
    if (lstat(board->dir, &info) < 0)
        return err_sys(err, errno, "%s", board->dir);
    if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || info.st_mode & (S_IWGRP | S_IWOTH))
        return err_set(err, ERR_IO, "%s: is not a directory of ours alone; try: rm -r %s",
                       board->dir, board->dir);
    return 0;
}

int board_power_on(struct board *board, const struct ctx *ctx, struct err *err)
{
    int rc = make_socket_dir(board, err);

    if (rc < 0 || !board->power)
        return rc;
    /* Before the first command: half switched on must be switched off, too. */
    tell_guard(board, ctx);
    board->powered = true;
    rc = board->power->on(board->power_self, &board->env, ctx, err);
    return rc < 0 ? err_wrap(err, "power %s", board->power->base.name) : 0;
}

static int need_power(const struct board *board, struct err *err)
{
    return board->power ? 0
                        : err_set(err, ERR_CONFIG, "%s has no power driver: see hil drivers power",
                                  board->conf->name);
}

int board_is_on(struct board *board, const struct ctx *ctx, bool *ret, struct err *err)
{
    int rc = need_power(board, err);

    if (rc < 0)
        return rc;
    if (!board->power->is_on)
        return err_set(err, ERR_CONFIG, "power %s of %s cannot tell", board->power->base.name,
                       board->conf->name);
    rc = board->power->is_on(board->power_self, &board->env, ctx, ret, err);
    return rc < 0 ? err_wrap(err, "power %s", board->power->base.name) : 0;
}

bool board_ends_with_us(const struct board *board)
{
    return board->power && board->power->ends_with_us;
}

int board_rest(struct board *board, const struct ctx *ctx, struct err *err)
{
    return board->powered ? board_power_off(board, ctx, err) : 0;
}

int board_power_off(struct board *board, const struct ctx *ctx, struct err *err)
{
    int rc = need_power(board, err);

    if (rc < 0)
        return rc;
    rc = board->power->off(board->power_self, &board->env, ctx, err);
    board->powered = rc < 0;
    if (rc < 0)
        return err_wrap(err, "power %s", board->power->base.name);
    untell_guard(board);
    return 0;
}

bool board_ended_by_firmware(struct board *board, char why[256])
{
    return board->powered && board->power->ended_by_firmware &&
           board->power->ended_by_firmware(board->power_self, &board->env, why);
}

int board_flash_turn(struct board *board, const struct ctx *ctx, struct err *err)
{
    const struct max_parallel *room = &board->lab->max_parallel;
    const struct usb_device *device;
    struct turn_place place = {0};
    struct usb_tree tree = {0};
    int rc = room->hub || room->controller ? usb_scan(&tree, err) : 0;

    if (rc == 0 && (device = plugged_device(board->conf, &tree)))
        place = (struct turn_place){.hub = device->parent, .controller = device->controller};
    if (rc == 0)
        rc = turn_take(board->lock_dir, board->lab, &place, ctx, &board->turn, err);
    usb_tree_done(&tree);
    return rc;
}

void board_flash_turn_end(struct board *board)
{
    turn_drop(board->turn);
    board->turn = NULL;
}

int board_flash(struct board *board, const struct image *image, const struct ctx *ctx,
                struct err *err)
{
    int rc = board->flash->program(board->flash_self, &board->env, image, ctx, err);

    return rc < 0 ? err_wrap(err, "flash %s", board->flash->base.name) : 0;
}

int board_verify(struct board *board, const struct image *image, const struct ctx *ctx,
                 struct err *err)
{
    int rc = board->flash->verify
                 ? board->flash->verify(board->flash_self, &board->env, image, ctx, err)
                 : 0;

    return rc < 0 ? err_wrap(err, "verify %s", board->flash->base.name) : 0;
}

int board_holds(struct board *board, const struct image *image, const struct ctx *ctx, bool *ret,
                struct err *err)
{
    const struct flash_driver *flash = board->flash;
    int rc = flash->compare ? flash->compare(board->flash_self, &board->env, image, ctx, err)
                            : err_set(err, ERR_CONFIG, "cannot tell what the board has");

    *ret = rc == 0;
    if (rc == -ERR_REFUSED)
        return 0;
    return rc < 0 ? err_wrap(err, "flash %s", flash->base.name) : 0;
}

bool board_flash_needs_console(const struct board *board)
{
    return board->flash->needs_console_port;
}

int board_power_cycle(struct board *board, int64_t gap_ms, const struct ctx *ctx, struct err *err)
{
    int rc = board_power_off(board, ctx, err);

    if (rc == 0)
        rc = ctx_sleep(ctx, gap_ms, err);
    return rc == 0 ? board_power_on(board, ctx, err) : rc;
}

int board_reset(struct board *board, const struct ctx *ctx, struct err *err)
{
    int rc;

    if (board->reset) {
        rc = board->reset->reset(board->reset_self, &board->env, ctx, err);
        return rc < 0 ? err_wrap(err, "reset %s", board->reset->base.name) : 0;
    }
    rc = board_power_cycle(board, RESET_GAP_MS, ctx, err);
    return rc < 0 ? err_wrap(err, "reset by power cycle") : 0;
}

/* ---- recovery ------------------------------------------------------------------------------ */

int board_enter_bootloader(struct board *board, const struct ctx *ctx, struct err *err)
{
    int rc;

    if (!board->bootloader)
        return err_set(err, ERR_CONFIG, "no bootloader driver");
    rc = board->bootloader->reset(board->bootloader_self, &board->env, ctx, err);
    return rc < 0 ? err_wrap(err, "bootloader %s", board->bootloader->base.name) : 0;
}

int board_usb_reset(struct board *board, struct err *err)
{
    const struct usb_device *device;
    struct usb_link *link = NULL;
    struct usb_tree tree = {0};
    int rc = usb_scan(&tree, err);

    if (rc == 0 && !(device = plugged_device(board->conf, &tree)))
        rc = err_set(err, ERR_NOT_FOUND, "no USB device of its drivers is plugged in");
    else if (rc == 0)
        rc = usb_link_open(device, &link, err);
    if (rc == 0)
        rc = usb_link_reset(link, err);
    usb_link_close(link);
    usb_tree_done(&tree);
    return rc;
}

int board_probe_cycle(struct board *board, int64_t gap_ms, const struct ctx *ctx, struct err *err)
{
    int rc;

    if (!board->probe)
        return err_set(err, ERR_CONFIG, "no power driver of the probe");
    rc = board->probe->off(board->probe_self, &board->env, ctx, err);
    if (rc == 0)
        rc = ctx_sleep(ctx, gap_ms, err);
    if (rc == 0)
        rc = board->probe->on(board->probe_self, &board->env, ctx, err);
    return rc < 0 ? err_wrap(err, "probe %s", board->probe->base.name) : 0;
}

static void lend_console(struct board *board, int fd)
{
    if (board->env.console)
        console_tty_set(board->env.console, fd);
}

int board_console_open(struct board *board, const struct ctx *ctx, struct err *err)
{
    int rc = 0;

    if (board->console_fd < 0)
        rc = board->console->open(board->console_self, &board->env, ctx, &board->console_fd, err);
    if (rc == 0)
        lend_console(board, board->console_fd);
    return rc < 0 ? err_wrap(err, "console %s", board->console->base.name) : 0;
}

void board_console_close(struct board *board)
{
    lend_console(board, -1);
    if (board->console_fd >= 0 && board->console->close)
        board->console->close(board->console_fd);
    else if (board->console_fd >= 0)
        close(board->console_fd);
    board->console_fd = -1;
}

int board_console_fd(const struct board *board)
{
    return board->console_fd;
}

/* A USB adapter that is pulled answers EIO, ENXIO or ENODEV, a peer that died ECONNRESET. */
static int console_gone(const struct board *board, struct err *err)
{
    err_wrap(err, "console %s", board->console->base.name);
    err->code = ERR_GONE;
    return -ERR_GONE;
}

ssize_t board_console_read(struct board *board, void *bytes, size_t room, const struct ctx *ctx,
                           struct err *err)
{
    ssize_t n;

    if (ctx) {
        n = ctx_read(ctx, board->console_fd, bytes, room, err);
    } else {
        n = read(board->console_fd, bytes, room);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return err_set(err, ERR_TIMEOUT, "nothing to read");
        if (n < 0)
            n = err_sys(err, errno, "read");
    }
    return n >= 0 || n == -ERR_TIMEOUT || n == -ERR_CANCELLED ? n : console_gone(board, err);
}

int board_console_write(struct board *board, const void *bytes, size_t count, const struct ctx *ctx,
                        struct err *err)
{
    int rc = ctx_write(ctx, board->console_fd, bytes, count, err);

    if (rc == 0 || rc == -ERR_CANCELLED)
        return rc;
    if (rc == -ERR_TIMEOUT)
        return err_wrap(err, "console %s: the board takes no bytes", board->console->base.name);
    return console_gone(board, err);
}

int board_console_settle_ms(const struct board *board)
{
    return board->console->settle_ms;
}
