/* SPDX-License-Identifier: MIT */
#include "conf/recovery.h"

#include "base/str.h"
#include "conf/field.h"

#include <string.h>

const char *const recovery_step_names[RECOVERY_STEPS + 1] = {
    "again", "bootloader", "usb-reset", "power-cycle", "probe-cycle", NULL};

struct recovery_fields {
    struct strv steps;
    const struct yaml_node *bootloader, *probe;
    bool first;
};

static const struct field rows[] = {
    {"steps", FIELD_STRINGS, offsetof(struct recovery_fields, steps),
     .help = "which of again, bootloader, usb-reset, power-cycle and probe-cycle; all that the "
             "board lets where not given, [] for none"},
    {"bootloader", FIELD_NODE, offsetof(struct recovery_fields, bootloader),
     .help = "a reset driver that brings the chip into its ROM bootloader"},
    {"first", FIELD_BOOL, offsetof(struct recovery_fields, first),
     .help = "true: by 'bootloader' before each flash, not only after one that failed"},
    {"probe", FIELD_NODE, offsetof(struct recovery_fields, probe),
     .help = "a power driver that switches the probe, such as {usb-hub: {...}}"},
    {0}};

static void read_step(const struct yaml_node *node, const char *name, struct recovery_conf *ret,
                      struct diags *diags)
{
    const char *near;

    for (size_t i = 0; i < RECOVERY_STEPS; i++) {
        if (!strcmp(name, recovery_step_names[i])) {
            ret->steps[i] = true;
            return;
        }
    }
    near = str_nearest(name, recovery_step_names, RECOVERY_STEPS);
    if (near)
        diag_node(diags, node, "unknown recovery step '%.80s' (did you mean '%s'?)", name, near);
    else
        diag_node(diags, node,
                  "unknown recovery step '%.80s'; there are: again, bootloader, usb-reset, "
                  "power-cycle, probe-cycle",
                  name);
}

void recovery_read(const struct yaml_node *node, bool bare, struct recovery_conf *ret,
                   struct diags *diags)
{
    const struct yaml_node *list = node ? yaml_get(node, "steps") : NULL, *item;
    struct recovery_fields fields = {0};

    if (node)
        fields_read(rows, node, "'recovery'", &fields, diags);
    else if (bare)
        return;
    ret->bootloader = fields.bootloader;
    ret->probe = fields.probe;
    ret->first = fields.first;
    if (ret->first && !ret->bootloader)
        diag_node(diags, yaml_get(node, "first"), "'first' needs a 'bootloader' driver");
    field_driver(ret->bootloader, "{cmd: {run: [...]}}", diags);
    field_driver(ret->probe, "{usb-hub: {location: 1-1, port: 2}}", diags);
    for (size_t i = 0; i < RECOVERY_STEPS; i++)
        ret->steps[i] = !list;
    item = list && list->kind == YAML_LIST ? list->first : list;
    for (size_t i = 0; i < fields.steps.count; i++, item = item->next)
        read_step(item, fields.steps.items[i], ret, diags);
    fields_done(rows, &fields);
}
