/* SPDX-License-Identifier: MIT
 *
 * recovery: what is tried when a board cannot be flashed, as its `recovery:` says.
 */
#ifndef HIL_CONF_RECOVERY_H
#define HIL_CONF_RECOVERY_H

#include "conf/diag.h"
#include "conf/yaml.h"

#include <stdbool.h>

enum recovery_step { /* in the order in which they are tried */
                     RECOVER_AGAIN,
                     RECOVER_BOOTLOADER, /* into its ROM bootloader, by the `bootloader` driver */
                     RECOVER_USB_RESET, /* of the port of the probe, or of the board's own USB device */
                     RECOVER_POWER,     /* the board's power off and on */
                     RECOVER_PROBE,     /* the probe's power off and on, by the `probe` driver */
                     RECOVERY_STEPS
};
extern const char *const recovery_step_names[RECOVERY_STEPS + 1]; /* NULL-terminated */

struct recovery_conf {
    bool steps[RECOVERY_STEPS]; /* to be tried, where the board lets */
    /* NULL: not given. Maps with one key, a driver's name: a reset, a power driver. */
    const struct yaml_node *bootloader, *probe;
    bool first; /* into the bootloader before each flash, not only after one that failed */
};

/* Where `node` is NULL, all steps; none for a `bare` board (board.h): who pulled it is beside
 * it. */
void recovery_read(const struct yaml_node *node, bool bare, struct recovery_conf *ret,
                   struct diags *diags);

#endif
