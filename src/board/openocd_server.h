/* SPDX-License-Identifier: MIT
 *
 * openocd_server: an OpenOCD that stays, and has the board's probe for as long as it does.
 *
 * The console that reads RTT runs it; what else wants the probe meanwhile asks it, as a second one
 * would find the probe taken. Commands go through its stdin: a TCP port for them would let anybody
 * on this host run programs as us. It ends when that is closed, so also when hil is killed.
 *
 * Starting and stopping is for one thread; another one may ask meanwhile. Its log is
 * work_dir/rtt.log.
 */
#ifndef HIL_BOARD_OPENOCD_SERVER_H
#define HIL_BOARD_OPENOCD_SERVER_H

#include "board/driver.h"

#include <sys/types.h>

struct openocd_probe;

struct openocd_server {
    struct proc *proc; /* NULL: it does not run */
    char *log;
    int fd;         /* its commands and their answers */
    unsigned asked; /* questions so far: an answer carries its question's number */
};

#define OPENOCD_LOG "rtt.log"

/* Connects to the chip, then runs `commands`, a Tcl command each. What runs still is stopped
 * before. Returns before it is connected. */
int openocd_server_start(struct openocd_server *server, const struct openocd_probe *probe,
                         const struct strv *commands, const struct driver_env *env,
                         const struct ctx *ctx, struct err *err);
bool openocd_server_running(const struct openocd_server *server);
/* Waits until it listens for `what` ("rtt") on a port of its choice. -ERR_TOOL: it has ended, with
 * what that means and its own words. */
int openocd_server_port(struct openocd_server *server, const char *what, const struct ctx *ctx,
                        uint16_t *ret, struct err *err);
/* Runs a Tcl command and waits for its end. -ERR_TOOL with its error's words; -ERR_GONE. What an
 * earlier command answers late, after its asker gave up, is passed over. */
int openocd_server_ask(struct openocd_server *server, const char *command, const struct ctx *ctx,
                       struct err *err);
void openocd_server_stop(struct openocd_server *server); /* harmless where it does not run */

#endif
