/* SPDX-License-Identifier: MIT */
#include "source/attest.h"

#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GRACE_MS 300

/* The last line that says something, clean. Caller frees. */
static char *last_words(const struct proc_result *result)
{
    cleanup_free char *text = text_clean_dup(result->tail, PROC_TAIL_MAX, 0);
    size_t end = strlen(text);
    char *line;

    while (end && strchr(" \t\r\n", text[end - 1]))
        text[--end] = '\0';
    line = strrchr(text, '\n');
    return text_clean_dup(line ? line + 1 : text, 300, TEXT_ONE_LINE);
}

/* For a GitHub of one's own; gh takes GH_ENTERPRISE_TOKEN there. */
static const char *server_host(void)
{
    const char *url = getenv("GITHUB_SERVER_URL");
    const char *host = url ? strstr(url, "://") : NULL;

    return host && host[3] ? host + 3 : "github.com";
}

static int judge(const struct proc_result *result, const char *name, const char *repo,
                 struct err *err)
{
    cleanup_free char *words = last_words(result);

    if (result->exit_code == 0)
        return 0;
    if (strstr(result->tail, "unknown command"))
        return err_set(err, ERR_TOOL, "attestation: this gh is too old; 2.49 or newer is needed");
    return err_set(err, ERR_REFUSED, "%s: no attestation of %s holds for it: gh: %s", name, repo,
                   *words ? words : "no reason given");
}

int attest_file(const struct attest *attest, const char *name, const char *path, struct err *err)
{
    const char *argv[] = {"gh", "attestation", "verify", path, "-R", attest->repo, NULL};
    const char *host = server_host();
    bool own = strcmp(host, "github.com") != 0;
    cleanup_free char *host_env = xasprintf("GH_HOST=%s", host);
    char *token_env =
        attest->token ? xasprintf("%s=%s", own ? "GH_ENTERPRISE_TOKEN" : "GH_TOKEN", attest->token)
                      : NULL;
    const char *env[] = {"GH_PROMPT_DISABLED=1", "NO_COLOR=1", host_env, token_env, NULL};
    struct proc_result result = {0};
    cleanup_free char *absolute = realpath(path, NULL);
    int rc;

    if (absolute && !str_starts(path, "/proc/"))
        argv[3] = absolute; /* a name must not pass for an option */
    rc = proc_run(&(struct proc_spec){.argv = argv,
                                      .env = env,
                                      .hint = "install GitHub's CLI (gh) 2.49 or newer",
                                      .grace_ms = GRACE_MS},
                  attest->ctx, &result, err);
    if (token_env)
        explicit_bzero(token_env, strlen(token_env));
    free(token_env);
    return rc < 0 ? err_wrap(err, "attestation") : judge(&result, name, attest->repo, err);
}

/* Without a name: it goes with its last descriptor, and gh reads it through ours. */
static int nameless_file(struct err *err)
{
    const char *dir = getenv("RUNNER_TEMP");
    int fd;

    if (!dir || !*dir)
        dir = getenv("TMPDIR");
    if (!dir || !*dir)
        dir = "/tmp";
    fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd >= 0 ? fd : err_sys(err, errno, "%s: temporary file", dir);
}

int attest_bytes(const struct attest *attest, const char *name, const void *bytes, size_t count,
                 struct err *err)
{
    cleanup_close int fd = nameless_file(err);
    cleanup_free char *path = xasprintf("/proc/%d/fd/%d", (int)getpid(), fd);
    int rc = fd < 0 ? fd : fs_write_all(fd, bytes, count, "temporary file", err);

    return rc < 0 ? rc : attest_file(attest, name, path, err);
}
