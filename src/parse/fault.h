/* SPDX-License-Identifier: MIT
 *
 * fault: the registers in a crash dump, and what they mean in words.
 *
 *     struct fault fault = {0};
 *     for each line of the dump: fault_scan(&fault, line);
 *     fault_describe(&fault, &words);           "precise data bus error at 0x40023c04"
 *     count = fault_code(&fault, addresses);    where to look in the symbols
 *
 * Reads a register wherever its name stands before a number: "CFSR: 00008200", "r14/lr: 0x...",
 * "PC [R15] = 80012d4", "mepc=0x...", and ESP-IDF's and NuttX's backtraces. So the dumps of Zephyr,
 * Mbed OS, RIOT, NuttX, ESP-IDF, FreeRTOS and bare-metal handlers all do. The first value of a
 * register counts. Bounded; never blocks or fails.
 */
#ifndef HIL_PARSE_FAULT_H
#define HIL_PARSE_FAULT_H

#include "base/buf.h"
#include "parse/scan.h"

#define FAULT_CODE_MAX 34 /* pc, return address, and FAULT_TRACE_MAX more */
#define FAULT_TRACE_MAX 32

enum fault_register {
    FAULT_CFSR,
    FAULT_HFSR,
    FAULT_MMFAR,
    FAULT_BFAR,
    FAULT_MCAUSE,
    FAULT_MTVAL,
    FAULT_PC, /* also mepc */
    FAULT_LR, /* also ra */
    FAULT_REGISTERS,
};

struct fault {
    unsigned has; /* bit 1 << enum fault_register */
    uint64_t value[FAULT_REGISTERS];
    uint64_t trace[FAULT_TRACE_MAX]; /* more return addresses, or a whole backtrace */
    size_t trace_count;
    bool whole_trace; /* begins with the pc */
    bool adjusted;    /* by the firmware, to lie in the calls */
};

void fault_scan(struct fault *fault, struct text line);

/* Appends, parted by "; ", what the status registers say; nothing where there are none, or they are
 * clear. Cortex-M: Armv7-M Architecture Reference Manual, B3.2.15 (CFSR) to B3.2.18 (BFAR);
 * RISC-V: Privileged Architecture, 3.1.15 (mcause). */
void fault_describe(const struct fault *fault, struct buf *out);

struct fault_code {
    uint64_t printed;
    uint64_t lookup; /* of a return address: inside the call before it */
};
/* The innermost first, each once. What can be no code (EXC_RETURN) is left out. */
size_t fault_code(const struct fault *fault, struct fault_code ret[FAULT_CODE_MAX]);

#endif
