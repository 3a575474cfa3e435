/* SPDX-License-Identifier: MIT
 *
 * hil: the command table, signals, and the exit code.
 */
#include "base/fs.h"
#include "base/str.h"
#include "cmd/cmd.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

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

static const struct opt_verb *find_verb(const char *name)
{
    for (size_t i = 0; verbs[i]; i++)
        if (!strcmp(verbs[i]->name, name))
            return verbs[i];
    return NULL;
}

static int unknown_verb(const char *name)
{
    const char *names[32];
    size_t count = 0;
    const char *near;

    while (count < ARRAY_SIZE(names) && verbs[count]) {
        names[count] = verbs[count]->name;
        count++;
    }
    near = str_nearest(name, names, count);
    fprintf(stderr, "hil: no such command: '%s'", name);
    if (near)
        fprintf(stderr, " (did you mean '%s'?)", near);
    fprintf(stderr, "\nTry: hil --help\n");
    return 2;
}

/* What packaging asks for: man pages and completion, made from the tables. */
static bool print_generated(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "--completion"))
        opt_print_completion(verbs, "hil", stdout);
    else if (argc == 2 && !strcmp(argv[1], "--man"))
        opt_print_man_main(verbs, "hil", HIL_VERSION, stdout);
    else if (argc == 3 && !strcmp(argv[1], "--man") && find_verb(argv[2]))
        opt_print_man(find_verb(argv[2]), "hil", HIL_VERSION, stdout);
    else
        return false;
    return true;
}

static int run_verb(const struct opt_verb *verb, const struct app *app, int argc, char **argv)
{
    int code = verb->run(app, argc, argv);

    if (fflush(stdout) == EOF && code == 0) {
        perror("hil: standard output");
        return 3;
    }
    return code;
}

int main(int argc, char **argv)
{
    struct app app = {.version = HIL_VERSION, .argc = argc, .argv = argv};
    const struct opt_verb *verb;

    open_standard_streams();
    setlocale(LC_CTYPE, "");
    app.cancel_fd = block_signals();
    if (!strcmp(fs_basename(argv[0]), "hil-run"))
        return run_verb(&verb_run, &app, argc, argv);
    if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
        (!strcmp(argv[1], "help") && argc == 2)) {
        opt_print_usage(verbs, "hil", HIL_VERSION, argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    if (!strcmp(argv[1], "--version")) {
        puts("hil " HIL_VERSION);
        return 0;
    }
    if (print_generated(argc, argv))
        return 0;
    if (!strcmp(argv[1], "help")) { /* hil help run: as hil run --help */
        char option[] = "--help";
        verb = find_verb(argv[2]);
        return verb ? run_verb(verb, &app, 2, (char *[]){argv[2], option, NULL})
                    : unknown_verb(argv[2]);
    }
    verb = find_verb(argv[1]);
    return verb ? run_verb(verb, &app, argc - 1, argv + 1) : unknown_verb(argv[1]);
}
