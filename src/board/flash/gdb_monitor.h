/* SPDX-License-Identifier: MIT
 *
 * gdb_monitor: commands of a GDB server's own, told as commands and kept with their output.
 */
#ifndef HIL_BOARD_FLASH_GDB_MONITOR_H
#define HIL_BOARD_FLASH_GDB_MONITOR_H

#include "board/driver.h"
#include "board/flash/gdb_remote.h"

/* One after the other, up to the first that fails; what they print goes to work_dir/`log`. */
int gdb_monitor_all(struct gdb_remote *gdb, const struct driver_env *env,
                    const struct strv *commands, const char *log, const struct ctx *ctx,
                    struct err *err);

#endif
