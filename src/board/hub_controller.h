/* SPDX-License-Identifier: MIT
 *
 * hub_controller: a port of a hub whose controller is worked by a program, as racks of STM32 boards
 * have it.
 *
 *     python3 hub_cli.py power_on 0x0004
 *
 * The program takes a command and a mask of ports, USB1 to USB16 as 0x0001 to 0x8000: power_on,
 * power_off, nrst_on (the chip is held in reset), nrst_off, boot_on (BOOT0 is high), boot_off.
 * `get_power_state` takes no mask and prints which ports have power. The program is the option
 * `command`, or what lab.yaml says once for the host: `hub-controller:`, or `exec: {hub: ...}` of
 * the server that the board is on. It blocks within its ctx.
 */
#ifndef HIL_BOARD_HUB_CONTROLLER_H
#define HIL_BOARD_HUB_CONTROLLER_H

#include "board/driver.h"

#define HUB_PORTS 16

struct board_conf;

struct hub_port {
    struct strv command;
    char *port;    /* "USB3" */
    uint64_t mask; /* 0x0004; of a port: once hub_port_check() has been here */
};

/* clang-format off */
/* Rows of a driver whose struct begins with a hub_port. */
#define HUB_PORT_FIELDS                                                                      \
    {"port", FIELD_STRING, offsetof(struct hub_port, port),                                  \
     .help = "the port that the board is plugged into, USB1 to USB16"},                      \
    {"mask", FIELD_UINT, offsetof(struct hub_port, mask), .min = 1, .max = 0xffff,           \
     .help = "instead: the mask of its ports, such as 0x0004"},                              \
    {"command", FIELD_ARGV, offsetof(struct hub_port, command),                              \
     .help = "the controller's program, [python3, hub_cli.py]; else what lab.yaml says for the host"}
/* clang-format on */

void hub_port_check(struct hub_port *port, const struct yaml_node *node, struct diags *diags);
void hub_port_place(struct hub_port *port, const struct driver_env *env,
                    const struct yaml_node *node, struct diags *diags);
/* One command for the port. */
int hub_port_do(const struct hub_port *port, const char *command, const char *log,
                const struct driver_env *env, const struct ctx *ctx, struct err *err);
int hub_port_has_power(const struct hub_port *port, const struct driver_env *env,
                       const struct ctx *ctx, bool *ret, struct err *err);

/* The ports that its power and reset drivers say it is on; 0: none. */
uint64_t hub_mask_of_board(const struct board_conf *board);
void hub_mask_add(struct strv *argv, uint64_t mask); /* as a word for the program */
/* "0x0004" or "USB3" or, in a list parted by commas, several of them. -ERR_USAGE. */
int hub_mask_parse(const char *text, uint64_t *ret, struct err *err);

/* Which ports have power, and of which that is known: what get_power_state prints. A mask, in hex
 * or decimal, is told of all ports; else each port has its word: "USB3: on", "0x0004 off", {"USB1":
 * true}. -ERR_PROTOCOL, with what was printed, where it is neither. */
struct hub_state {
    uint64_t on, known;
};
int hub_state_parse(const char *text, struct hub_state *ret, struct err *err);

#endif
