/* SPDX-License-Identifier: MIT
 *
 * Ids from https://github.com/microsoft/uf2, utils/uf2families.json; what boards say of themselves
 * from the bootloaders: Raspberry Pi's ROM (RP2040 datasheet 2.8.4.2, RP2350 datasheet 5.5.3),
 * Adafruit's nRF52, TinyUF2, Microsoft's uf2-samdx1.
 */
#include "image/uf2.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct family {
    const char *name;
    uint32_t id;
    const char *board; /* how the Board-ID of its boards begins; NULL: nobody says */
} families[] = {
    {"rp2040", 0xE48BFF56, "RPI-RP2"},
    {"rp2350-arm-s", 0xE48BFF59, "RP2350"},
    {"rp2350-riscv", 0xE48BFF5A, "RP2350"},
    {"rp2350-arm-ns", 0xE48BFF5B, "RP2350"},
    {"absolute", 0xE48BFF57, "RP2350"},
    {"data", 0xE48BFF58, "RP2350"},
    {"nrf52", 0x1B57745F, NULL},
    {"nrf52833", 0x621E937A, "nRF52833"},
    {"nrf52840", 0xADA52840, "nRF52840"},
    {"samd21", 0x68ED2B88, "SAMD21"},
    {"saml21", 0x1851780A, "SAML21"},
    {"samd51", 0x55114460, "SAMD51"},
    {"same51", 0x55114460, "SAME51"},
    {"stm32f0", 0x647824B6, NULL},
    {"stm32f1", 0x5EE21072, NULL},
    {"stm32f2", 0x5D1A0A2E, NULL},
    {"stm32f3", 0x6B846188, NULL},
    {"stm32f4", 0x57755A57, "STM32F4"},
    {"stm32f7", 0x53B80F00, "STM32F7"},
    {"stm32g0", 0x300F5633, NULL},
    {"stm32g4", 0x4C71240A, NULL},
    {"stm32h7", 0x6DB66082, "STM32H7"},
    {"stm32l0", 0x202E3A91, NULL},
    {"stm32l1", 0x1E1F432D, NULL},
    {"stm32l4", 0x00FF6919, NULL},
    {"stm32l5", 0x04240BDF, NULL},
    {"stm32wb", 0x70D16653, NULL},
    {"stm32wl", 0x21460FF0, NULL},
    {"esp32", 0x1C5F21B0, NULL},
    {"esp32s2", 0xBFDD4EEE, "ESP32S2"},
    {"esp32s3", 0xC47E5767, "ESP32S3"},
    {"esp32c3", 0xD42BA06C, NULL},
    {"mimxrt10xx", 0x4FB2D5BD, "IMXRT"},
    {"lpc55", 0x2ABC77EC, "LPC55"},
    {"gd32f350", 0x31D228C6, NULL},
    {"ch32v", 0x699B62EC, NULL},
};

bool uf2_family_parse(const char *text, uint32_t *ret)
{
    uint64_t number;

    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        if (!strcasecmp(families[i].name, text)) {
            *ret = families[i].id;
            return true;
        }
    }
    if (!str_starts(text, "0x") || str_to_u64(text, UINT32_MAX, "family", &number, NULL) < 0)
        return false;
    *ret = (uint32_t)number;
    return true;
}

const char *uf2_family_text(uint32_t family, char out[UF2_FAMILY_TEXT])
{
    snprintf(out, UF2_FAMILY_TEXT, "0x%08" PRIx32, family);
    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        if (families[i].id == family) {
            snprintf(out, UF2_FAMILY_TEXT, "%s (0x%08" PRIx32 ")", families[i].name, family);
            break;
        }
    }
    return out;
}

static bool is_board(const struct family *family, const char *board_id)
{
    return family->board && !strncasecmp(family->board, board_id, strlen(family->board));
}

size_t uf2_board_families(const char *board_id, uint32_t *ret)
{
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(families); i++)
        if (is_board(&families[i], board_id) && !count++)
            *ret = families[i].id;
    return count;
}

bool uf2_board_takes(const char *board_id, uint32_t family)
{
    for (size_t i = 0; i < ARRAY_SIZE(families); i++)
        if (families[i].id == family && is_board(&families[i], board_id))
            return true;
    return false;
}
