/* SPDX-License-Identifier: MIT */
#include "board/flash/stm32_uart_chips.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>

#define K(kib) ((kib)*1024u)
#define PAGES(count, size)  \
    {                       \
        {                   \
            (count), (size) \
        }                   \
    }
#define NOR 0xff
#define EEPROM_LIKE 0x00 /* the flash of L0 and L1 is erased to zeroes */

static const struct stm32_chip chips[] = {
    {0x410, "STM32F1 medium density", NOR, PAGES(128, K(1))},
    {0x411, "STM32F2", NOR, {{4, K(16)}, {1, K(64)}, {7, K(128)}}},
    {0x412, "STM32F1 low density", NOR, PAGES(32, K(1))},
    {0x413, "STM32F405/407/415/417", NOR, {{4, K(16)}, {1, K(64)}, {7, K(128)}}},
    {0x414, "STM32F1 high density", NOR, PAGES(256, K(2))},
    {0x415, "STM32L47x/48x", NOR, PAGES(512, K(2))},
    {0x416, "STM32L1 category 1", EEPROM_LIKE, PAGES(512, 256)},
    {0x417, "STM32L05x/06x", EEPROM_LIKE, PAGES(512, 128)},
    {0x418, "STM32F105/107", NOR, PAGES(128, K(2))},
    {0x419,
     "STM32F42x/43x",
     NOR,
     {{4, K(16)}, {1, K(64)}, {7, K(128)}, {4, K(16)}, {1, K(64)}, {7, K(128)}}},
    {0x420, "STM32F100 low and medium density", NOR, PAGES(128, K(1))},
    {0x421, "STM32F446", NOR, {{4, K(16)}, {1, K(64)}, {3, K(128)}}},
    {0x422, "STM32F302/303 xB/xC", NOR, PAGES(128, K(2))},
    {0x423, "STM32F401 xB/xC", NOR, {{4, K(16)}, {1, K(64)}, {1, K(128)}}},
    {0x425, "STM32L031/041", EEPROM_LIKE, PAGES(256, 128)},
    {0x427, "STM32L1 category 3", EEPROM_LIKE, PAGES(1024, 256)},
    {0x428, "STM32F100 high density", NOR, PAGES(256, K(2))},
    {0x429, "STM32L1 category 2", EEPROM_LIKE, PAGES(512, 256)},
    {0x430, "STM32F1 XL density", NOR, PAGES(512, K(2))},
    {0x431, "STM32F411", NOR, {{4, K(16)}, {1, K(64)}, {3, K(128)}}},
    {0x432, "STM32F373/378", NOR, PAGES(128, K(2))},
    {0x433, "STM32F401 xD/xE", NOR, {{4, K(16)}, {1, K(64)}, {3, K(128)}}},
    {0x434,
     "STM32F469/479",
     NOR,
     {{4, K(16)}, {1, K(64)}, {7, K(128)}, {4, K(16)}, {1, K(64)}, {7, K(128)}}},
    {0x435, "STM32L43x/44x", NOR, PAGES(128, K(2))},
    {0x436, "STM32L1 category 4", EEPROM_LIKE, PAGES(1536, 256)},
    {0x437, "STM32L1 category 5", EEPROM_LIKE, PAGES(2048, 256)},
    {0x438, "STM32F303x6/x8/334", NOR, PAGES(32, K(2))},
    {0x439, "STM32F301/302 x6/x8", NOR, PAGES(32, K(2))},
    {0x440, "STM32F030x8/05x", NOR, PAGES(64, K(1))},
    {0x441, "STM32F412", NOR, {{4, K(16)}, {1, K(64)}, {7, K(128)}}},
    {0x442, "STM32F030xC/09x", NOR, PAGES(128, K(2))},
    {0x443, "STM32C011", NOR, PAGES(16, K(2))},
    {0x444, "STM32F03x", NOR, PAGES(32, K(1))},
    {0x445, "STM32F04x/070x6", NOR, PAGES(32, K(1))},
    {0x446, "STM32F302/303 xD/xE", NOR, PAGES(256, K(2))},
    {0x447, "STM32L07x/08x", EEPROM_LIKE, PAGES(1536, 128)},
    {0x448, "STM32F07x", NOR, PAGES(64, K(2))},
    {0x449, "STM32F74x/75x", NOR, {{4, K(32)}, {1, K(128)}, {3, K(256)}}},
    {0x450, "STM32H74x/75x", NOR, PAGES(16, K(128))},
    {0x451, "STM32F76x/77x", NOR, {{0, 0}}},
    {0x452, "STM32F72x/73x", NOR, {{4, K(16)}, {1, K(64)}, {3, K(128)}}},
    {0x453, "STM32C031", NOR, PAGES(16, K(2))},
    {0x456, "STM32G05x/06x", NOR, PAGES(32, K(2))},
    {0x457, "STM32L01x/02x", EEPROM_LIKE, PAGES(128, 128)},
    {0x458, "STM32F410", NOR, {{4, K(16)}, {1, K(64)}}},
    {0x460, "STM32G07x/08x", NOR, PAGES(64, K(2))},
    {0x461, "STM32L496/4A6", NOR, PAGES(512, K(2))},
    {0x462, "STM32L45x/46x", NOR, PAGES(256, K(2))},
    {0x463, "STM32F413/423", NOR, {{4, K(16)}, {1, K(64)}, {11, K(128)}}},
    {0x464, "STM32L41x/42x", NOR, PAGES(64, K(2))},
    {0x466, "STM32G03x/04x", NOR, PAGES(32, K(2))},
    {0x468, "STM32G43x/44x", NOR, PAGES(64, K(2))},
    {0x469, "STM32G47x/48x", NOR, {{0, 0}}},
    {0x470, "STM32L4R/4S", NOR, {{0, 0}}},
    {0x472, "STM32L55x/56x", NOR, {{0, 0}}},
    {0x479, "STM32G49x/4Ax", NOR, PAGES(256, K(2))},
    {0x480, "STM32H7A/7B", NOR, PAGES(256, K(8))},
    {0x483, "STM32H72x/73x", NOR, PAGES(8, K(128))},
    {0x495, "STM32WB5x", NOR, PAGES(256, K(4))},
    {0x497, "STM32WL", NOR, PAGES(128, K(2))},
};

#define FLASH_MAX (4u << 20) /* bytes: no STM32 has more */
#define PAGES_MAX 0xfff0u    /* AN3155: from here on a number of sectors means something else */

const struct stm32_chip *stm32_chip_find(uint16_t id)
{
    for (size_t i = 0; i < ARRAY_SIZE(chips); i++)
        if (chips[i].id == id)
            return &chips[i];
    return NULL;
}

static void add_run(struct dfuse_map *map, uint64_t at, uint64_t size, uint64_t count)
{
    map->runs[map->count++] = (struct dfuse_run){.at = at,
                                                 .sector_size = size,
                                                 .count = count,
                                                 .access = DFUSE_READ | DFUSE_ERASE | DFUSE_WRITE};
}

static int not_known(const struct stm32_chip *chip, uint16_t id, struct err *err)
{
    if (chip)
        return err_set(err, ERR_CONFIG,
                       "how large the pages of this %s are, its option bytes decide: give "
                       "page-size in lab.yaml, as its reference manual says; nothing was erased",
                       chip->name);
    return err_set(
        err, ERR_CONFIG,
        "the sectors of chip 0x%03x are not known: give page-size in lab.yaml, the bytes "
        "that its reference manual says are erased at once; nothing was erased",
        id);
}

int stm32_chip_map(const struct stm32_chip *chip, uint16_t id, uint64_t page_size,
                   struct dfuse_map *ret, struct err *err)
{
    uint64_t at = STM32_FLASH_AT;

    *ret = (struct dfuse_map){0};
    snprintf(ret->name, sizeof ret->name, "%s", chip ? chip->name : "the chip");
    if (page_size) {
        uint64_t count = FLASH_MAX / page_size;
        add_run(ret, at, page_size, count < PAGES_MAX ? count : PAGES_MAX);
        return 0;
    }
    if (!chip || !chip->runs[0].count)
        return not_known(chip, id, err);
    for (size_t i = 0; i < STM32_RUNS_MAX && chip->runs[i].count; i++) {
        add_run(ret, at, chip->runs[i].size, chip->runs[i].count);
        at += (uint64_t)chip->runs[i].size * chip->runs[i].count;
    }
    return 0;
}

uint64_t stm32_sector_number(const struct dfuse_map *map, uint64_t at)
{
    uint64_t number = 0;

    for (size_t i = 0; i < map->count; i++) {
        const struct dfuse_run *run = &map->runs[i];
        if (at < run->at + run->sector_size * run->count)
            return number + (at - run->at) / run->sector_size;
        number += run->count;
    }
    return number;
}
