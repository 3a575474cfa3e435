/* SPDX-License-Identifier: MIT */
#include "parse/fault.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- registers in lines -------------------------------------------------------------------- */

static const struct name {
    const char *text;
    enum fault_register reg;
    unsigned shift; /* of CFSR's three parts, where they are printed on their own */
} names[] = {
    {"cfsr", FAULT_CFSR, 0},     {"mmfsr", FAULT_CFSR, 0},  {"mfsr", FAULT_CFSR, 0},
    {"bfsr", FAULT_CFSR, 8},     {"ufsr", FAULT_CFSR, 16},  {"hfsr", FAULT_HFSR, 0},
    {"mmfar", FAULT_MMFAR, 0},   {"mmar", FAULT_MMFAR, 0},  {"bfar", FAULT_BFAR, 0},
    {"mcause", FAULT_MCAUSE, 0}, {"mtval", FAULT_MTVAL, 0}, {"mbadaddr", FAULT_MTVAL, 0},
    {"pc", FAULT_PC, 0},         {"mepc", FAULT_PC, 0},     {"epc", FAULT_PC, 0},
    {"lr", FAULT_LR, 0},         {"ra", FAULT_LR, 0},       {"location", FAULT_PC, 0},
};

static const unsigned part_size[] = {[8] = 8, [16] = 16}; /* bits, by shift */

static bool is_word_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static struct text next_word(struct scan *at)
{
    while (at->at < at->end && !is_word_byte(*at->at))
        at->at++;
    struct text word = {.at = at->at};
    while (at->at < at->end && is_word_byte(*at->at))
        at->at++;
    word.size = (size_t)(at->at - word.at);
    return word;
}

/* "_CFSR", "SCB_CFSR", "stacked_pc" */
static struct text without_prefix(struct text word)
{
    static const char *const prefixes[] = {"_", "SCB_", "stacked_"};

    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        while (text_starts(word, prefixes[i])) {
            word.at += strlen(prefixes[i]);
            word.size -= strlen(prefixes[i]);
        }
    }
    return word;
}

static const struct name *find_name(struct text word)
{
    word = without_prefix(word);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (word.size == strlen(names[i].text) && !strncasecmp(word.at, names[i].text, word.size))
            return &names[i];
    return NULL;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct number {
    uint64_t value;
    size_t digits;
    bool prefixed; /* by 0x */
};

/* A hexadecimal number that ends where a word does. */
static bool read_number(struct scan *scan, struct number *ret)
{
    struct scan at = *scan;

    *ret = (struct number){.prefixed = scan_word_any_case(&at, "0x")};
    for (; at.at < at.end && hex_digit(*at.at) >= 0 && ret->digits <= 16; at.at++, ret->digits++)
        ret->value = ret->value << 4 | (uint64_t)hex_digit(*at.at);
    if (ret->digits == 0 || ret->digits > 16 || (at.at < at.end && is_word_byte(*at.at)))
        return false;
    *scan = at;
    return true;
}

/* What may stand between a name and its number: " [R15] = ", "): ", " Address: ", blanks. True
 * where it says by itself that a number follows. */
static bool skip_between(struct scan *at)
{
    bool sign = false;
    struct text register_number;

    scan_blanks(at);
    if (scan_word(at, "["))
        scan_until(at, "]", &register_number);
    scan_word(at, ")");
    scan_blanks(at);
    scan_word_any_case(at, "address");
    for (scan_blanks(at); scan_word(at, ":") || scan_word(at, "="); scan_blanks(at))
        sign = true;
    return sign;
}

static bool read_value(struct scan *scan, struct number *ret)
{
    struct scan at = *scan;
    bool sign = skip_between(&at);

    if (!read_number(&at, ret) || (!sign && !ret->prefixed && ret->digits != 8))
        return false;
    *scan = at;
    return true;
}

static void add_trace(struct fault *fault, uint64_t address)
{
    if (fault->trace_count < FAULT_TRACE_MAX)
        fault->trace[fault->trace_count++] = address;
}

/* Zephyr prints mcause in decimal ("mcause: 11, Environment call from M-mode"), others with 0x or
 * all their digits. */
static uint64_t value_of(const struct name *name, const struct number *number)
{
    uint64_t value = number->value;

    if (name->reg == FAULT_MCAUSE && !number->prefixed && value >= 0x10 && value <= 0x19)
        return value - 0x10 + 10;
    if (name->shift > 0 && value >> part_size[name->shift] == 0)
        return value << name->shift;
    return value;
}

static void take(struct fault *fault, const struct name *name, const struct number *number)
{
    uint64_t value = value_of(name, number);
    unsigned bit = 1u << name->reg;

    /* CFSR's parts add up, and its bits stay set until they are cleared. */
    if (name->reg == FAULT_CFSR)
        fault->value[FAULT_CFSR] |= value;
    else if (!(fault->has & bit))
        fault->value[name->reg] = value;
    else if (name->reg == FAULT_LR) /* a call trace has one in each line */
        add_trace(fault, value);
    fault->has |= bit;
}

/* "Backtrace: 0x400d1234:0x3ffb1f60 0x..." pairs of code and stack, or code alone */
static void scan_backtrace(struct fault *fault, struct scan at)
{
    struct number number;

    if (fault->whole_trace)
        return;
    fault->trace_count = 0;
    skip_between(&at);
    const char *first = at.at;
    while (at.at < at.end) {
        struct scan here = at;
        bool stack = at.at > first && at.at[-1] == ':';
        if (!read_number(&here, &number) || !number.prefixed) {
            at.at++;
            continue;
        }
        at = here;
        fault->adjusted = fault->adjusted || stack;
        if (!stack)
            add_trace(fault, number.value);
    }
    fault->whole_trace = fault->trace_count > 0;
}

void fault_scan(struct fault *fault, struct text line)
{
    struct scan at = scan_begin(line);
    struct number number;

    while (!scan_done(&at)) {
        struct text word = next_word(&at);
        const struct name *name = find_name(word);
        if (name && read_value(&at, &number))
            take(fault, name, &number);
        if (word.size == 9 && !strncasecmp(word.at, "backtrace", word.size)) {
            scan_backtrace(fault, at);
            return;
        }
    }
}

/* ---- words --------------------------------------------------------------------------------- */

static const struct bit {
    uint32_t mask;
    const char *text;
    enum { NO_ADDRESS, MMFAR, BFAR } address; /* which register holds it, if it is valid */
} cfsr_bits[] = {
    /* MMFSR */
    {1u << 0, "instruction access violation", NO_ADDRESS},
    {1u << 1, "data access violation", MMFAR},
    {1u << 3, "memory protection: unstacking error on exception return", NO_ADDRESS},
    {1u << 4, "memory protection: stacking error on exception entry", NO_ADDRESS},
    {1u << 5, "memory protection: error in lazy floating-point state preservation", NO_ADDRESS},
    /* BFSR */
    {1u << 8, "instruction bus error", NO_ADDRESS},
    {1u << 9, "precise data bus error", BFAR},
    {1u << 10, "imprecise data bus error, of a store before the pc", NO_ADDRESS},
    {1u << 11, "bus: unstacking error on exception return", NO_ADDRESS},
    {1u << 12, "bus: stacking error on exception entry", NO_ADDRESS},
    {1u << 13, "bus: error in lazy floating-point state preservation", NO_ADDRESS},
    /* UFSR; STKOF is Armv8-M's */
    {1u << 16, "undefined instruction", NO_ADDRESS},
    {1u << 17, "invalid state, such as a jump to an address without the Thumb bit", NO_ADDRESS},
    {1u << 18, "invalid pc load, by an exception return that is none", NO_ADDRESS},
    {1u << 19, "no coprocessor, such as a floating-point unit that is off", NO_ADDRESS},
    {1u << 20, "stack overflow", NO_ADDRESS},
    {1u << 24, "unaligned access", NO_ADDRESS},
    {1u << 25, "divide by zero", NO_ADDRESS},
};

#define CFSR_MMARVALID (1u << 7)
#define CFSR_BFARVALID (1u << 15)
#define HFSR_VECTTBL (1u << 1)
#define HFSR_FORCED (1u << 30)
#define HFSR_DEBUGEVT (1u << 31)

static bool has(const struct fault *fault, enum fault_register reg)
{
    return fault->has >> reg & 1;
}

__attribute__((format(printf, 3, 4))) static void say(struct buf *out, size_t begin,
                                                      const char *format, ...)
{
    char words[160];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    if (out->size + strlen(words) + 2 <= out->ceiling)
        buf_addf(out, "%s%s", out->size > begin ? "; " : "", words);
}

static void describe_cfsr(const struct fault *fault, struct buf *out, size_t begin)
{
    uint32_t cfsr = (uint32_t)fault->value[FAULT_CFSR];
    bool mmfar = cfsr & CFSR_MMARVALID && has(fault, FAULT_MMFAR);
    bool bfar = cfsr & CFSR_BFARVALID && has(fault, FAULT_BFAR);

    for (size_t i = 0; i < ARRAY_SIZE(cfsr_bits); i++) {
        const struct bit *bit = &cfsr_bits[i];
        if (!(cfsr & bit->mask))
            continue;
        if (bit->address == MMFAR && mmfar)
            say(out, begin, "%s at 0x%08" PRIx64, bit->text, fault->value[FAULT_MMFAR]);
        else if (bit->address == BFAR && bfar)
            say(out, begin, "%s at 0x%08" PRIx64, bit->text, fault->value[FAULT_BFAR]);
        else
            say(out, begin, "%s", bit->text);
    }
}

static void describe_hfsr(const struct fault *fault, struct buf *out, size_t begin)
{
    uint32_t hfsr = (uint32_t)fault->value[FAULT_HFSR], cfsr = (uint32_t)fault->value[FAULT_CFSR];
    const char *from = cfsr & 0xFFFF0000 ? "usage fault"
                       : cfsr & 0xFF00   ? "bus fault"
                       : cfsr & 0xFF     ? "memory management fault"
                                         : "fault whose handler could not run";

    if (hfsr & HFSR_VECTTBL)
        say(out, begin, "bus error on a vector table read");
    if (hfsr & HFSR_FORCED)
        say(out, begin, "forced: escalated from a %s", from);
    if (hfsr & HFSR_DEBUGEVT)
        say(out, begin, "debug event, such as a breakpoint without a debugger");
}

static void describe_mcause(const struct fault *fault, struct buf *out, size_t begin)
{
    static const char *const causes[] = {
        "instruction address misaligned",
        "instruction access fault",
        "illegal instruction",
        "breakpoint",
        "load address misaligned",
        "load access fault",
        "store address misaligned",
        "store access fault",
        "environment call from U-mode",
        "environment call from S-mode",
        NULL,
        "environment call from M-mode",
        "instruction page fault",
        "load page fault",
        NULL,
        "store page fault",
    };
    uint64_t mcause = fault->value[FAULT_MCAUSE];
    bool interrupt = mcause >> 63 || (mcause >> 31 & 1 && mcause <= UINT32_MAX);
    uint64_t code = mcause & 0xFFF; /* above it the CLIC keeps the state to return to */
    const char *cause = code < ARRAY_SIZE(causes) ? causes[code] : NULL;
    bool address = code != 2 && code != 3 && (code < 8 || code > 11);

    if (interrupt)
        say(out, begin, "interrupt %" PRIu64, code);
    else if (!cause)
        say(out, begin, "exception %" PRIu64, code);
    else if (has(fault, FAULT_MTVAL) && address)
        say(out, begin, "%s at 0x%08" PRIx64, cause, fault->value[FAULT_MTVAL]);
    else if (has(fault, FAULT_MTVAL) && code == 2 && fault->value[FAULT_MTVAL])
        say(out, begin, "%s 0x%08" PRIx64, cause, fault->value[FAULT_MTVAL]);
    else
        say(out, begin, "%s", cause);
}

void fault_describe(const struct fault *fault, struct buf *out)
{
    size_t begin = out->size;

    if (has(fault, FAULT_CFSR))
        describe_cfsr(fault, out, begin);
    if (has(fault, FAULT_HFSR))
        describe_hfsr(fault, out, begin);
    if (has(fault, FAULT_MCAUSE))
        describe_mcause(fault, out, begin);
}

/* ---- code ---------------------------------------------------------------------------------- */

struct codes {
    struct fault_code *items;
    size_t count;
};

static void add_code(struct codes *codes, uint64_t address, bool is_return)
{
    /* EXC_RETURN (B1.5.8), and the link register's value after reset (B1.4.2) */
    bool no_code = address == 0 || (address >= 0xFFFFFF00 && address <= 0xFFFFFFFF);

    if (is_return && no_code)
        return;
    for (size_t i = 0; i < codes->count; i++)
        if (codes->items[i].printed == address)
            return;
    /* A call takes two bytes at least, on all of these machines. */
    codes->items[codes->count++] =
        (struct fault_code){.printed = address, .lookup = is_return ? address - 2 : address};
}

size_t fault_code(const struct fault *fault, struct fault_code ret[FAULT_CODE_MAX])
{
    struct codes codes = {.items = ret};

    if (!fault->whole_trace && has(fault, FAULT_PC))
        add_code(&codes, fault->value[FAULT_PC], false);
    if (!fault->whole_trace && has(fault, FAULT_LR))
        add_code(&codes, fault->value[FAULT_LR], true);
    for (size_t i = 0; i < fault->trace_count; i++)
        add_code(&codes, fault->trace[i], !fault->whole_trace || (i > 0 && !fault->adjusted));
    return codes.count;
}
