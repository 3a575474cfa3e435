/* SPDX-License-Identifier: MIT
 *
 * exceptions: handlers that a test attaches, faults that it provokes and looks at.
 *
 *     exception_attach(EXCEPTION_SVC, on_svc);     NULL detaches
 *
 *     fault_catch_begin();
 *     ... something that faults ...                the one faulting instruction is skipped
 *     struct fault fault = fault_catch_end();      fault.count, fault.cfsr, ...
 *
 * A fault outside such a pair, or an exception without handler, prints the registers and ends the
 * program.
 */
#ifndef EXCEPTIONS_H
#define EXCEPTIONS_H

#include <stdint.h>

/* Exception numbers, ARM §B1.5.2. */
enum {
    EXCEPTION_HARD_FAULT = 3,
    EXCEPTION_MEM_MANAGE = 4,
    EXCEPTION_BUS_FAULT = 5,
    EXCEPTION_USAGE_FAULT = 6,
    EXCEPTION_SVC = 11,
    EXCEPTION_PENDSV = 14,
    EXCEPTION_SYSTICK = 15,
    EXCEPTION_IRQ0 = 16,
    EXCEPTIONS_ATTACHABLE = EXCEPTION_IRQ0 + 32,
};

/* What the core pushes on entry, ARM §B1.5.6. */
struct frame {
    uint32_t r0, r1, r2, r3, r12, lr, pc, xpsr;
};

typedef void exception_handler(struct frame *frame, uint32_t exc_return);

void exception_attach(unsigned exception, exception_handler *handler);

struct fault {
    unsigned count;     /* 0: there was none, and the rest means nothing */
    unsigned exception; /* of the last one, as are all that follow */
    uint32_t pc, cfsr, hfsr, mmfar, bfar;
};

void fault_catch_begin(void);
struct fault fault_catch_end(void);

void exception_entry(void); /* in the vector table; not to be called */

#endif
