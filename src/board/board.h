/* SPDX-License-Identifier: MIT
 *
 * board: one device under test, opened from its configuration: four drivers behind one face.
 *
 * board_open() only checks and allocates; nothing is touched before board_power_on(). The calls
 * come in the order of the pipeline, from one thread. Each blocks within its ctx and its errors
 * name the step ("flash gdb: ..."). board_close() turns nothing off: board_rest() does.
 */
#ifndef HIL_BOARD_BOARD_H
#define HIL_BOARD_BOARD_H

#include "board/driver.h"
#include "board/fence.h"
#include "conf/lab.h"

struct board;

/* A board on a server (conf/server.h) is opened without drivers, and none of the calls that touch
 * one is for it. Mistakes of the driver nodes go to `diags` with their positions; NULL where there
 * were any. */
struct board *board_open(const struct lab *lab, const struct board_conf *conf,
                         const char *runtime_dir, struct diags *diags); /* all borrowed */
void board_close(struct board *board);

const struct board_conf *board_conf(const struct board *board);
/* The names of the drivers in use, NULL where the board has none of that kind. */
struct board_drivers {
    const char *power, *reset, *flash, *console;
};
struct board_drivers board_drivers(const struct board *board);
/* Which probe its flash driver is told to use, by serial number or place; NULL: it says none. */
const char *board_conf_probe(const struct board_conf *board);

/* Is it there? Looks for its programs and devices, opens and disturbs nothing; a device that is
 * missing while its power may be off is no sign. 0, or an error that says what is missing. */
int board_present(struct board *board, const struct ctx *ctx, struct err *err);
int board_programs_present(const struct board *board, struct err *err); /* the programs alone */
/* Adds the programs that its drivers may run, as they stand in lab.yaml, and to `hints`, in
 * parallel with them, how to install each: empty where the driver does not know. */
void board_programs(const struct board *board, struct strv *ret, struct strv *hints);

/* Where the following calls log and tell. Borrowed until the next call or board_close(). */
void board_attach(struct board *board, const char *work_dir, const char *test,
                  struct events *events);

/* What is asked before each of the calls below that touch the board, and ends them; NULL: nothing.
 * Where it says no they are -ERR_LOST, and the board is left as it is. Borrowed until the next
 * call. */
void board_set_fence(struct board *board, const struct fence *fence);
const struct fence *board_fence(const struct board *board);

/* Ranges of its memory that lab.yaml guards by name and that may be written from now on; borrowed
 * until the next call. */
void board_allow(struct board *board, const struct strv *names);
/* 0 where every segment lies within the board's memory, else -ERR_CONFIG naming the segment. */
int board_accepts(const struct board *board, const struct image *image, struct err *err);

int board_power_on(struct board *board, const struct ctx *ctx, struct err *err);
/* Switches it off though we may not have switched it on. Both: -ERR_CONFIG where it has no power
 * driver, or one that cannot tell. */
int board_power_off(struct board *board, const struct ctx *ctx, struct err *err);
int board_is_on(struct board *board, const struct ctx *ctx, bool *ret, struct err *err);
bool board_ends_with_us(const struct board *board); /* an emulator: on while hil lives */
/* Waits until lab.yaml's max-parallel lets one more board be flashed (turn.h). */
int board_flash_turn(struct board *board, const struct ctx *ctx, struct err *err);
void board_flash_turn_end(struct board *board); /* harmless without a turn */
int board_flash(struct board *board, const struct image *image, const struct ctx *ctx,
                struct err *err);
int board_verify(struct board *board, const struct image *image, const struct ctx *ctx,
                 struct err *err);
/* Whether it has the image already; -ERR_CONFIG: its flash driver cannot tell. */
int board_holds(struct board *board, const struct image *image, const struct ctx *ctx, bool *ret,
                struct err *err);
/* Writes one-time-programmable memory, unless it has just that, and reads it back. -ERR_CONFIG: the
 * board has no such driver; -ERR_REFUSED: there is something else already, and nothing was
 * written. */
int board_otp(struct board *board, const struct image *image, const struct ctx *ctx,
              struct err *err);
bool board_flash_needs_console(const struct board *board);
/* Before the last look at what an earlier firmware prints, where the reset driver can. */
int board_halt(struct board *board, const struct ctx *ctx, struct err *err);
/* A board without a reset driver is power-cycled; without either that is -ERR_CONFIG. */
int board_reset(struct board *board, const struct ctx *ctx, struct err *err);
int board_power_cycle(struct board *board, int64_t gap_ms, const struct ctx *ctx, struct err *err);
/* Recovery's (recovery.h): into the ROM's bootloader; a reset of the USB device that the drivers
 * name; the probe's power off and on. -ERR_CONFIG: the board has no such driver; -ERR_NOT_FOUND: no
 * such device is there. */
int board_enter_bootloader(struct board *board, const struct ctx *ctx, struct err *err);
int board_usb_reset(struct board *board, const struct ctx *ctx, struct err *err);
int board_probe_cycle(struct board *board, int64_t gap_ms, const struct ctx *ctx, struct err *err);
/* After the console vanished: true where the firmware did it (a lockup ends an emulator); its
 * words. */
bool board_ended_by_firmware(struct board *board, char why[256]);
/* The resting state: power off where it can be switched. */
int board_rest(struct board *board, const struct ctx *ctx, struct err *err);

int board_console_open(struct board *board, const struct ctx *ctx, struct err *err);
void board_console_close(struct board *board);
int board_console_fd(const struct board *board); /* -1: closed */
/* Reads what is there: > 0 bytes, 0: the console is at its end, negative: an error. With a NULL ctx
 * it never waits: -ERR_TIMEOUT where nothing is there. */
ssize_t board_console_read(struct board *board, void *bytes, size_t room, const struct ctx *ctx,
                           struct err *err);
/* Writes all bytes. -ERR_TIMEOUT: the board does not take them; -ERR_CANCELLED; else -ERR_GONE. */
int board_console_write(struct board *board, const void *bytes, size_t count, const struct ctx *ctx,
                        struct err *err);
/* Where its tty vanishes, as a board's own USB port does at a reset, it can be told when it is
 * back. */
bool board_console_returns(const struct board *board);
/* What the kernel has counted on its line so far; false: nobody counts. */
bool board_console_errors(const struct board *board, struct line_errors *ret);
int board_console_settle_ms(const struct board *board);

#endif
