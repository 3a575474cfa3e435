/* SPDX-License-Identifier: MIT
 *
 * layout: what the linker script lays down, as addresses.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stdint.h>

typedef void constructor(void);

extern const uint32_t hil_build_id_note[], data_load[];
extern constructor *const constructors_begin[], *const constructors_end[];
extern uint32_t ram_begin[], data_begin[], data_end[], bss_begin[], bss_end[];
extern uint32_t heap_begin[], heap_end[], stack_limit[], stack_top[];

#define STACK_PAINT 0x5AFE57AC

#endif
