/* SPDX-License-Identifier: MIT
 *
 * hil: the command table, signals, and the exit code.
 */
#include "base/fs.h"
#include "base/str.h"
#include "cmd/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define DESCRIPTORS 8192

/* The signals that end a run are blocked in every thread and wait in a descriptor: nobody reads it
 * before the end, so it stays readable, and whatever waits for it knows that it is time to stop. */
static int block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN); /* a reader that went away is a write error, not an end */
    signal(SIGCHLD, SIG_DFL); /* inherited as ignored, it would lose exit codes */
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* A file opened as descriptor 0, 1 or 2 would be written to by whoever prints. */
static void open_standard_streams(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* A board takes about a dozen descriptors, and a lab may have hundreds of boards. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* What can stand in a verb's place. */
static const char *const flags[] = {"help", "--help", "--version", "--man", "--completion"};

static const struct opt_verb *find_verb(const char *name)
{
    for (size_t i = 0; verbs[i]; i++)
        if (!strcmp(verbs[i]->name, name))
            return verbs[i];
    return NULL;
}

static int fail(const struct err *err)
{
    fprintf(stderr, "hil: %s\nTry: hil --help\n", err->message);
    return err_exit_code(err->code);
}

static int unknown_verb(const char *name)
{
    cleanup_strv struct strv names = {0};
    struct err err;

    for (size_t i = 0; verbs[i]; i++)
        strv_add(&names, verbs[i]->name);
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
        strv_add(&names, flags[i]);
    err_set(&err, ERR_USAGE, "no such %s: '%.80s'", *name == '-' ? "option" : "command", name);
    str_hint_nearest(name, (const char *const *)names.items, names.count, NULL, &err);
    return fail(&err);
}

/* What packaging asks for: man pages and completion, made from the tables. */
static int print_generated(int argc, char **argv)
{
    bool man = !strcmp(argv[1], "--man");
    struct err err;

    if (argc > 3) {
        err_set(&err, ERR_USAGE, "'%.80s': %s takes one word", argv[3], argv[1]);
        return fail(&err);
    }
    if (man && argc == 2) {
        opt_print_man_main(verbs, "hil", HIL_VERSION, stdout);
    } else if (man) {
        if (!find_verb(argv[2]))
            return unknown_verb(argv[2]);
        opt_print_man(find_verb(argv[2]), "hil", HIL_VERSION, stdout);
    } else {
        if (argc == 3 && strcmp(argv[2], "bash") != 0) {
            err_set(&err, ERR_USAGE,
                    "--completion: there is none for '%.80s', only for bash; zsh reads that, too, "
                    "after: autoload -U bashcompinit && bashcompinit",
                    argv[2]);
            return fail(&err);
        }
        opt_print_completion(verbs, "hil", stdout);
    }
    return 0;
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
    return !strcmp(word, a) || !strcmp(word, b);
}

/* Everything that `hil WORD ...` can mean; the exit code. */
static int dispatch(const struct app *app, int argc, char **argv)
{
    char help[] = "--help";
    bool asks_help = argc >= 2 && !strcmp(argv[1], "help");
    const struct opt_verb *verb;

    if (!strcmp(fs_basename(argv[0]), "hil-run"))
        return verb_run.run(app, argc, argv);
    if (argc < 2) {
        opt_print_usage(verbs, "hil", HIL_VERSION, stderr);
        return 2;
    }
    if (is_one_of(argv[1], "--help", "-h") || (asks_help && argc == 2)) {
        opt_print_usage(verbs, "hil", HIL_VERSION, stdout);
        return 0;
    }
    if (!strcmp(argv[1], "--version")) {
        puts("hil " HIL_VERSION);
        return 0;
    }
    if (is_one_of(argv[1], "--man", "--completion"))
        return print_generated(argc, argv);
    verb = find_verb(argv[asks_help ? 2 : 1]);
    if (!verb)
        return unknown_verb(argv[asks_help ? 2 : 1]);
    if (asks_help) /* hil help run: as hil run --help */
        return verb->run(app, 2, (char *[]){argv[2], help, NULL});
    return verb->run(app, argc - 1, argv + 1);
}

/* What was printed is part of what was asked for. */
static int close_output(int code)
{
    bool failed = fflush(stdout) == EOF;
    struct pollfd reader = {.fd = STDOUT_FILENO};

    if (code != 0 || !(failed || ferror(stdout)))
        return code;
    if (poll(&reader, 1, 0) == 1 && reader.revents & POLLERR)
        return code; /* who reads it has seen enough, as head does */
    fprintf(stderr, "hil: standard output: %s\n",
            failed ? strerror(errno) : "could not be written");
    return 3;
}

int main(int argc, char **argv)
{
    struct app app = {.version = HIL_VERSION, .argc = argc, .argv = argv};

    open_standard_streams();
    raise_descriptor_limit();
    setlocale(LC_CTYPE, "");
    app.cancel_fd = block_signals();
    return close_output(dispatch(&app, argc, argv));
}
