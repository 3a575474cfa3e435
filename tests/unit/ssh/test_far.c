/* SPDX-License-Identifier: MIT
 *
 * The script that runs a program on a server, in the shells that there are: "ssh" is a line of sh
 * that hands the other host's line to a login shell here, in a session of its own, which no signal
 * to "ssh" reaches.
 */
#include "ssh/far.h"

#include "base/fs.h"
#include "base/str.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const hostile[] = {"$(touch here)",
                                      "`touch here`",
                                      "; touch here",
                                      "a\nb\n",
                                      "'\"'\"",
                                      "-n",
                                      "\\n\\0101%s%d",
                                      "*",
                                      "",
                                      " two  blanks ",
                                      "\xff\xfe\x01",
                                      "!history",
                                      "--",
                                      "&& touch here",
                                      "|touch here\r"};

struct fixture {
    char *dir;
    struct server_conf server;
    struct strv hosts;
};

/* `login` reads the line; `bin` stands first in the PATH. */
static struct fixture fixture(const char *login)
{
    struct fixture f = {0};

    signal(SIGPIPE, SIG_IGN);
    unsetenv("TMPDIR");
    cr_assert_eq(fs_temp_dir(&f.dir, NULL), 0);
    setenv("HOME", f.dir, 1);
    setenv("TMPDIR", f.dir, 1);
    f.server = (struct server_conf){.name = "pi3"};
    strv_add(&f.server.hosts, "pi3.local");
    strv_add(&f.server.ssh, "sh");
    strv_add(&f.server.ssh, "-c");
    strv_add_owned(&f.server.ssh,
                   xasprintf("for line; do :; done; /usr/bin/setsid -w %s -c \"$line\"", login));
    strv_add(&f.server.ssh, "ssh");
    return f;
}

static void fixture_done(struct fixture *f)
{
    strv_done(&f->server.hosts);
    strv_done(&f->server.ssh);
    fs_remove_tree(f->dir);
    free(f->dir);
}

static void collect(void *arg, const char *bytes, size_t count)
{
    buf_add(arg, bytes, count);
}

static int run(struct fixture *f, const char *const *argv, const struct far_file *files,
               size_t count, const struct ctx *ctx, struct buf *out, struct proc_result *result,
               struct err *err)
{
    return far_run(&f->server,
                   &(struct proc_spec){.argv = argv, .output = collect, .output_arg = out}, files,
                   count, ctx, result, err);
}

static const char *const shells[] = {"dash", "bash", "bash --posix", "busybox sh", "zsh",
                                     "mksh", "fish", "csh",          "tcsh"};

static bool is_there(const char *shell)
{
    cleanup_free char *name = xstrndup(shell, strcspn(shell, " "));
    cleanup_free char *found = proc_find(name);

    return found;
}

Test(far, words_arrive_as_they_are_whatever_the_login_shell)
{
    size_t tried = 0;

    for (size_t s = 0; s < ARRAY_SIZE(shells); s++) {
        struct ctx ctx = ctx_narrow(&(struct ctx){CTX_NEVER, -1, NULL}, 30000);
        cleanup_buf struct buf out = BUF_INIT(65536), want = BUF_INIT(65536);
        const char *argv[ARRAY_SIZE(hostile) + 3] = {"printf", "<%s>"};
        struct proc_result result;
        struct err err = {0};
        struct fixture f;
        if (!is_there(shells[s]))
            continue;
        tried++;
        f = fixture(shells[s]);
        for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
            argv[i + 2] = hostile[i];
            buf_addf(&want, "<%s>", hostile[i]);
        }
        cr_expect_eq(run(&f, argv, NULL, 0, &ctx, &out, &result, &err), 0, "%s: %s", shells[s],
                     err.message);
        cr_expect_str_eq(out.data, want.data, "%s", shells[s]);
        cleanup_free char *made = fs_join(f.dir, "here");
        cr_expect_not(fs_exists(made), "%s ran something", shells[s]);
        fixture_done(&f);
    }
    cr_expect_geq(tried, 2);
}

static size_t entries(const char *dir)
{
    DIR *stream = opendir(dir);
    size_t count = 0;

    while (readdir(stream))
        count++;
    closedir(stream);
    return count - 2;
}

/* busybox's own tools, as on a small host: its head reads more than it is asked for. */
static void use_busybox(const struct fixture *f)
{
    cleanup_free char *bin = fs_join(f->dir, "bin");
    cleanup_free char *command =
        xasprintf("mkdir '%s' && busybox --install -s '%s' 2>/dev/null; ls '%s'/sh >/dev/null", bin,
                  bin, bin);

    cr_assert_eq(system(command), 0); // NOLINT(cert-env33-c): a test's own words
    cleanup_free char *path = xasprintf("%s:%s", bin, getenv("PATH"));
    setenv("PATH", path, 1);
}

static void files_arrive(struct fixture *f, size_t left_over)
{
    struct ctx ctx = ctx_narrow(&(struct ctx){CTX_NEVER, -1, NULL}, 30000);
    static char bytes[300001];
    cleanup_free char *big = fs_join(f->dir, "$(touch here)\n.elf"),
                      *none = fs_join(f->dir, "none");
    const struct far_file files[] = {
        {"firmware-1.bin", big}, {"firmware-2.bin", none}, {"firmware-3.bin", big}};
    static const char *const argv[] = {
        "sh", "-c", "pwd; cat firmware-1.bin firmware-2.bin firmware-3.bin | cksum", NULL};
    cleanup_buf struct buf out = BUF_INIT(65536);
    cleanup_free char *want = NULL;
    struct proc_result result;
    struct err err = {0};
    FILE *pipe;
    char sum[64] = "";

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    cr_assert_eq(fs_write(big, bytes, sizeof bytes, NULL), 0);
    cr_assert_eq(fs_write(none, "", 0, NULL), 0);
    cr_expect_eq(run(f, argv, files, 3, &ctx, &out, &result, &err), 0, "%s", err.message);
    cr_expect_eq(result.exit_code, 0, "%s", result.tail);
    want = xasprintf("cat '%s' '%s' | cksum", big, big);
    pipe = popen(want, "r");
    cr_assert(fgets(sum, sizeof sum, pipe));
    pclose(pipe);
    cr_expect(strstr(out.data, sum), "%s is not in %s", sum, out.data);
    cr_expect_eq(entries(f->dir), 2 + left_over, "its directory is gone");
}

Test(far, files_arrive_and_go)
{
    struct fixture f = fixture("sh");

    files_arrive(&f, 0);
    fixture_done(&f);
}

Test(far, files_arrive_where_there_is_busybox_alone)
{
    struct fixture f = fixture("sh");

    if (is_there("busybox")) {
        use_busybox(&f);
        files_arrive(&f, 1);
    }
    fixture_done(&f);
}

Test(far, exit_codes_and_what_a_login_shell_prints)
{
    struct fixture f = fixture("sh -c 'echo noise; printf noise; echo more >&2; exec sh \"$@\"' x");
    struct ctx ctx = ctx_narrow(&(struct ctx){CTX_NEVER, -1, NULL}, 30000);
    static const char *const fails[] = {"sh", "-c", "echo out; echo err >&2; exit 7", NULL};
    static const char *const gone[] = {"$(no such)", NULL};
    cleanup_buf struct buf out = BUF_INIT(65536);
    struct proc_result result;
    struct err err = {0};

    cr_expect_eq(run(&f, fails, NULL, 0, &ctx, &out, &result, &err), 0, "%s", err.message);
    cr_expect_eq(result.exit_code, 7);
    cr_expect_str_eq(out.data, "out\nerr\n");
    cr_expect_str_eq(result.tail, "out\nerr\n");
    cr_expect_eq(run(&f, gone, NULL, 0, &ctx, &out, &result, &err), -ERR_TOOL);
    cr_expect(
        str_starts(err.message, "server pi3: pi3.local: $(no such) cannot be started there: "),
        "%s", err.message);
    fixture_done(&f);
}

Test(far, home_is_where_it_runs_and_what_a_tilde_means)
{
    struct fixture f = fixture("sh");
    struct ctx ctx = ctx_narrow(&(struct ctx){CTX_NEVER, -1, NULL}, 30000);
    static const char *const argv[] = {"printf", "%s ", "~/hub.py", "~", "a~/b", NULL};
    static const char *const where[] = {"pwd", NULL};
    cleanup_free char *want = xasprintf("%s/hub.py ~ a~/b ", f.dir);
    cleanup_buf struct buf out = BUF_INIT(65536);
    struct proc_result result;
    struct err err = {0};

    cr_expect_eq(run(&f, argv, NULL, 0, &ctx, &out, &result, &err), 0, "%s", err.message);
    cr_expect_str_eq(out.data, want);
    buf_clear(&out);
    cr_expect_eq(run(&f, where, NULL, 0, &ctx, &out, &result, &err), 0, "%s", err.message);
    cr_expect(str_starts(out.data, f.dir), "%s", out.data);
    fixture_done(&f);
}

/* Soon, where timeout had not yet noted whom it is to end. */
static bool is_gone(int pid)
{
    struct ctx wait = ctx_narrow(&(struct ctx){CTX_NEVER, -1, NULL}, 5000);
    cleanup_free char *path = xasprintf("/proc/%d/stat", pid);

    for (;;) {
        cleanup_buf struct buf stat = BUF_INIT(4096);
        if (fs_read(path, &stat, NULL) < 0 || strstr(stat.data, ") Z "))
            return true;
        if (ctx_sleep(&wait, 5, NULL) < 0)
            return false;
    }
}

struct canceller {
    int fd;
    struct buf pid;
};

/* From within: the program says that it runs, and that is when the run is cancelled. */
static void cancel(void *arg, const char *bytes, size_t count)
{
    struct canceller *canceller = arg;

    buf_add(&canceller->pid, bytes, count);
    cr_expect_eq(write(canceller->fd, &(uint64_t){1}, sizeof(uint64_t)), sizeof(uint64_t));
}

Test(far, a_cancel_ends_the_program_and_removes_its_directory)
{
    struct fixture f = fixture("sh");
    struct canceller canceller = {eventfd(0, EFD_CLOEXEC), BUF_INIT(64)};
    struct ctx root = ctx_root(canceller.fd, NULL), ctx = ctx_narrow(&root, 30000);
    static const char *const argv[] = {"sh", "-c", "echo $$; exec sleep 60", NULL};
    cleanup_free char *file = fs_join(f.dir, "image");
    const struct far_file one = {"firmware.bin", file};
    struct proc_result result;
    struct err err = {0};

    cr_assert_eq(fs_write(file, "abc", 3, NULL), 0);
    cr_expect_eq(
        far_run(&f.server,
                &(struct proc_spec){.argv = argv, .output = cancel, .output_arg = &canceller}, &one,
                1, &ctx, &result, &err),
        -ERR_CANCELLED, "%s", err.message);
    cr_expect_gt(atoi(canceller.pid.data), 1);
    cr_expect(is_gone(atoi(canceller.pid.data)), "it runs on");
    cr_expect_eq(entries(f.dir), 1, "its directory is gone");
    buf_done(&canceller.pid);
    close(canceller.fd);
    fixture_done(&f);
}

Test(far, half_a_file_runs_nothing)
{
    /* The connection ends within the file's bytes. */
    struct fixture f = fixture("sh -c 'head -c 2000 | sh \"$@\"' x");
    struct ctx ctx = ctx_narrow(&(struct ctx){CTX_NEVER, -1, NULL}, 30000);
    static char bytes[300001];
    cleanup_free char *file = fs_join(f.dir, "image"), *left = fs_join(f.dir, "left");
    const char *const argv[] = {"touch", left, NULL};
    const struct far_file one = {"firmware.bin", file};
    cleanup_buf struct buf out = BUF_INIT(65536);
    struct proc_result result;
    struct err err = {0};

    cr_assert_eq(fs_write(file, bytes, sizeof bytes, NULL), 0);
    cr_expect_eq(run(&f, argv, &one, 1, &ctx, &out, &result, &err), -ERR_TOOL, "%s", err.message);
    cr_expect_not(fs_exists(left));
    cr_expect_eq(entries(f.dir), 1, "its directory is gone");
    fixture_done(&f);
}

Test(far, no_host_answers)
{
    struct fixture f = fixture("sh -c 'echo \"ssh: connect to host pi3.local port 22: Connection "
                               "refused\" >&2; exit 255'");
    struct ctx ctx = ctx_narrow(&(struct ctx){CTX_NEVER, -1, NULL}, 30000);
    static const char *const argv[] = {"true", NULL};
    cleanup_buf struct buf out = BUF_INIT(65536);
    struct proc_result result;
    struct err err = {0};

    cr_expect_eq(run(&f, argv, NULL, 0, &ctx, &out, &result, &err), -ERR_GONE);
    cr_expect(str_starts(err.message, "server pi3: pi3.local: no ssh server answers there"), "%s",
              err.message);
    fixture_done(&f);
}
