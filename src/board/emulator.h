/* SPDX-License-Identifier: MIT
 *
 * emulator: a QEMU process that plays a board; what the `qemu` drivers share.
 *
 * `qemu: {machine: netduinoplus2}` on a board is short for power, reset, flash and console. Power
 * on starts the process with its CPU stopped and sockets for GDB stub, UART and QMP in
 * RUNTIME/BOARD.qemu/; it is on once QMP answers. Reset is QMP system_reset, which keeps flash, and
 * lets the CPU run. Power off saves flash beside the sockets, and power on loads it again, as a
 * real part would keep it; an emulator that was killed keeps what the last power off saved.
 *
 * Connect the UART before the first reset: what nobody reads is lost, as on a wire.
 *
 * Machines (QEMU's docs/system/arm/stm32.rst; flash and RAM from the reference manuals RM0090,
 * RM0033, RM0041): netduinoplus2 STM32F405, netduino2 STM32F205, stm32vldiscovery STM32F100. The
 * console is USART1 on all of them.
 */
#ifndef HIL_BOARD_EMULATOR_H
#define HIL_BOARD_EMULATOR_H

#include "board/driver.h"
#include "image/image.h"

struct emulator_machine {
    const char *name, *chip;
    uint64_t flash_at, flash_size, ram_at, ram_size; /* bytes */
};
const struct emulator_machine *emulator_machine(const char *name); /* NULL: unknown */

struct emulator_conf {
    char *machine;
    char *binary;     /* qemu-system-arm where not given */
    struct strv args; /* more arguments for QEMU */
};
extern const struct field emulator_fields[];
/* What driver_base.check is for: says which machines there are. */
void emulator_check(const struct emulator_conf *conf, const struct yaml_node *node,
                    struct diags *diags);

const char *emulator_binary(const struct emulator_conf *conf);

struct emulator {
    struct emulator_conf conf; /* first: the fields fill it */
    struct proc *process;      /* NULL: off */
    uint64_t used;             /* of its flash: what follows has never been written */
    bool written;              /* since it was switched on */
};

/* Paths of the sockets; the caller frees. `which` is "gdb", "uart" or "qmp". */
char *emulator_socket(const struct driver_env *env, const char *which);
/* Does nothing where it runs already. The error of a QEMU that ends has the last it printed. */
int emulator_start(struct emulator *emulator, const struct driver_env *env, const struct ctx *ctx,
                   struct err *err);
/* This image is about to be written, which only a debugger can do: to its CPU flash is a ROM. */
void emulator_expect(struct emulator *emulator, const struct image *image);
/* Saves flash where it was written (where that fails, that is a warning), ends the process, removes
 * its sockets. */
void emulator_stop(struct emulator *emulator, const struct driver_env *env, const struct ctx *ctx);
/* True where QEMU ended because the core locked up (Armv7-M Architecture Reference Manual,
 * B1.5.15). */
bool emulator_locked_up(const struct emulator *emulator, const struct driver_env *env,
                        char why[256]);
/* Resets the machine and lets its CPU run. -ERR_NOT_FOUND where it is off. */
int emulator_reset(const struct driver_env *env, const struct ctx *ctx, struct err *err);

#endif
