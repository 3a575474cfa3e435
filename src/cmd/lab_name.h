/* SPDX-License-Identifier: MIT
 *
 * lab_name: which lab's history is meant, as `history` and `flaky` take it.
 */
#ifndef HIL_CMD_LAB_NAME_H
#define HIL_CMD_LAB_NAME_H

#include "base/err.h"

/* The name of the lab that the option names; *ret NULL where there is no option. Caller frees. */
int lab_name(const char *option, char **ret, struct err *err);

#endif
