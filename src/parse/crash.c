/* SPDX-License-Identifier: MIT */
#include "parse/crash.h"

#include "base/str.h"

#include <ctype.h>
#include <string.h>

struct signature {
    const char *text;
    enum crash_kind kind;
    enum { ANYWHERE, AT_START, ANY_CASE, BEFORE_DIGIT } how;
};

static const struct signature signatures[] = {
    /* Zephyr: arch/<arch>/core/fault.c, kernel/fatal.c, lib/os/assert.c. A test may set a fault
     * handler hook and go on; the handler that does not says "Halting system". */
    {"ZEPHYR FATAL ERROR", CRASH_SUSPECT, ANYWHERE},
    {" FAULT *****", CRASH_SUSPECT, ANYWHERE},
    {"ASSERTION FAIL", CRASH_SUSPECT, ANYWHERE},
    {"Halting system", CRASH_LAST, ANYWHERE},
    {"*** Booting Zephyr OS", CRASH_BOOT, ANYWHERE},
    /* ESP-IDF: components/esp_system/panic.c and docs/en/api-guides/fatal-errors.rst. The task
     * watchdog reports and goes on unless it is configured to panic. */
    {"Guru Meditation Error", CRASH_FATAL, ANYWHERE},
    {"assert failed: ", CRASH_FATAL, ANYWHERE},
    {"abort() was called at PC", CRASH_FATAL, ANYWHERE},
    {"A stack overflow in task ", CRASH_FATAL, ANYWHERE},
    {"Stack smashing protect failure", CRASH_FATAL, ANYWHERE},
    {"CORRUPT HEAP:", CRASH_FATAL, ANYWHERE},
    {"Brownout detector was triggered", CRASH_FATAL, ANYWHERE},
    {"Task watchdog got triggered", CRASH_SUSPECT, ANYWHERE},
    {"rst:0x", CRASH_BOOT, ANYWHERE},
    {"ESP-ROM:", CRASH_BOOT, AT_START},
    /* ESP8266: the SDK's exception handler and its boot ROM. */
    {"Exception (", CRASH_FATAL, BEFORE_DIGIT},
    {"Soft WDT reset", CRASH_FATAL, ANYWHERE},
    {"wdt reset", CRASH_FATAL, AT_START},
    {"rst cause:", CRASH_BOOT, ANYWHERE},
    /* newlib's __assert_func */
    {"\" failed: file \"", CRASH_FATAL, ANYWHERE},
    /* Arm's C library; then IAR's, BSD's and musl's; then glibc's. Tests may print such lines. */
    {"*** assertion failed: ", CRASH_FATAL, ANYWHERE},
    {"Assertion failed: ", CRASH_SUSPECT, ANYWHERE},
    {"Assertion `", CRASH_SUSPECT, ANYWHERE},
    /* STM32Cube: the assert_failed() that it writes into main.c */
    {"Wrong parameters value: file ", CRASH_FATAL, ANYWHERE},
    /* Mbed OS: platform/source/mbed_error.c and TARGET_CORTEX_M/mbed_fault_handler.c */
    {"++ MbedOS Fault Handler ++", CRASH_FATAL, ANYWHERE},
    {"++ MbedOS Error Info ++", CRASH_FATAL, ANYWHERE},
    {"The system has been rebooted due to a fatal error", CRASH_BOOT, ANYWHERE},
    /* RIOT: core/lib/panic.c, core/lib/assert.c */
    {"*** RIOT kernel panic", CRASH_FATAL, ANYWHERE},
    {"FAILED ASSERTION.", CRASH_FATAL, ANYWHERE},
    {"main(): This is RIOT!", CRASH_BOOT, ANYWHERE},
    /* Mbed OS: mbed_assert_internal(), spelled like this */
    {"mbed assertation failed: ", CRASH_FATAL, ANYWHERE},
    /* ChibiOS: chSysHalt(), where an application says that it came to it */
    {"chSysHalt", CRASH_FATAL, ANYWHERE},
    /* FreeRTOS: what its demos' vAssertCalled() and vApplicationStackOverflowHook() print */
    {"vAssertCalled", CRASH_FATAL, ANYWHERE},
    {"configASSERT", CRASH_FATAL, ANYWHERE},
    {"ASSERT! Line ", CRASH_FATAL, ANYWHERE},
    {"ASSERT: ", CRASH_SUSPECT, ANYWHERE}, /* also Nordic's controllers */
    {"stack overflow in task", CRASH_SUSPECT, ANY_CASE},
    {"stack overflow in thread", CRASH_SUSPECT, ANY_CASE},
    /* nRF5 SDK: components/libraries/util/app_error_weak.c and app_error_handler_*.c */
    {"app: Fatal error", CRASH_FATAL, ANYWHERE},
    {"app: ERROR ", CRASH_FATAL, BEFORE_DIGIT},
    {"End of error report", CRASH_LAST, ANYWHERE},
    /* Pico SDK: src/rp2_common/pico_platform_panic/panic.c */
    {"*** PANIC ***", CRASH_FATAL, ANYWHERE},
    /* glibc, newlib and picolibc: -fstack-protector */
    {"stack smashing detected", CRASH_FATAL, ANYWHERE},
    {"__stack_chk_fail", CRASH_FATAL, ANYWHERE},
    /* RISC-V: OpenSBI's sbi_trap_error(), NuttX' riscv_exception(), handlers that people write */
    {"sbi_trap_error", CRASH_FATAL, ANYWHERE},
    {"EXCEPTION: ", CRASH_SUSPECT, ANYWHERE},
    {"mcause", CRASH_SUSPECT, ANY_CASE},
    {"unhandled exception", CRASH_SUSPECT, ANY_CASE},
    {"unhandled trap", CRASH_SUSPECT, ANY_CASE},
    /* A cause that is printed at boot is none of these: many boards are powered on with it set. */
    {"watchdog timeout", CRASH_SUSPECT, ANY_CASE},
    {"brownout detected", CRASH_SUSPECT, ANY_CASE},
    {"brown-out detected", CRASH_SUSPECT, ANY_CASE},
    /* NuttX: sched/misc/assert.c */
    {"assert: Assertion failed at", CRASH_FATAL, ANYWHERE},
    {"PANIC!!!", CRASH_FATAL, ANYWHERE},
    /* Linux: kernel/panic.c */
    {"Kernel panic - not syncing", CRASH_FATAL, ANYWHERE},
    {"---[ end Kernel panic", CRASH_LAST, ANYWHERE},
    /* handlers that people write themselves, and Rust's panic message */
    {"hardfault", CRASH_SUSPECT, ANY_CASE},
    {"hard fault", CRASH_SUSPECT, ANY_CASE},
    {"busfault", CRASH_SUSPECT, ANY_CASE},
    {"usagefault", CRASH_SUSPECT, ANY_CASE},
    {"memmanage", CRASH_SUSPECT, ANY_CASE},
    {"panicked at ", CRASH_SUSPECT, ANYWHERE},
};

const char *crash_signature(size_t number, bool *ret_any_case)
{
    if (number >= ARRAY_SIZE(signatures))
        return NULL;
    *ret_any_case = signatures[number].how == ANY_CASE;
    return signatures[number].text;
}

enum crash_kind crash_at(size_t number, struct text line, const char *at)
{
    const struct signature *signature = &signatures[number];
    const char *next = at + strlen(signature->text);
    struct text before = {.at = line.at, .size = (size_t)(at - line.at)};
    if (signature->how == AT_START && text_trim(before).size > 0)
        return CRASH_NONE;
    if (signature->how == BEFORE_DIGIT &&
        (next == line.at + line.size || !isdigit((unsigned char)*next)))
        return CRASH_NONE;
    return signature->kind;
}

/* ---- where it happened --------------------------------------------------------------------- */

static bool is_name_byte(char c)
{
    return c > ' ' && !strchr("\"'()[]<>,;:@", c);
}

/* Has a suffix that begins with a letter. */
static bool is_file(struct text name)
{
    const char *dot = name.size ? memrchr(name.at, '.', name.size) : NULL;
    return dot && name.size > 2 && dot + 1 < name.at + name.size && isalpha((unsigned char)dot[1]);
}

/* The file name that ends at `end`: back to a blank or a bracket. */
static bool file_before(struct text line, const char *end, struct text *ret)
{
    const char *begin = end;
    while (begin > line.at && is_name_byte(begin[-1]))
        begin--;
    *ret = (struct text){.at = begin, .size = (size_t)(end - begin)};
    return is_file(*ret);
}

static bool file_after(struct scan scan, struct text *ret)
{
    const char *end = scan.at;
    while (end < scan.end && is_name_byte(*end))
        end++;
    *ret = (struct text){.at = scan.at, .size = (size_t)(end - scan.at)};
    return is_file(*ret);
}

static bool line_number(struct scan *scan, uint32_t *ret)
{
    uint64_t number;
    if (!scan_number(scan, &number) || number == 0 || number > UINT32_MAX)
        return false;
    *ret = (uint32_t)number;
    return true;
}

static bool find_place(struct text line, struct text *ret_file, uint32_t *ret_line)
{
    struct scan scan = scan_begin(line);
    struct text before;
    while (scan_until(&scan, ":", &before)) { /* main.c:12 */
        struct scan number = scan;
        if (line_number(&number, ret_line) && file_before(line, scan.at - 1, ret_file))
            return true;
    }
    static const char *const forms[] = {"\", line ", ", line ", " line: ", " on line ", ", "};
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        scan = scan_begin(line);
        if (scan_until(&scan, forms[i], &before) && line_number(&scan, ret_line) &&
            file_before(line, before.at + before.size, ret_file))
            return true;
    }
    scan = scan_begin(line); /* "Line 62, file tasks.c", "Line 62 of file tasks.c" */
    return scan_until(&scan, "Line ", &before) && line_number(&scan, ret_line) &&
           (scan_word(&scan, ", file ") || scan_word(&scan, " of file ")) &&
           file_after(scan, ret_file);
}

bool crash_place(struct text line, struct text *ret_file, uint32_t *ret_line)
{
    struct text file;
    uint32_t number;
    if (!find_place(line, &file, &number))
        return false;
    *ret_file = file;
    *ret_line = number;
    return true;
}

/* ---- what else it says --------------------------------------------------------------------- */

/* First lines that only announce the words, and what those begin with. */
static const struct {
    const char *first, *words;
} announced[] = {
    {"++ MbedOS Error Info ++", "Error Message: "},
    {"++ MbedOS Fault Handler ++", "FaultType: "},
    {"*** RIOT kernel panic:", ""},
    {"*** PANIC ***", ""},
    {"panicked at ", ""}, /* Rust since 1.73, where the line ends with a colon */
};

bool crash_words(struct text first, struct text line, struct text *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(announced); i++) {
        const char *head = announced[i].first;
        if (!memmem(first.at, first.size, head, strlen(head)))
            continue;
        if (head[0] == 'p' && !text_ends(first, ":"))
            return false;
        struct scan scan = scan_begin(text_trim(line));
        if (!scan_word(&scan, announced[i].words))
            return false;
        *ret = scan_rest(&scan);
        return ret->size > 0;
    }
    return false;
}

/* "rst:0x8 (TG1WDT_SYS_RESET)" of the ESP32 family */
const char *crash_reset(struct text line)
{
    struct scan scan = scan_begin(line);
    struct text before, reason;
    if (!scan_until(&scan, "rst:0x", &before) || !scan_until(&scan, "(", &before) ||
        !scan_until(&scan, ")", &reason))
        return NULL;
    if (memmem(reason.at, reason.size, "BROWN", 5))
        return "a brown-out";
    return memmem(reason.at, reason.size, "WDT", 3) ? "its watchdog" : NULL;
}
