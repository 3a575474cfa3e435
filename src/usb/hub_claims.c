/* SPDX-License-Identifier: MIT */
#include "usb/hub_claims.h"

#include "base/str.h"
#include "usb/known.h"

#include <errno.h>
#include <stdlib.h>

static bool is_hub(const struct usb_device *device)
{
    return device->known && device->known->kind == USB_HUB;
}

void hub_claims_ask(const struct usb_tree *tree, const struct ctx *ctx, struct hub_claims *ret)
{
    *ret = (struct hub_claims){.items = xcalloc(tree->count + 1, sizeof *ret->items)};
    for (size_t i = 0; i < tree->count && !ctx_cancelled(ctx); i++) {
        const struct usb_device *device = &tree->devices[i];
        struct ctx wait = ctx_narrow(ctx, HUB_CLAIM_MS);
        struct hub_claim *claim = &ret->items[ret->count];
        if (!is_hub(device))
            continue;
        claim->hub = device;
        claim->twin = hub_twin(device, tree);
        hub_ask(device, &claim->facts, &wait, &claim->why);
        ret->count++;
    }
}

void hub_claims_done(struct hub_claims *claims)
{
    free(claims->items);
    *claims = (struct hub_claims){0};
}

const struct hub_claim *hub_claim_of(const struct hub_claims *claims, const struct usb_device *hub)
{
    for (size_t i = 0; i < claims->count; i++)
        if (claims->items[i].hub == hub)
            return &claims->items[i];
    return NULL;
}

const char *hub_claim_word(const struct hub_claim *claim)
{
    static const char *const words[] = {
        [HUB_FIXED] = "none", [HUB_GANGED] = "ganged", [HUB_PER_PORT] = "per-port"};

    return claim->why.code ? NULL : words[claim->facts.switching];
}

bool hub_claim_denied(const struct hub_claim *claim)
{
    return claim->why.sys_errno == EACCES || claim->why.sys_errno == EPERM;
}
