/* SPDX-License-Identifier: MIT
 *
 * uf2_info: INFO_UF2.TXT, by which a UF2 bootloader's drive says what it is.
 *
 * https://github.com/microsoft/uf2#files-exposed-by-bootloaders: the first line names the
 * bootloader, then "Model: ..." and "Board-ID: ..." lines. The text is a device's: what does not
 * fit is cut, what is no plain character becomes '?'. Nothing blocks.
 */
#ifndef HIL_BOARD_FLASH_UF2_INFO_H
#define HIL_BOARD_FLASH_UF2_INFO_H

#include "base/err.h"

#include <stddef.h>

#define UF2_INFO_FILE "INFO_UF2.TXT"
#define UF2_INFO_MAX 8192 /* bytes of the file that are looked at */

struct uf2_info {
    char bootloader[100], model[100], board_id[100]; /* "": not said */
};

/* -ERR_DATA, with the line, where it is no such file. */
int uf2_info_parse(const char *text, size_t size, struct uf2_info *ret, struct err *err);

#endif
