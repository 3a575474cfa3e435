/* SPDX-License-Identifier: MIT
 *
 * reset hub-controller: NRST, and BOOT0 with it, where a hub's controller drives them for its
 * ports.
 *
 *     reset:    {hub-controller: {port: USB3}}
 *     recovery: {bootloader: {hub-controller: {port: USB3, boot: true}}, first: true}
 *
 * A board whose NRST is not wired starts anew with its power: `by: power`.
 */
#include "board/hub_controller.h"
#include "base/str.h"
#include "board/reset/reset.h"

#define SETTLE_MS 1500
#define BACK_MS 2000 /* after a step that failed, or a cancel */
#define LOG "reset.log"

struct reset_hub_controller {
    struct hub_port port;
    bool boot;
    int by;
    int64_t settle_ms;
};

enum { BY_NRST, BY_POWER };
static const char *const ways[] = {"nrst", "power", NULL};

static const struct field fields[] = {
    HUB_PORT_FIELDS,
    {"boot", FIELD_BOOL, offsetof(struct reset_hub_controller, boot),
     .help = "true: BOOT0 is high meanwhile, and the chip starts its ROM bootloader"},
    {"by", FIELD_CHOICE, offsetof(struct reset_hub_controller, by), .choices = ways,
     .help = "nrst: a pulse on NRST; power: off and on"},
    {"settle", FIELD_DURATION, offsetof(struct reset_hub_controller, settle_ms),
     .help = "with boot: how long the bootloader takes to be found on USB; 1500ms"},
    {0},
};

static void preset(void *self)
{
    ((struct reset_hub_controller *)self)->settle_ms = SETTLE_MS;
}

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    hub_port_check(&((struct reset_hub_controller *)self)->port, node, diags);
}

static void place(void *self, const struct driver_env *env, const struct yaml_node *node,
                  struct diags *diags)
{
    hub_port_place(&((struct reset_hub_controller *)self)->port, env, node, diags);
}

static int reset(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    static const char *const pulse[][2] = {
        [BY_NRST] = {"nrst_on", "nrst_off"}, [BY_POWER] = {"power_off", "power_on"}};
    const struct reset_hub_controller *conf = self;
    const char *const steps[] = {conf->boot ? "boot_on" : NULL, pulse[conf->by][0],
                                 pulse[conf->by][1], conf->boot ? "boot_off" : NULL};
    struct ctx back;
    int rc = 0;

    for (size_t i = 0; i < ARRAY_SIZE(steps) && rc == 0; i++)
        if (steps[i])
            rc = hub_port_do(&conf->port, steps[i], LOG, env, ctx, err);
    back = ctx_cleanup(ctx, BACK_MS);
    for (size_t i = ARRAY_SIZE(steps) / 2; i < ARRAY_SIZE(steps) && rc < 0; i++)
        if (steps[i]) /* a chip that is held, or boots the wrong way, is no resting state */
            hub_port_do(&conf->port, steps[i], LOG, env, &back, NULL);
    return rc == 0 && conf->boot ? ctx_sleep(ctx, conf->settle_ms, err) : rc;
}

const struct reset_driver reset_hub_controller = {
    .base = {.name = "hub-controller",
             .summary = "NRST and BOOT0 of a hub's port, whose controller a program works",
             .fields = fields,
             .self_size = sizeof(struct reset_hub_controller),
             .preset = preset,
             .check = check,
             .place = place,
             .far = true},
    .reset = reset,
};
