/* SPDX-License-Identifier: MIT
 *
 * The lab's file, and the programs that its drivers run.
 */
#include "base/buf.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "doctor/checks.h"

static const struct { /* Debian's package of a program that a `cmd` runs */
    const char *program, *package;
} packages[] = {
    {"arm-none-eabi-gdb", "gdb-multiarch"},
    {"avrdude", "avrdude"},
    {"dfu-util", "dfu-util"},
    {"gdb-multiarch", "gdb-multiarch"},
    {"gpioset", "gpiod"},
    {"openocd", "openocd"},
    {"qemu-system-arm", "qemu-system-arm"},
    {"st-flash", "stlink-tools"},
    {"st-info", "stlink-tools"},
    {"st-util", "stlink-tools"},
    {"stm32flash", "stm32flash"},
    {"uhubctl", "uhubctl"},
};

/* `hint`: the driver's; may be empty. */
static void tell_missing(struct exam *exam, const char *program, const char *hint,
                         const char *board)
{
    const char *package = NULL;

    exam_tell(exam, FINDING_BAD, "'%s', which board %s needs, is not installed", program, board);
    for (size_t i = 0; i < ARRAY_SIZE(packages); i++)
        if (str_eq(packages[i].program, program))
            package = packages[i].package;
    if (program[0] == '/')
        exam_mend(exam, "install it there, or correct lab.yaml");
    else if (*hint)
        exam_mend(exam, "%s", hint);
    else if (package)
        exam_mend(exam, "sudo apt install %s", package);
    else
        exam_mend(exam, "install it and put it on the PATH, or correct lab.yaml");
}

static void look_at_programs(struct exam *exam, const struct inventory *inventory)
{
    cleanup_strv struct strv seen = {0};
    cleanup_buf struct buf joined = BUF_INIT(4096);
    size_t missing = 0;

    for (size_t b = 0; b < inventory->lab->count; b++) {
        cleanup_strv struct strv programs = {0}, hints = {0};
        board_programs(inventory->boards[b], &programs, &hints);
        for (size_t i = 0; i < programs.count; i++) {
            if (strv_has(&seen, programs.items[i]))
                continue;
            buf_addf(&joined, "%s%s", seen.count ? ", " : "", programs.items[i]);
            strv_add(&seen, programs.items[i]);
            cleanup_free char *found = proc_find(programs.items[i]);
            if (found)
                continue;
            tell_missing(exam, programs.items[i], hints.items[i], inventory->lab->boards[b].name);
            missing++;
        }
    }
    if (seen.count && !missing)
        exam_tell(exam, FINDING_OK, "its drivers find their program%s: %s",
                  seen.count == 1 ? "" : "s", joined.data);
}

/* What health checks flash. */
static void look_at_health(struct exam *exam, const struct lab *lab)
{
    for (size_t i = 0; i < lab->count; i++) {
        const char *firmware = lab->boards[i].health.firmware;
        cleanup_free char *dir = fs_dirname(lab->file);
        cleanup_free char *path = firmware ? fs_join(dir, firmware) : NULL;
        if (!path || fs_exists(path))
            continue;
        exam_tell(exam, FINDING_BAD, "%s: the firmware of its health check is not there: %s",
                  lab->boards[i].name, path);
        exam_mend(exam, "put it there, or correct health: {firmware: ...} in %s", lab->file);
    }
}

void check_lab(struct exam *exam)
{
    const struct lab *lab = exam->inventory ? exam->inventory->lab : NULL;

    if (!lab) {
        exam_tell(exam, FINDING_BAD, "%s", exam->lab_err->message);
        exam_mend(exam, "correct it: `hil boards --help` shows a lab.yaml, `hil drivers` what can "
                        "stand in it");
        return;
    }
    exam_tell(exam, FINDING_OK, "%s: %zu board%s in %s", lab->name, lab->count,
              lab->count == 1 ? "" : "s", lab->file);
    look_at_programs(exam, exam->inventory);
    look_at_health(exam, lab);
}
