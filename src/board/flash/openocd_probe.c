/* SPDX-License-Identifier: MIT */
#include "board/flash/openocd_probe.h"

#include "base/buf.h"
#include "base/fs.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

char *openocd_quote(const char *text)
{
    struct buf out = BUF_INIT(65536);

    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte >= 0x80 || isalnum(byte) || strchr("_./-", byte))
            buf_add(&out, text, 1);
        else
            buf_addf(&out, "\\%03o", byte);
    }
    return buf_steal(&out);
}

/* "stlink" is interface/stlink.cfg, and "board/x" is board/x.cfg, in OpenOCD's own scripts. */
static void complete(char **name, const char *folder, const struct yaml_node *node,
                     struct diags *diags)
{
    char *path;

    if (**name == '/')
        return;
    if (**name == '.')
        diag_node(diags, node, "'%s' is neither a script of OpenOCD nor an absolute path", *name);
    path = xasprintf("%s%s%s", strchr(*name, '/') ? "" : folder, *name,
                     str_ends(*name, ".cfg") ? "" : ".cfg");
    free(*name);
    *name = path;
}

/* OpenOCD 0.12 asks adapter_usb_location_equal() in libusb_helper.c, ftdi.c and jlink.c only: the
 * drivers of these scripts open the first probe of their kind, wherever it is plugged. */
static bool ignores_location(const char *interface)
{
    static const char *const scripts[] = {"cmsis-dap", "nulink", "vsllink", "xds110"};
    const char *name = fs_basename(interface);
    size_t length = strlen(name) - (str_ends(name, ".cfg") ? strlen(".cfg") : 0);

    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++)
        if (strlen(scripts[i]) == length && !strncmp(name, scripts[i], length))
            return true;
    return false;
}

static void check_location(const struct openocd_probe *probe, const struct yaml_node *node,
                           struct diags *diags)
{
    if (probe->location && !probe->serial && ignores_location(probe->interface))
        diag_node(diags, yaml_get(node, "location"),
                  "OpenOCD does not look at the location of such a probe and would take the first "
                  "it finds, maybe another board's: choose it by 'serial', which hil discover "
                  "shows, or flash with pyocd or probe-rs");
}

void openocd_probe_check(void *self, const struct yaml_node *node, struct diags *diags)
{
    struct openocd_probe *probe = self;

    tool_check(self, node, diags);
    check_location(probe, node, diags);
    complete(&probe->interface, "interface/", yaml_get(node, "interface"), diags);
    complete(&probe->target, "target/", yaml_get(node, "target"), diags);
}
