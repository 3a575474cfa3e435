/* SPDX-License-Identifier: MIT
 *
 * power hub-controller: a port of a hub whose controller a program works.
 *
 *     power: {hub-controller: {port: USB3, command: [python3, hub_cli.py]}}
 *
 * A probe on a port that was off is found by nobody for a while: `settle` is waited for then.
 */
#include "board/hub_controller.h"
#include "board/power/power.h"

#include <inttypes.h>

#define SETTLE_MS 1500
#define LOG "power.log"

struct power_hub_controller {
    struct hub_port port;
    int64_t settle_ms;
    struct strv off; /* for the guardian */
    bool was_on;     /* when we looked last */
};

static const struct field fields[] = {
    HUB_PORT_FIELDS,
    {"settle", FIELD_DURATION, offsetof(struct power_hub_controller, settle_ms),
     .help = "how long what hangs on the port takes to be found once it has power; 1500ms"},
    {0},
};

static void preset(void *self)
{
    ((struct power_hub_controller *)self)->settle_ms = SETTLE_MS;
}

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    hub_port_check(&((struct power_hub_controller *)self)->port, node, diags);
}

static void place(void *self, const struct driver_env *env, const struct yaml_node *node,
                  struct diags *diags)
{
    struct power_hub_controller *conf = self;

    hub_port_place(&conf->port, env, node, diags);
    for (size_t i = 0; i < conf->port.command.count; i++)
        strv_add(&conf->off, conf->port.command.items[i]);
    strv_add(&conf->off, "power_off");
    strv_addf(&conf->off, "0x%04" PRIx64, conf->port.mask);
}

static void done(void *self)
{
    strv_done(&((struct power_hub_controller *)self)->off);
}

static int on(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    struct power_hub_controller *conf = self;
    bool was_on = conf->was_on;
    int rc = hub_port_do(&conf->port, "power_on", LOG, env, ctx, err);

    conf->was_on = rc == 0;
    return rc == 0 && !was_on ? ctx_sleep(ctx, conf->settle_ms, err) : rc;
}

static int off(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    struct power_hub_controller *conf = self;

    conf->was_on = false;
    return hub_port_do(&conf->port, "power_off", LOG, env, ctx, err);
}

static int is_on(void *self, const struct driver_env *env, const struct ctx *ctx, bool *ret,
                 struct err *err)
{
    struct power_hub_controller *conf = self;
    int rc = hub_port_has_power(&conf->port, env, ctx, ret, err);

    conf->was_on = rc == 0 && *ret;
    return rc;
}

static size_t off_argvs(void *self, const struct strv **ret)
{
    *ret = &((struct power_hub_controller *)self)->off;
    return 1;
}

const struct power_driver power_hub_controller = {
    .base = {.name = "hub-controller",
             .summary = "a port of a hub whose controller a program works: power_on 0x0004",
             .fields = fields,
             .self_size = sizeof(struct power_hub_controller),
             .preset = preset,
             .check = check,
             .place = place,
             .far = true,
             .done = done},
    .on = on,
    .off = off,
    .is_on = is_on,
    .off_argvs = off_argvs,
};
