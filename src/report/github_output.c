/* SPDX-License-Identifier: MIT */
/* A step's outputs, for the steps and jobs after it. In the runner's file each is NAME<<END, the
 * value and END on lines of their own; nobody can guess END, so no value holds it. */
#include "report/report.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>

#define END_BYTES 16
#define OUTPUTS_BYTES_MAX (1 << 20)

static void add(struct buf *out, const char *end, const char *name, const char *value)
{
    buf_addf(out, "%s<<%s\n%s\n%s\n", name, end, value, end);
}

static void add_count(struct buf *out, const char *end, const char *name, size_t count)
{
    cleanup_free char *value = xasprintf("%zu", count);

    add(out, end, name, value);
}

static void add_file(struct buf *out, const char *end, const struct report_format *format,
                     const char *name, const char *out_dir)
{
    cleanup_free char *path = fs_join(out_dir, format->file);

    add(out, end, name, path);
}

int report_step_outputs(const struct run_result *run, const char *out_dir, const char *path,
                        struct err *err)
{
    cleanup_buf struct buf out = BUF_INIT(OUTPUTS_BYTES_MAX);
    cleanup_close int fd =
        path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666) : -1;
    struct test_counts counts = run_counts(run);
    unsigned char random[END_BYTES];
    char end[2 * END_BYTES + 1];

    if (!path)
        return 0;
    if (fd < 0)
        return err_sys(err, errno, "%s", path);
    randombytes_buf(random, sizeof random);
    hex_encode(random, sizeof random, end);
    buf_adds(&out, "\n"); /* an earlier command of the step may not have ended its line */
    add(&out, end, "verdict", verdict_name(run->verdict));
    add_count(&out, end, "tests", counts.total);
    add_count(&out, end, "failures", counts.fail);
    add_count(&out, end, "errors", counts.error);
    add_file(&out, end, &report_junit, "junit", out_dir);
    add_file(&out, end, &report_json, "report", out_dir);
    return fs_write_all(fd, out.data, out.size, path, err);
}
