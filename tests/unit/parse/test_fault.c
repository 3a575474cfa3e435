/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "parse/fault.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

static struct fault scan_lines(const char *lines)
{
    struct fault fault = {0};

    for (const char *at = lines; *at;) {
        size_t size = strcspn(at, "\n");
        fault_scan(&fault, (struct text){.at = at, .size = size});
        at += size + (at[size] == '\n');
    }
    return fault;
}

/* "0x8000228 0x8000245-": what is printed; '-' marks a return address */
static void expect(const char *lines, const char *words, const char *code)
{
    struct fault fault = scan_lines(lines);
    struct fault_code codes[FAULT_CODE_MAX];
    cleanup_buf struct buf got = BUF_INIT(4096), got_code = BUF_INIT(4096);
    size_t count = fault_code(&fault, codes);

    fault_describe(&fault, &got);
    for (size_t i = 0; i < count; i++)
        buf_addf(&got_code, "%s0x%" PRIx64 "%s", i ? " " : "", codes[i].printed,
                 codes[i].lookup == codes[i].printed       ? ""
                 : codes[i].lookup == codes[i].printed - 2 ? "-"
                                                           : "?");
    cr_expect_str_eq(got.data, words, "%s\n%s", lines, got.data);
    cr_expect_str_eq(got_code.data, code, "%s\n%s", lines, got_code.data);
}

Test(fault, dumps_of_many_systems)
{
    /* hil-tests/firmware */
    expect("*** HardFault at 0x08000228\n"
           "  r0 0x00000000  r1 0x20000000  r2 0x00000000  r3 0x00000000\n"
           "  r12 0x00000000  lr 0x08000245  pc 0x08000228  xpsr 0x61000000\n"
           "  sp 0x2001FF70  exc 0xFFFFFFF9  cfsr 0x02000000  hfsr 0x40000000\n"
           "  mmfar 0x00000000  bfar 0x00000000\n",
           "divide by zero; forced: escalated from a usage fault", "0x8000228 0x8000245-");
    /* Zephyr, Arm: it has spelled the bits out already */
    expect("[00:00:26.156,000] <err> os: ***** BUS FAULT *****\n"
           "<err> os:   Precise data bus error\n"
           "<err> os:   BFAR Address: 0x40023c04\n"
           "<err> os: r0/a1:  0x79000000  r1/a2:  0x00000000  r2/a3:  0x00001800\n"
           "<err> os: r3/a4:  0x79001800 r12/ip:  0x00000800 r14/lr:  0x0001098d\n"
           "<err> os:  xpsr:  0x81000000\n"
           "<err> os: Faulting instruction address (r15/pc): 0x0001e1bc\n"
           "<err> os: >>> ZEPHYR FATAL ERROR 0: CPU exception on CPU 0\n",
           "", "0x1e1bc 0x1098d-");
    /* Zephyr, RISC-V */
    expect("E:  mcause: 5, Load access fault\nE:   mtval: 10050010\n"
           "E:      a0: 00000000    t0: 00000052\nE:      ra: 200011c2\nE:    mepc: 200011d4\n"
           "E: call trace:\nE:       0: fp: 80018770 ra: 80000a5a\nE:       1: ra: 200011c2\n",
           "load access fault at 0x10050010", "0x200011d4 0x200011c2- 0x80000a5a-");
    /* Mbed OS prints the parts of CFSR, and no 0x */
    expect("++ MbedOS Fault Handler ++\n\nFaultType: HardFault\n\nContext:\nR   0: 00000000\n"
           "SP   : 20001F88\nLR   : 080014FB\nPC   : 080014A4\nxPSR : 61000000\nHFSR : 40000000\n"
           "MMFSR: 00000000\nBFSR : 00000082\nUFSR : 00000000\nDFSR : 00000008\n"
           "BFAR : 40023C04\nMode : Thread\n",
           "precise data bus error at 0x40023c04; forced: escalated from a bus fault",
           "0x80014a4 0x80014fb-");
    expect("++ MbedOS Error Info ++\nError Status: 0x80FF013D Code: 317 Module: 255\n"
           "Error Value: 0x4B4E\nLocation: 0x5DEB\nCurrent Thread: main Id: 0x20001F28 Entry: "
           "0x6321\n",
           "", "0x5deb");
    /* RIOT */
    expect("Context before hardfault:\n   r0: 0x00000000\n    lr: 0x000071b1\n    pc: 0x00000000\n"
           "   psr: 0x40000000\n\nFSR/FAR:\n CFSR: 0x00020000\n HFSR: 0x40000000\n"
           " DFSR: 0x00000000\n AFSR: 0x00000000\nMisc\nEXC_RET: 0xfffffffd\n"
           "  set $pc=0x12\n",
           "invalid state, such as a jump to an address without the Thumb bit; "
           "forced: escalated from a usage fault",
           "0x0 0x71b1-");
    /* the handler of J. Yiu's book, in many FreeRTOS and ChibiOS projects */
    expect("[Hard fault handler - all numbers in hex]\nR0 = 0\nR12 = a5a5a5a5\n"
           "LR [R14] = 8000abd  subroutine call return address\n"
           "PC [R15] = 80012d4  program counter\nPSR = 21000000\nBFAR = e000ed38\nCFSR = 400\n"
           "HFSR = 40000000\nDFSR = 0\nSCB_SHCSR = 0\n",
           "imprecise data bus error, of a store before the pc; "
           "forced: escalated from a bus fault",
           "0x80012d4 0x8000abd-");
    expect("- FSR/FAR:\n CFSR = 0x00000082\n MMFAR = 0x00000004\n- Misc\n"
           " LR/EXC_RETURN= 0xfffffff9\n stacked_pc=0x08000100 stacked_lr=0xFFFFFFF9\n",
           "data access violation at 0x00000004", "0x8000100");
    /* NuttX */
    expect("arm_hardfault: \tCFSR: 00008200 HFSR: 40000000 DFSR: 00000002 BFAR: 20000ff4\n"
           "up_registerdump: IP: 00000003 SP: 20001e28 LR: 08000bfd PC: 08000abc\n",
           "precise data bus error at 0x20000ff4; forced: escalated from a bus fault",
           "0x8000abc 0x8000bfd-");
    expect("riscv_exception: EXCEPTION: Load access fault. MCAUSE: 00000005, EPC: 2300c698, "
           "MTVAL: 00000000\nbacktrace| 3: 0x2300c698 0x23001234\n",
           "load access fault at 0x00000000", "0x2300c698 0x23001234-");
    /* ESP-IDF: code and stack in pairs, corrected for the call by the firmware itself */
    expect("Guru Meditation Error: Core  1 panic'ed (LoadProhibited). Exception was unhandled.\n"
           "PC      : 0x400db62b  PS      : 0x00060c30  A0      : 0x800db9c7\n\n"
           "Backtrace: 0x400db628:0x3ffbb830 0x400db9c4:0x3ffbb850 |<-CORRUPTED\n",
           "", "0x400db628 0x400db9c4");
    expect("Backtrace:0x400D3730:0x3FFB0760 0x400828D9:0x3FFB0780\n", "", "0x400d3730 0x400828d9");
    expect("MEPC    : 0x42007e2c  RA      : 0x42007e28  SP      : 0x3fc90000\n"
           "MCAUSE  : 0x00000007  MTVAL   : 0x00000000\n",
           "store access fault at 0x00000000", "0x42007e2c 0x42007e28-");
    expect("abort() was called at PC 0x400d2138 on core 0\n", "", "0x400d2138");
}

Test(fault, every_status_bit_has_its_words)
{
    static const struct {
        const char *dump, *words;
    } cases[] = {
        {"cfsr 0x00000001", "instruction access violation"},
        {"cfsr 0x00000002", "data access violation"},
        {"cfsr 0x00000002 mmfar 0x00000010", "data access violation"}, /* not valid */
        {"cfsr 0x00000082 mmfar 0x00000010", "data access violation at 0x00000010"},
        {"cfsr 0x00000082", "data access violation"},
        {"cfsr 0x00000008", "memory protection: unstacking error on exception return"},
        {"cfsr 0x00000010", "memory protection: stacking error on exception entry"},
        {"cfsr 0x00000020", "memory protection: error in lazy floating-point state preservation"},
        {"cfsr 0x00000100", "instruction bus error"},
        {"cfsr 0x00000200 bfar 0x40023c04", "precise data bus error"},
        {"cfsr 0x00008200 bfar 0x40023c04", "precise data bus error at 0x40023c04"},
        {"cfsr 0x00000400", "imprecise data bus error, of a store before the pc"},
        {"cfsr 0x00000800", "bus: unstacking error on exception return"},
        {"cfsr 0x00001000", "bus: stacking error on exception entry"},
        {"cfsr 0x00002000", "bus: error in lazy floating-point state preservation"},
        {"cfsr 0x00010000", "undefined instruction"},
        {"cfsr 0x00020000", "invalid state, such as a jump to an address without the Thumb bit"},
        {"cfsr 0x00040000", "invalid pc load, by an exception return that is none"},
        {"cfsr 0x00080000", "no coprocessor, such as a floating-point unit that is off"},
        {"cfsr 0x00100000", "stack overflow"},
        {"cfsr 0x01000000", "unaligned access"},
        {"cfsr 0x02000000", "divide by zero"},
        {"cfsr 0x02010000", "undefined instruction; divide by zero"},
        {"hfsr 0x00000002", "bus error on a vector table read"},
        {"hfsr 0x40000000", "forced: escalated from a fault whose handler could not run"},
        {"cfsr 0x00000001 hfsr 0x40000000",
         "instruction access violation; forced: escalated from a memory management fault"},
        {"hfsr 0x80000000", "debug event, such as a breakpoint without a debugger"},
        {"cfsr 0x00000000 hfsr 0x00000000", ""},
        {"mcause: 2\nmtval: 0000dead", "illegal instruction 0x0000dead"},
        {"mcause: 2\nmtval: 0", "illegal instruction"},
        {"mcause: 3", "breakpoint"},
        {"mcause: 11, Environment call from M-mode", "environment call from M-mode"},
        {"mcause = 0xb", "environment call from M-mode"},
        {"mcause: 0x0f mtval: 0x40", "store page fault at 0x00000040"},
        {"mcause: 0x38000007, mtval: 0x40", "store access fault at 0x00000040"},
        {"mcause: 0x80000007", "interrupt 7"},
        {"mcause: 8000000000000007", "interrupt 7"},
        {"mcause: 0x18", "exception 24"},
        {"mcause: 10", "exception 10"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect(cases[i].dump, cases[i].words, "");
}

Test(fault, what_is_no_register_is_left_alone)
{
    static const char *const lines[] = {
        "",
        "pc",
        "pc:",
        "pc: 0x",
        "pc: 0x12345678901234567",
        "pc: 0x1234g",
        "pc: deadbeefs",
        "the pc 12 is old", /* too few digits to be one by itself */
        "spc: 0x08000000",
        "pcs: 0x08000000",
        "LR/EXC_RETURN= 0xfffffff9",
        "lr: 0xffffffff",
        "lr 0x00000000",
        "Backtrace: CORRUPTED",
        "Backtrace: 12345678",
    };
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        expect(lines[i], "", "");
}

Test(fault, the_first_dump_counts_and_traces_have_an_end)
{
    cleanup_buf struct buf lines = BUF_INIT(1 << 16);

    expect("pc: 0x100 lr: 0x200\npc: 0x300 lr: 0x400\n", "", "0x100 0x200- 0x400-");
    for (int i = 0; i < 100; i++)
        buf_addf(&lines, "ra: 0x%x\n", 0x1000 + i);
    struct fault fault = scan_lines(lines.data);
    struct fault_code codes[FAULT_CODE_MAX];
    cr_expect_eq(fault_code(&fault, codes), 1 + FAULT_TRACE_MAX);
}
