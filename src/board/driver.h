/* SPDX-License-Identifier: MIT
 *
 * driver: the four kinds of driver that make a board: power, reset, flash, console.
 *
 * A driver is one file under its kind's folder and one row in that kind's table (power/power.c,
 * ...). A row describes the driver's options as `fields`; an instance is a zeroed block of
 * `self_size` bytes that begins with the struct the fields fill. `preset` may put defaults in
 * before reading; `check` may look at the whole afterwards. All calls block only within their ctx,
 * are made from one thread at a time, and say in err what failed; the caller prepends board and
 * step.
 */
#ifndef HIL_BOARD_DRIVER_H
#define HIL_BOARD_DRIVER_H

#include "base/ctx.h"
#include "base/err.h"
#include "conf/field.h"
#include "image/image.h"
#include "result/event.h"

#include <stdbool.h>

struct console_tty;
struct far_file;
struct openocd_server;
struct proc_result;
struct proc_spec;
struct server_conf;
struct tty_target;

/* What every driver of a board may know of its surroundings. Borrowed for the call. */
struct driver_env {
    const char *board;       /* its name */
    const char *runtime_dir; /* sockets live here: one directory for each lab and user */
    const char *work_dir;    /* this job's directory: logs, temporary firmware files; NULL: none */
    struct events *events;   /* may be NULL */
    const char *test;        /* for events; may be NULL */
    const struct memory_range *memory; /* nothing outside is ever written */
    size_t memory_count;               /* 0: not said */
    const struct strv *allowed;     /* names of ranges that may be written this time; NULL: none */
    struct console_tty *console;    /* lends its tty; NULL: it is none */
    struct openocd_server *openocd; /* the console's; NULL: it runs none */
    const struct server_conf *far;  /* its programs run there (driver_exec()); NULL: here */
    const struct strv *hub;         /* the program of the hub controller; none: there is none */
};
/* 0 where the range lies within memory of the board that may be written, else -ERR_CONFIG naming
 * `what`: "segment". */
int driver_accepts(const struct driver_env *env, const char *what, uint64_t address, uint64_t size,
                   struct err *err);
/* An EVENT_COMMAND, EVENT_PROGRESS or EVENT_WARNING about this board. */
void driver_tell_command(const struct driver_env *env, const char *const *argv);
void driver_tell_progress(const struct driver_env *env, const char *step, uint64_t done,
                          uint64_t total);
void driver_tell_warning(const struct driver_env *env, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

struct driver_base {
    const char *name;
    const char *summary;
    const struct field *fields;
    size_t self_size;
    void (*preset)(void *self);                                                   /* may be NULL */
    void (*check)(void *self, const struct yaml_node *node, struct diags *diags); /* may be NULL */
    /* ends what is still open; fields are freed by the caller; may be NULL */
    void (*done)(void *self);
    /* Told once where the board is; what is missing there goes to `diags`. May be NULL */
    void (*place)(void *self, const struct driver_env *env, const struct yaml_node *node,
                  struct diags *diags);
    bool far; /* all that it needs is driver_exec(), so its board may be on a server without hil */
    /* A program that it runs and that no FIELD_ARGV names; may be NULL, or give NULL: none */
    const char *(*program)(const void *self);
    const char *(*hint)(const void *self); /* how to install it; NULL with a NULL program */
    /* Looks, without opening anything, for what it needs: -ERR_NOT_FOUND says what is missing. May
     * be NULL: nothing of it can be seen from outside */
    int (*present)(const void *self, struct err *err);
    /* True: its options leave out the tty, so it needs the console's. May be NULL: it never does */
    bool (*borrows_tty)(const void *self);
};

struct power_driver {
    struct driver_base base;
    bool ends_with_us; /* the board is on only while hil lives: an emulator */
    int (*on)(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err);
    int (*off)(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err);
    /* Whether it is on. May be NULL: cannot be told. */
    int (*is_on)(void *self, const struct driver_env *env, const struct ctx *ctx, bool *ret,
                 struct err *err);
    /* What the guardian is to run should hil be killed: the number of argv lists, borrowed. May be
     * NULL: ending hil's children is enough. */
    size_t (*off_argvs)(void *self, const struct strv **ret);
    /* The board vanished: was it the firmware that ended it? Then true, with its words in `why`.
     * May be NULL: firmware cannot. */
    bool (*ended_by_firmware)(void *self, const struct driver_env *env, char why[256]);
    /* The board is about to be given this image. May be NULL: it is all the same to it. */
    void (*expect)(void *self, const struct image *image);
};

struct reset_driver {
    struct driver_base base;
    /* Stops the board before its reset, where what it printed until then would else come when the
     * reset is over: a debugger that fetches it. May be NULL. */
    int (*halt)(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err);
    /* Resets the board and lets it run. */
    int (*reset)(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err);
};

struct flash_driver {
    struct driver_base base;
    bool needs_console_port; /* the console must be closed while it works */
    bool takes_layouts;      /* images that are flash layouts, too; others are never given one */
    /* Programs every segment, and verifies what it wrote unless `verify` is there. */
    int (*program)(void *self, const struct driver_env *env, const struct image *image,
                   const struct ctx *ctx, struct err *err);
    /* Reads back or checksums; a difference is -ERR_REFUSED with the first address. May be NULL. */
    int (*verify)(void *self, const struct driver_env *env, const struct image *image,
                  const struct ctx *ctx, struct err *err);
    /* Compares what the board has with the image; writes nothing. -ERR_REFUSED: it has something
     * else; -ERR_CONFIG, or no such function: this way of flashing cannot tell. */
    int (*compare)(void *self, const struct driver_env *env, const struct image *image,
                   const struct ctx *ctx, struct err *err);
};

struct console_driver {
    struct driver_base base;
    int settle_ms; /* bytes may still be under way this long after the board fell silent */
    /* A descriptor to poll, read and write; non-blocking. */
    int (*open)(void *self, const struct driver_env *env, const struct ctx *ctx, int *ret_fd,
                struct err *err);
    /* Drops what the kernel holds for us; may be NULL. */
    void (*flush)(void *self, int fd);
    void (*close)(void *self, int fd); /* NULL: close(2) */
    /* The tty that it opens; lives as long as self. May be NULL: it opens none. */
    const struct tty_target *(*tty)(const void *self);
    /* The OpenOCD that it runs while it is open, and that has the board's probe: nobody else can
     * flash then. May be NULL, and give NULL: it runs none. */
    struct openocd_server *(*openocd)(void *self);
};

/* The tables; NULL-terminated. Each lives in its kind's folder. */
extern const struct power_driver *const power_drivers[];
extern const struct reset_driver *const reset_drivers[];
extern const struct flash_driver *const flash_drivers[];
extern const struct console_driver *const console_drivers[];

/* argv with {file} {address} {serial} {board} ... filled in; an unknown {name} is -ERR_CONFIG.
 * `names` and `values` run in parallel, NULL-terminated names. A placeholder never splits an
 * argument. */
int driver_fill_argv(const struct strv *template, const char *const *names,
                     const char *const *values, struct strv *ret, struct err *err);
/* Runs a program where the board is: proc_run() here, or far_run() (ssh/far.h) with the files,
 * which here the program finds in spec->dir. */
int driver_exec(const struct driver_env *env, const struct proc_spec *spec,
                const struct far_file *files, size_t count, const struct ctx *ctx,
                struct proc_result *ret, struct err *err);
/* Runs argv to its end, telling the command; its output is appended to work_dir/`log`. */
int driver_run(const struct driver_env *env, const struct strv *argv, const char *log,
               const struct ctx *ctx, struct err *err);
/* The same, with files. */
int driver_run_with(const struct driver_env *env, const struct strv *argv, const char *log,
                    const struct far_file *files, size_t count, const struct ctx *ctx,
                    struct err *err);
/* One after the other, up to the first that fails. */
int driver_run_all(const struct driver_env *env, const struct argv_list *list, const char *log,
                   const struct ctx *ctx, struct err *err);

#endif
