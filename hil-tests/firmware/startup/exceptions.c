/* SPDX-License-Identifier: MIT */
#include "exceptions.h"

#include "cortexm.h"
#include "print.h"

#include <stdbool.h>
#include <stddef.h>

static exception_handler *handlers[EXCEPTIONS_ATTACHABLE];
static volatile bool catching;
static struct fault caught;

void exception_attach(unsigned exception, exception_handler *handler)
{
    handlers[exception] = handler;
    cpu_barrier();
}

void fault_catch_begin(void)
{
    caught = (struct fault){0};
    catching = true;
    cpu_barrier();
}

struct fault fault_catch_end(void)
{
    cpu_barrier();
    catching = false;
    return caught;
}

/* ARM §A5.1: the first halfword of a 32-bit instruction starts with 0b11101, 0b11110 or 0b11111. */
static uint32_t instruction_size(uint32_t pc)
{
    return *(const uint16_t *)pc >> 11 >= 0x1D ? 4 : 2;
}

static void print_registers(const struct frame *frame, uint32_t exc_return)
{
    const struct {
        const char *name;
        uint32_t value;
    } rows[] = {
        {"r0", frame->r0},       {"r1", frame->r1},   {"r2", frame->r2},  {"r3", frame->r3},
        {"r12", frame->r12},     {"lr", frame->lr},   {"pc", frame->pc},  {"xpsr", frame->xpsr},
        {"sp", (uint32_t)frame}, {"exc", exc_return}, {"cfsr", SCB_CFSR}, {"hfsr", SCB_HFSR},
        {"mmfar", SCB_MMFAR},    {"bfar", SCB_BFAR},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        print_text(i % 4 ? "  " : "\n  ");
        print_text(rows[i].name);
        print_text(" ");
        print_hex(rows[i].value);
    }
    print_text("\n");
}

static _Noreturn void die(const struct frame *frame, uint32_t exc_return, unsigned exception)
{
    static const char *const names[] = {"",          "",         "NMI",       "HardFault",
                                        "MemManage", "BusFault", "UsageFault"};
    cpu_mask_interrupts();
    print_text("\n*** ");
    if (exception < sizeof(names) / sizeof(*names)) {
        print_text(names[exception]);
    } else {
        print_text("exception ");
        print_uint(exception);
        print_text(" without handler");
    }
    print_text(" at ");
    print_hex(frame->pc);
    print_registers(frame, exc_return);
    cpu_halt();
}

static bool is_fault(unsigned exception)
{
    return exception >= EXCEPTION_HARD_FAULT && exception <= EXCEPTION_USAGE_FAULT;
}

static void catch_fault(struct frame *frame, unsigned exception)
{
    caught = (struct fault){
        .count = caught.count + 1,
        .exception = exception,
        .pc = frame->pc,
        .cfsr = SCB_CFSR,
        .hfsr = SCB_HFSR,
        .mmfar = SCB_MMFAR,
        .bfar = SCB_BFAR,
    };
    /* Bits are cleared by writing them back, ARM §B3.2.15 and §B3.2.16. */
    SCB_CFSR = caught.cfsr;
    SCB_HFSR = caught.hfsr;
    frame->pc += instruction_size(frame->pc);
}

__attribute__((used)) static void exception_handle(struct frame *frame, uint32_t exc_return)
{
    unsigned exception = cpu_exception();
    exception_handler *handler = exception < EXCEPTIONS_ATTACHABLE ? handlers[exception] : NULL;
    if (handler)
        handler(frame, exc_return);
    else if (is_fault(exception) && catching)
        catch_fault(frame, exception);
    else
        die(frame, exc_return, exception);
}

/* Bit 2 of EXC_RETURN names the stack that holds the frame, ARM §B1.5.8. */
__attribute__((naked)) void exception_entry(void)
{
    __asm volatile("tst lr, #4\n\t"
                   "ite eq\n\t"
                   "mrseq r0, msp\n\t"
                   "mrsne r0, psp\n\t"
                   "mov r1, lr\n\t"
                   "b exception_handle");
}
