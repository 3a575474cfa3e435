/* SPDX-License-Identifier: MIT */
#include "board/flash/openocd_probe.h"

#include "base/buf.h"

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

void openocd_probe_check(void *self, const struct yaml_node *node, struct diags *diags)
{
    struct openocd_probe *probe = self;

    tool_check(self, node, diags);
    complete(&probe->interface, "interface/", yaml_get(node, "interface"), diags);
    complete(&probe->target, "target/", yaml_get(node, "target"), diags);
}
