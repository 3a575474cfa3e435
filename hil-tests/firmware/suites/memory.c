/* SPDX-License-Identifier: MIT
 *
 * What start-up and linker script promise: .data, .bss, stack, heap; and RAM that remembers.
 */
#include "check.h"
#include "cortexm.h"
#include "layout.h"

static volatile uint8_t data_byte = 0xA5;
static volatile uint16_t data_half = 0xBEEF;
static volatile uint64_t data_long = 0x0123456789ABCDEF;
static volatile uint32_t bss_words[64];

/* The variables are spoilt afterwards, so that a run after a warm reset, whose RAM has kept its
 * contents, shows whether start-up sets them. */
TEST(memory, test_data_is_initialised)
{
    CHECK_EQUAL_HEX(0xA5, data_byte);
    CHECK_EQUAL_HEX(0xBEEF, data_half);
    CHECK_EQUAL_HEX(0x89ABCDEF, data_long);
    CHECK_EQUAL_HEX(0x01234567, data_long >> 32);
    data_byte = 0;
    data_half = 0;
    data_long = 0;
}

TEST(memory, test_bss_is_zero)
{
    for (uint32_t i = 0; i < sizeof(bss_words) / sizeof(*bss_words); i++)
        CHECK_EQUAL_HEX(0, bss_words[i]);
    bss_words[0] = 1;
}

TEST(memory, test_image_is_where_the_core_looks)
{
    const uint32_t *vectors = (const uint32_t *)0x08000000;
    CHECK_EQUAL_HEX(vectors, SCB_VTOR);
    CHECK_EQUAL_HEX(stack_top, vectors[0]);
    CHECK((vectors[1] & 1) == 1); /* Thumb */
}

TEST(memory, test_regions_do_not_overlap)
{
    uint32_t *const upwards[] = {ram_begin,  data_begin, data_end,    bss_begin, bss_end,
                                 heap_begin, heap_end,   stack_limit, stack_top};
    for (unsigned i = 1; i < sizeof(upwards) / sizeof(*upwards); i++)
        CHECK(upwards[i - 1] <= upwards[i]);
}

/* AAPCS §6.2.1.2 wants 8 bytes at every public interface, so in an interrupted function too. */
TEST(memory, test_stack_is_aligned_and_inside)
{
    const uint32_t *frame = __builtin_frame_address(0);
    uint32_t sp;
    __asm volatile("mov %0, sp" : "=r"(sp));
    CHECK_EQUAL(0, sp % 8);
    CHECK(frame > stack_limit && frame < stack_top);
    CHECK_EQUAL_HEX(STACK_PAINT, stack_limit[0]); /* never went that deep */
}

/* Each word holds its own address, then the inverse: stuck bits and shorted address lines show. */
static bool remembers(uint32_t *begin, const uint32_t *end)
{
    for (uint32_t inverse = 0; inverse <= 1; inverse++) {
        for (volatile uint32_t *word = begin; word < end; word++)
            *word = (uint32_t)word ^ -inverse;
        for (volatile uint32_t *word = begin; word < end; word++)
            if (*word != ((uint32_t)word ^ -inverse))
                return false;
    }
    return true;
}

TEST(memory, test_heap_holds_what_is_written)
{
    CHECK_EQUAL(0, (uint32_t)heap_begin % 8);
    CHECK(remembers(heap_begin, heap_end));
}

TEST(memory, test_build_id_is_in_flash)
{
    enum { NAME_SIZE, BYTES_SIZE, TYPE, NAME, BYTES };
    CHECK_EQUAL(4, hil_build_id_note[NAME_SIZE]);
    CHECK_EQUAL(20, hil_build_id_note[BYTES_SIZE]);
    CHECK_EQUAL(3, hil_build_id_note[TYPE]); /* NT_GNU_BUILD_ID */
    CHECK_EQUAL_HEX(0x00554E47, hil_build_id_note[NAME]);
    CHECK((hil_build_id_note[BYTES] | hil_build_id_note[BYTES + 1]) != 0);
}
