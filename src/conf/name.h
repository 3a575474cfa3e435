/* SPDX-License-Identifier: MIT
 *
 * name: what labs, boards, labels and tests may be called.
 *
 * Such names become parts of paths, command lines and runner labels, so they are made of letters,
 * digits, '.', '_' and '-', start with a letter, digit or '_', and have at most NAME_MAX_BYTES.
 */
#ifndef HIL_CONF_NAME_H
#define HIL_CONF_NAME_H

#include <stdbool.h>

#define NAME_MAX_BYTES 64
#define NAME_RULE "letters, digits, '.', '_', '-', not first '.' or '-', at most 64"

bool name_valid(const char *name);

#endif
