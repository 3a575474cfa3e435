/* SPDX-License-Identifier: MIT
 *
 * A block of a UF2 file (https://github.com/microsoft/uf2), for what reads and what writes them.
 */
#ifndef HIL_IMAGE_UF2_BLOCK_H
#define HIL_IMAGE_UF2_BLOCK_H

#define UF2_BLOCK_SIZE 512
#define UF2_DATA_AT 32
#define UF2_DATA_MAX 476

#define UF2_MAGIC_FIRST 0x0A324655u /* "UF2\n" */
#define UF2_MAGIC_SECOND 0x9E5D5157u
#define UF2_MAGIC_LAST 0x0AB16F30u

enum uf2_flags {
    UF2_NOT_MAIN_FLASH = 0x0001,
    UF2_FILE_CONTAINER = 0x1000,
    UF2_FAMILY_PRESENT = 0x2000,
};

#endif
