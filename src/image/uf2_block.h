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
    UF2_EXTENSION_PRESENT = 0x8000, /* tags behind the payload */
};

/* The RP2350 loses its first block (erratum RP2350-E10), and stays in its bootloader, so Raspberry
 * Pi's tools put one before the image that nobody is to miss: family "absolute", near the end of
 * flash, first of two, with a tag by which ROMs without the mistake leave it out. */
#define UF2_E10_FAMILY 0xE48BFF57u
#define UF2_E10_ADDRESS 0x10FFFF00u
#define UF2_E10_FILL 0xEF
#define UF2_E10_TAG 0x9957E304u
#define UF2_E10_TOTAL 2

#endif
