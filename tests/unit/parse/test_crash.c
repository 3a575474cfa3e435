/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "parse/signs.h"

#include <criterion/criterion.h>
#include <string.h>

struct example {
    const char *line;
    enum crash_kind kind;
    const char *file;
    uint32_t number;
};

static const struct example examples[] = {
    {"E: >>> ZEPHYR FATAL ERROR 4: Kernel panic on CPU 0", CRASH_SUSPECT, NULL, 0},
    {"[00:00:00.010] <err> os: ***** BUS FAULT *****", CRASH_SUSPECT, NULL, 0},
    {"ASSERTION FAIL [n > 0] @ WEST_TOPDIR/zephyr/kernel/sem.c:51", CRASH_SUSPECT,
     "WEST_TOPDIR/zephyr/kernel/sem.c", 51},
    {"E: Halting system", CRASH_LAST, NULL, 0},
    {"*** Booting Zephyr OS build v3.7.0-12-gabcdef ***", CRASH_BOOT, NULL, 0},
    {"Guru Meditation Error: Core  0 panic'ed (StoreProhibited)", CRASH_FATAL, NULL, 0},
    {"assert failed: ring_put ring.c:97 (n < size)", CRASH_FATAL, "ring.c", 97},
    {"assertion \"p\" failed: file \"src/main.c\", line 201, function: f", CRASH_FATAL,
     "src/main.c", 201},
    {"abort() was called at PC 0x400d2138 on core 0", CRASH_FATAL, NULL, 0},
    {"***ERROR*** A stack overflow in task net has been detected.", CRASH_FATAL, NULL, 0},
    {"Stack smashing protect failure!", CRASH_FATAL, NULL, 0},
    {"CORRUPT HEAP: Bad tail at 0x3ffe270a.", CRASH_FATAL, NULL, 0},
    {"Brownout detector was triggered", CRASH_FATAL, NULL, 0},
    {"E (5) task_wdt: Task watchdog got triggered. The following", CRASH_SUSPECT, NULL, 0},
    {"rst:0x1 (POWERON_RESET),boot:0x13", CRASH_BOOT, NULL, 0},
    {" ets Jan  8 2013,rst cause:4, boot mode:(3,6)", CRASH_BOOT, NULL, 0},
    {"ESP-ROM:esp32c3-api1-20210207", CRASH_BOOT, NULL, 0},
    {"about ESP-ROM:esp32c3", CRASH_NONE, NULL, 0},
    {"Exception (28):", CRASH_FATAL, NULL, 0},
    {"Exception (caught)", CRASH_NONE, NULL, 0},
    {"Soft WDT reset", CRASH_FATAL, NULL, 0},
    {"wdt reset", CRASH_FATAL, NULL, 0},
    {"feeding avoids a wdt reset", CRASH_NONE, NULL, 0},
    {"++ MbedOS Fault Handler ++", CRASH_FATAL, NULL, 0},
    {"*** RIOT kernel panic:", CRASH_FATAL, NULL, 0},
    {"main(): This is RIOT! (Version: 2024.01)", CRASH_BOOT, NULL, 0},
    {"up_assert: Assertion failed at file:common/exception.c line: 89 task: t", CRASH_FATAL,
     "common/exception.c", 89},
    {"Kernel panic - not syncing: no init found", CRASH_FATAL, NULL, 0},
    {"---[ end Kernel panic - not syncing: no init found ]---", CRASH_LAST, NULL, 0},
    {"*** HardFault", CRASH_SUSPECT, NULL, 0},
    {"HARD FAULT at 0x08000f00", CRASH_SUSPECT, NULL, 0},
    {"hardfault", CRASH_SUSPECT, NULL, 0},
    {"panicked at src/main.rs:31:9:", CRASH_SUSPECT, "src/main.rs", 31},
    {"mbed assertation failed: ptr, file: ./src/i2c.cpp, line 10", CRASH_FATAL, "./src/i2c.cpp",
     10},
    {"chSysHalt(SV#4)", CRASH_FATAL, NULL, 0},
    {"vAssertCalled( queue.c:1442 )", CRASH_FATAL, "queue.c", 1442},
    {"configASSERT failed: queue.c:1442", CRASH_FATAL, "queue.c", 1442},
    {"ASSERT! Line 62 of file tasks.c", CRASH_FATAL, "tasks.c", 62},
    {"ASSERT! Line 62, file ../src/tasks.c", CRASH_FATAL, "../src/tasks.c", 62},
    {"vAssertCalled( src/queue.c, 1442 )", CRASH_FATAL, "src/queue.c", 1442},
    {"MPSL ASSERT: 112, 2195", CRASH_SUSPECT, NULL, 0},
    {"ASSERT: 1.5, 12", CRASH_SUSPECT, NULL, 0},
    {"*** assertion failed: n < 4, file src/ring.c, line 61", CRASH_FATAL, "src/ring.c", 61},
    {"Assertion failed: (n < 4), function put, file src/ring.c, line 61.", CRASH_SUSPECT,
     "src/ring.c", 61},
    {"fw: src/ring.c:61: put: Assertion `n < 4' failed.", CRASH_SUSPECT, "src/ring.c", 61},
    {"Wrong parameters value: file ../Src/main.c on line 88", CRASH_FATAL, "../Src/main.c", 88},
    {"<error> app: ERROR 4 [NRF_ERROR_NO_MEM] at ../main.c:88", CRASH_FATAL, "../main.c", 88},
    {"app: ERROR counter is 0", CRASH_NONE, NULL, 0},
    {"Stack overflow in thread main", CRASH_SUSPECT, NULL, 0},
    {"[00:00:26.156,000] <err> os: ***** BUS FAULT *****", CRASH_SUSPECT, NULL, 0},
    {"Stack overflow in task net", CRASH_SUSPECT, NULL, 0},
    {"<error> app: Fatal error", CRASH_FATAL, NULL, 0},
    {"<error> app: End of error report", CRASH_LAST, NULL, 0},
    {"*** PANIC ***", CRASH_FATAL, NULL, 0},
    {"*** stack smashing detected ***: terminated", CRASH_FATAL, NULL, 0},
    {"in __stack_chk_fail", CRASH_FATAL, NULL, 0},
    {"sbi_trap_error: hart0: trap handler failed (error -2)", CRASH_FATAL, NULL, 0},
    {"riscv_exception: EXCEPTION: Load access fault. MCAUSE: 5", CRASH_SUSPECT, NULL, 0},
    {"trap: mcause=0x00000005 mepc=0x80000120", CRASH_SUSPECT, NULL, 0},
    {"Unhandled exception 5 at 0x80000120", CRASH_SUSPECT, NULL, 0},
    {"Unhandled trap", CRASH_SUSPECT, NULL, 0},
    {"Watchdog timeout!", CRASH_SUSPECT, NULL, 0},
    {"reset cause: watchdog", CRASH_NONE, NULL, 0},
    {"Brown-out detected", CRASH_SUSPECT, NULL, 0},
    {"brownout detected", CRASH_SUSPECT, NULL, 0},
    {"reset cause: brown-out reset", CRASH_NONE, NULL, 0},
    {"BusFault_Handler", CRASH_SUSPECT, NULL, 0},
    {"UsageFault: divide by 0", CRASH_SUSPECT, NULL, 0},
    {"MemManage fault", CRASH_SUSPECT, NULL, 0},
    {"", CRASH_NONE, NULL, 0},
    {"short", CRASH_NONE, NULL, 0},
    {"hardfaul", CRASH_NONE, NULL, 0},
    {"a plain line of an ordinary log, 12:30:45", CRASH_NONE, NULL, 0},
};

Test(parse_crash, signatures_and_places)
{
    for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
        const struct example *example = &examples[i];
        struct text file = {0};
        uint32_t number = 0;
        cr_expect_eq(signs_of(text_of(example->line)).crash, example->kind, "%s", example->line);
        bool found = crash_place(text_of(example->line), &file, &number);
        cr_expect_eq(found, example->file != NULL, "%s", example->line);
        cr_expect(found || (file.size == 0 && number == 0), "%s", example->line);
        if (found && example->file) {
            cr_expect(text_is(file, example->file), "%s: %.*s", example->line, (int)file.size,
                      file.at);
            cr_expect_eq(number, example->number, "%s", example->line);
        }
    }
}

/* The search skips bytes: a signature is found at every place in a line. */
Test(parse_crash, at_every_place)
{
    static const char *const found[] = {"rst:0x", "hardfault", "Halting system", "PANIC!!!",
                                        "panicked at x"};
    for (size_t i = 0; i < ARRAY_SIZE(found); i++) {
        for (size_t before = 0; before < 40; before++) {
            char line[128];
            size_t length = strlen(found[i]);
            memset(line, 'r', sizeof(line));
            memcpy(line + before, found[i], length);
            struct text ends = {.at = line, .size = before + length};
            struct text goes_on = {.at = line, .size = before + length + 9};
            cr_expect_neq(signs_of(ends).crash, CRASH_NONE, "%s at %zu", found[i], before);
            cr_expect_neq(signs_of(goes_on).crash, CRASH_NONE, "%s at %zu", found[i], before);
        }
    }
}

static void expect_words(const char *first, const char *line, const char *expected)
{
    struct text words = {0};
    bool found = crash_words(text_of(first), text_of(line), &words);
    cr_expect_eq(found, expected != NULL, "%s", line);
    if (expected)
        cr_expect(text_is(words, expected), "%s: %.*s", line, (int)words.size, words.at);
}

Test(parse_crash, words_behind_the_line_that_announces_them)
{
    expect_words("*** PANIC ***", "No timers available", "No timers available");
    expect_words("*** PANIC ***", "  ", NULL);
    expect_words("++ MbedOS Error Info ++", "Error Status: 0x80FF0144", NULL);
    expect_words("++ MbedOS Error Info ++", "Error Message: no heap", "no heap");
    expect_words("++ MbedOS Fault Handler ++", "FaultType: HardFault", "HardFault");
    expect_words("panicked at src/main.rs:22:5:", "boom", "boom");
    expect_words("panicked at 'boom', src/main.rs:22:5", "note: run with", NULL);
    expect_words("*** HardFault", "r0 0x00000000", NULL);
}

Test(parse_crash, who_reset_the_board)
{
    static const char *const lines[][2] = {
        {"rst:0x8 (TG1WDT_SYS_RESET),boot:0x13", "its watchdog"},
        {"rst:0xf (RTCWDT_BROWN_OUT_RESET),boot:0x13", "a brown-out"},
        {"rst:0xc (SW_CPU_RESET),boot:0x13", NULL},
        {"rst:0x7", NULL},
        {"ESP-ROM:esp32c3-api1-20210207", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        cr_expect(str_eq(crash_reset(text_of(lines[i][0])), lines[i][1]), "%s", lines[i][0]);
}
