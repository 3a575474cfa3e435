/* SPDX-License-Identifier: MIT
 *
 * What an STM32's UART bootloader says. The first byte chooses: 'c' the sectors of a chip by the id
 * that it tells, and what a firmware would have erased; otherwise all that flashing asks, answered
 * by the bytes that follow until they are used up.
 */
#include "base/str.h"
#include "board/flash/dfu_plan.h"
#include "board/flash/stm32_uart_boot.h"
#include "board/flash/stm32_uart_chips.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

#define INPUT_MAX 32768 /* fits into the socket's buffer: nobody reads while it is written */
#define FLASH 0x08000000u

static uint32_t word(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* Every sector to be erased has bytes of the firmware in it, and a number of its own. */
static void check_plan(const struct dfuse_map *map, const struct dfu_plan *plan,
                       const struct segment *segment)
{
    uint64_t last = UINT64_MAX;

    for (size_t i = 0; i < plan->sector_count; i++) {
        const struct dfuse_run *run = dfuse_map_at(map, plan->sectors[i]);
        uint64_t number = stm32_sector_number(map, plan->sectors[i]);
        if (!run || plan->sectors[i] + run->sector_size <= segment->address ||
            plan->sectors[i] >= segment->address + segment->size || number > 0xffef ||
            (i && number != last + 1))
            abort();
        last = number;
    }
    if (!plan->sector_count)
        abort();
}

/* Two bytes of id, four of where, four of how much, and the shift of a page size. */
static void plan(const uint8_t *bytes, size_t count)
{
    struct segment segment = {0};
    struct image image = {.segments = &segment, .count = 1, .name = (char *)(uintptr_t) "fw"};
    struct dfuse_map map;
    struct dfu_plan made;
    uint16_t id;

    if (count < 11)
        return;
    id = (uint16_t)(bytes[0] << 8 | bytes[1]);
    segment.address = (bytes[10] & 0x80 ? 0 : FLASH) + word(bytes + 2) % (8u << 20);
    segment.size = word(bytes + 6) % (512u << 10) + 1;
    if (stm32_chip_map(stm32_chip_find(id), id, bytes[10] & 0x7f ? 64u << bytes[10] % 13 : 0, &map,
                       NULL) < 0)
        return;
    segment.bytes = xcalloc(segment.size, 1);
    if (dfu_plan_make(&map, &image, &made, NULL) == 0)
        check_plan(&map, &made, &segment);
    dfu_plan_done(&made);
    free(segment.bytes);
}

static void run_session(int fd)
{
    struct ctx forever = ctx_root(-1, NULL);
    struct ctx ctx = ctx_narrow(&forever, 200);
    uint8_t memory[STM32_BLOCK + 1];
    uint16_t numbers[STM32_ERASE_MAX] = {0}, id;
    struct stm32_boot boot;
    struct err err;
    int rc = stm32_boot_open(&boot, fd, 115200, &ctx, &err);

    if (rc == 0 && (!boot.knows[STM32_READ] || !boot.knows[STM32_WRITE]))
        abort();
    memset(memory, '#', sizeof memory);
    if (rc == 0)
        rc = stm32_boot_id(&boot, &id, &ctx, &err);
    if (rc == 0)
        rc = stm32_boot_read(&boot, FLASH, memory, 4, &ctx, &err);
    if (rc == 0)
        rc = stm32_boot_erase(&boot, numbers, STM32_ERASE_MAX, 64, &ctx, &err);
    if (rc == 0)
        rc = stm32_boot_write(&boot, FLASH, memory, STM32_BLOCK, &ctx, &err);
    if (rc == 0)
        rc = stm32_boot_read(&boot, FLASH, memory, STM32_BLOCK, &ctx, &err);
    if (rc == 0)
        stm32_boot_go(&boot, FLASH, &ctx, &err);
    if (memory[STM32_BLOCK] != '#')
        abort();
}

static void talk(const uint8_t *bytes, size_t count)
{
    int ends[2];

    if (count > INPUT_MAX || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    if (write(ends[1], bytes, count) < 0)
        abort();
    shutdown(ends[1], SHUT_WR);
    run_session(ends[0]);
    close(ends[0]);
    close(ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    signal(SIGPIPE, SIG_IGN);
    if (count && bytes[0] == 'c')
        plan(bytes + 1, count - 1);
    else if (count)
        talk(bytes + 1, count - 1);
    return 0;
}
