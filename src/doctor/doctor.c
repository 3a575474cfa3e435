/* SPDX-License-Identifier: MIT */
#include "doctor/doctor.h"

#include "base/err.h"
#include "base/str.h"
#include "base/text.h"
#include "doctor/checks.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX_BYTES 2048

static const struct row {
    const char *name;
    void (*run)(struct exam *exam);
} rows[] = {
    {"lab", check_lab},         {"tools", check_tools},
    {"usb", check_usb},         {"serial", check_serial},
    {"watch", check_watch},     {"notify", check_notify},
    {"storage", check_storage}, {"store", check_store},
    {"clock", check_clock},     {"libraries", check_libraries},
    {"token", check_token},
};

const char *const finding_level_names[] = {"ok", "note", "warn", "bad"};

static char *line(const char *format, va_list args)
{
    char text[LINE_MAX_BYTES];

    vsnprintf(text, sizeof text, format, args);
    return text_clean_dup(text, sizeof text, 0);
}

void exam_tell(struct exam *exam, enum finding_level level, const char *format, ...)
{
    struct findings *findings = exam->findings;
    va_list args;

    va_start(args, format);
    findings->items = xrealloc(findings->items, findings->count + 1, sizeof *findings->items);
    findings->items[findings->count++] =
        (struct finding){.level = level, .check = exam->check, .what = line(format, args)};
    va_end(args);
}

void exam_mend(struct exam *exam, const char *format, ...)
{
    struct finding *last = &exam->findings->items[exam->findings->count - 1];
    va_list args;

    va_start(args, format);
    free(last->mend);
    last->mend = line(format, args);
    va_end(args);
}

void doctor_examine(const struct doctor_request *request, const struct ctx *ctx,
                    struct findings *ret)
{
    struct exam exam = {.request = request, .ctx = ctx, .findings = ret};
    struct inventory inventory;
    struct err lab_err = {0};
    int rc = inventory_open(request->lab, &inventory, &lab_err);

    *ret = (struct findings){0};
    exam.lab_err = &lab_err;
    exam.inventory = rc < 0 ? NULL : &inventory;
    for (size_t i = 0; i < ARRAY_SIZE(rows) && !ctx_cancelled(ctx); i++) {
        exam.check = rows[i].name;
        rows[i].run(&exam);
    }
    inventory_close(&inventory);
}

void findings_done(struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        free(findings->items[i].what);
        free(findings->items[i].mend);
    }
    free(findings->items);
    *findings = (struct findings){0};
}
