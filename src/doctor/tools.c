/* SPDX-License-Identifier: MIT
 *
 * Which versions the flashing programs of lab.yaml's drivers are: asked with the one option that
 * touches no board.
 */
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "doctor/checks.h"

#include <string.h>

#define ANSWER_MS 10000 /* Python and .NET take their time, on a cold Raspberry Pi */
#define VERSION_MAX 32

/* Programs without such an option (JLinkExe, stm32flash) are not here. `after`: words that stand
 * before the version where it is not the first number. `least`: what hil's way of calling it needs,
 * and why. */
static const struct tool {
    const char *program, *option, *after, *least, *why, *mend;
} tools[] = {
    {"STM32_Programmer_CLI", "--version", "version", NULL, NULL, NULL},
    {"avrdude", "-?", "avrdude version", NULL, NULL, NULL},
    {"bossac", "-h", "Version", NULL, NULL, NULL},
    {"dfu-util", "--version", NULL, NULL, NULL, NULL},
    {"esptool", "version", NULL, NULL, NULL, NULL},
    {"esptool.py", "version", NULL, NULL, NULL, NULL},
    {"nrfutil", "--version", NULL, NULL, NULL, NULL},
    {"openocd", "--version", "Debugger", "0.12", "its `adapter serial` chooses the probe",
     "sudo apt install openocd, from Debian 12 or later; or openocd.org"},
    {"picotool", "version", NULL, "2.0", "its --ser chooses the board",
     "a release from github.com/raspberrypi/picotool"},
    {"probe-rs", "--version", NULL, NULL, NULL, NULL},
    {"pyocd", "--version", NULL, NULL, NULL, NULL},
    {"qemu-system-arm", "--version", NULL, NULL, NULL, NULL},
    {"st-flash", "--version", NULL, NULL, NULL, NULL},
    {"uhubctl", "-v", NULL, NULL, NULL, NULL},
};

static const struct tool *tool_of(const char *program)
{
    for (size_t i = 0; i < ARRAY_SIZE(tools); i++)
        if (str_eq(tools[i].program, fs_basename(program)))
            return &tools[i];
    return NULL;
}

/* The first "1.2" or longer in what it printed; "" where there is none. */
static void find_version(const char *text, const char *after, char ret[VERSION_MAX])
{
    const char *at = after ? strstr(text, after) : text;

    ret[0] = '\0';
    for (; at && *at; at++) {
        size_t whole = strspn(at, "0123456789"), length = strspn(at, "0123456789.");
        if (!whole)
            continue;
        while (length && at[length - 1] == '.')
            length--;
        if (length > whole && length < VERSION_MAX) {
            memcpy(ret, at, length);
            ret[length] = '\0';
            return;
        }
        at += whole - 1;
    }
}

static void ask(struct exam *exam, const struct tool *tool, const char *program, struct buf *told)
{
    const char *const argv[] = {program, tool->option, NULL};
    struct ctx ctx = ctx_narrow(exam->ctx, ANSWER_MS);
    struct proc_result result = {0};
    char version[VERSION_MAX];
    struct err err = {0};

    if (proc_run(&(struct proc_spec){.argv = argv}, &ctx, &result, &err) < 0) {
        exam_tell(exam, FINDING_WARN, "%s does not start: %s", program, err.message);
        return;
    }
    find_version(result.tail, tool->after, version);
    if (!version[0]) {
        exam_tell(exam, FINDING_NOTE, "%s does not tell its version", program);
    } else if (tool->least && strverscmp(version, tool->least) < 0) {
        exam_tell(exam, FINDING_WARN, "%s %s is older than %s: %s", program, version, tool->least,
                  tool->why);
        exam_mend(exam, "%s", tool->mend);
    } else {
        buf_addf(told, "%s%s %s", told->size ? ", " : "", program, version);
    }
}

void check_tools(struct exam *exam)
{
    const struct inventory *inventory = exam->inventory;
    cleanup_strv struct strv seen = {0};
    cleanup_buf struct buf told = BUF_INIT(4096);

    for (size_t b = 0; inventory && b < inventory->lab->count; b++) {
        cleanup_strv struct strv programs = {0}, hints = {0};
        board_programs(inventory->boards[b], &programs, &hints);
        for (size_t i = 0; i < programs.count; i++) {
            const struct tool *tool = tool_of(programs.items[i]);
            cleanup_free char *found = tool ? proc_find(programs.items[i]) : NULL;
            if (!found || strv_has(&seen, programs.items[i])) /* missing: the lab's check */
                continue;
            strv_add(&seen, programs.items[i]);
            ask(exam, tool, programs.items[i], &told);
        }
    }
    if (told.size)
        exam_tell(exam, FINDING_OK, "%s", told.data);
}
