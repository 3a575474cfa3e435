/* SPDX-License-Identifier: MIT
 *
 * discover_print: what `hil discover` has found, for people and for programs.
 */
#ifndef HIL_CMD_DISCOVER_PRINT_H
#define HIL_CMD_DISCOVER_PRINT_H

#include "board/plugged.h"
#include "usb/hub_claims.h"

struct discovery {
    struct usb_tree tree;
    struct rig_list rigs;
    struct hub_claims hubs;
    struct lab *lab;     /* NULL: there is none */
    char *text;          /* the lab's file; "" where there is none */
    struct strv missing; /* of the lab: devices, a line each */
    struct strv gone;    /* its boards of which nothing is there */
};

void discover_print_text(const struct discovery *found);
int discover_print_json(const struct discovery *found, struct err *err);

#endif
