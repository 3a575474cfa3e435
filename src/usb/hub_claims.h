/* SPDX-License-Identifier: MIT
 *
 * hub_claims: what each hub of a tree says of its ports: can it switch their power, each by itself
 * or all together?
 *
 *     hub_claims_ask(&tree, ctx, &claims);
 *     ... claims.items[0 .. claims.count-1] ...
 *     hub_claims_done(&claims);
 *
 * A claim, and no proof: many hubs answer politely and switch nothing, which hub_port_power() finds
 * out. Opens hubs and nothing else. One that does not answer costs HUB_CLAIM_MS and is told as
 * such, so there is no error. What it hands out lives as long as the tree and the list.
 */
#ifndef HIL_USB_HUB_CLAIMS_H
#define HIL_USB_HUB_CLAIMS_H

#include "usb/hub.h"

#define HUB_CLAIM_MS 500

struct hub_claim {
    const struct usb_device *hub;
    const struct usb_device *twin; /* the box's other side, on another bus; NULL: none */
    struct hub_facts facts;        /* where why.code is ERR_NONE */
    struct err why;                /* it could not be asked */
};

struct hub_claims {
    struct hub_claim *items; /* in the tree's order */
    size_t count;
};

void hub_claims_ask(const struct usb_tree *tree, const struct ctx *ctx, struct hub_claims *ret);
void hub_claims_done(struct hub_claims *claims);

const struct hub_claim *hub_claim_of(const struct hub_claims *claims,
                                     const struct usb_device *hub); /* NULL: it is no hub */
/* "per-port", "ganged" or "none"; NULL: it could not be asked. */
const char *hub_claim_word(const struct hub_claim *claim);
/* True where this user may not open it: a udev rule helps. */
bool hub_claim_denied(const struct hub_claim *claim);

#endif
