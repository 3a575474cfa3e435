/* SPDX-License-Identifier: MIT */
#include "base/opt.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct opt_row run_rows[] = {
    {"board", 'b', "LABEL|NAME", "Use a board with this label or name. May be given several times.",
     "Boards"},
    {"lab", 0, "FILE", "Read the lab from FILE instead of the one that is found.", NULL},
    {"format", 'f', "auto|unity|tap", "How the firmware prints its results; 'auto' looks for it.",
     "Results"},
    {"out", 'o', "DIR", "Write the run directory here.", NULL},
    {"verdict", 0, "pass|fail|infra[,...]", "Only these.", NULL},
    {"since", 0, "today|TIME", "Only what is newer.", NULL},
    {"require-at-least-so-many", 0, "NUMBER", "Fail where fewer tests ran.", NULL},
    {"json", 0, NULL, "Print the result as JSON.", NULL},
    {"verbose", 'v', NULL, "Say more; twice, say all.", NULL},
    {0},
};
static const char *const run_examples[] = {
    "Flash and test one image on any board with the label:",
    "hil run -b nucleo-f446re build/fw.elf",
    "Keep going where 'fw.elf' is -not- there:",
    "hil run --out=.hil 'build/*.elf' \\\n    --json",
    NULL,
};
static const char *const run_see_also[] = {"replay", "boards", NULL};
static const struct opt_verb run_verb = {
    .name = "run",
    .operands = "FIRMWARE...",
    .summary = "flash firmware to boards and judge what it prints",
    .description =
        "Each FIRMWARE is flashed to a free board, its console is read until the tests have\n"
        "ended, and the results are written as reports.\n"
        "\n"
        "'.' at a line's start, a \\ and a -- are kept as they are:\n"
        "\n"
        "  .hil/   one line\n"
        "  'quoted' \\n\n"
        "\n"
        ".last paragraph in gr\xC3\xBC\xC3\x9F.",
    .rows = run_rows,
    .fails = "fail: the firmware is to blame",
    .examples = run_examples,
    .see_also = run_see_also,
};

static const struct opt_row power_rows[] = {
    {"help", 0, NULL, "An own word for help.", NULL},
    {"hard", 'h', NULL, "Takes the letter that help would have.", NULL},
    {0},
};
static const struct opt_verb power_verb = {
    .name = "power",
    .operands = "BOARD on|off|cycle|status",
    .summary = "switch a board's supply",
    .rows = power_rows,
};
static const struct opt_verb flash_verb = {
    .name = "flash", .operands = "BOARD=FIRMWARE...", .summary = "flash only"};
static const struct opt_verb bare_verb = {
    .operands = "[DRIVER]", .name = "doctor", .summary = "look what is wrong"};
static const struct opt_verb *const all_verbs[] = {&run_verb, &power_verb, &flash_verb, &bare_verb,
                                                   NULL};

/* ---- parsing ------------------------------------------------------------------------------- */

/* What take() was told, as "board=x json " */
static int note(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    (void)err;
    buf_addf(arg, "%s%s%s ", row->name, value ? "=" : "", value ? value : "");
    return 0;
}

struct outcome {
    int rc, first, help;
    struct err err;
    struct buf said;
};

static void outcome_done(struct outcome *outcome)
{
    buf_done(&outcome->said);
}
#define cleanup_outcome __attribute__((cleanup(outcome_done)))

static struct outcome parse(const struct opt_verb *verb, const char *line)
{
    struct outcome outcome = {.said = BUF_INIT(1000)};
    cleanup_strv struct strv words = {0};

    strv_add(&words, "hil");
    strv_split(&words, line, ' ');
    outcome.rc = opt_parse(verb, (int)words.count, words.items, note, &outcome.said, &outcome.first,
                           &outcome.help, &outcome.err);
    for (size_t i = (size_t)outcome.first; outcome.rc == 0 && i < words.count; i++)
        buf_addf(&outcome.said, "[%s]", words.items[i]);
    return outcome;
}

static void expect(const struct opt_verb *verb, const char *line, const char *said,
                   const char *message)
{
    cleanup_outcome struct outcome outcome = parse(verb, line);

    cr_assert_eq(outcome.rc, message ? -ERR_USAGE : 0, "%s: %d", line, outcome.rc);
    cr_assert_str_eq(message ? outcome.err.message : outcome.said.data, message ? message : said);
}

Test(opt, takes_options_wherever_they_stand)
{
    expect(&run_verb, "", "", NULL);
    expect(&run_verb, "fw.elf", "[fw.elf]", NULL);
    expect(&run_verb, "-b a fw.elf --board b --board=c x", "board=a board=b board=c [fw.elf][x]",
           NULL);
    expect(&run_verb, "-ba -vvv -vf tap", "board=a verbose verbose verbose verbose format=tap ",
           NULL);
    expect(&run_verb, "--out=a=b --json", "out=a=b json ", NULL);
    expect(&run_verb, "-o -b x", "out=-b [x]", NULL);
    expect(&run_verb, "--json -- --out -b", "json [--out][-b]", NULL);
    expect(&run_verb, "- --json", "json [-]", NULL);
    expect(&run_verb, "--verb", "verbose ", NULL);
    expect(&run_verb, "--out= x", "out= [x]", NULL);
    expect(&bare_verb, "a b", "[a][b]", NULL);
}

Test(opt, refuses_with_words_that_help)
{
    expect(&run_verb, "--bord x", NULL, "unknown option '--bord'; did you mean '--board'?");
    expect(&run_verb, "--fromat=tap", NULL, "unknown option '--fromat'; did you mean '--format'?");
    expect(&run_verb, "--hepl", NULL, "unknown option '--hepl'; did you mean '--help'?");
    expect(&run_verb, "a --zebra b", NULL, "unknown option '--zebra'; --help lists them");
    expect(&run_verb, "-z", NULL, "unknown option '-z'; --help lists them");
    expect(&run_verb, "-vz", NULL, "unknown option '-z'; --help lists them");
    expect(&run_verb, "-json", NULL, "unknown option '-json'; did you mean '--json'?");
    expect(&run_verb, "-\xFF", NULL, "unknown option '-\\xff'; --help lists them");
    expect(&run_verb, "--lab", NULL, "option '--lab' needs a value: FILE");
    expect(&run_verb, "-vo", NULL, "option '-o' needs a value: DIR");
    expect(&run_verb, "--json=1", NULL, "option '--json' takes no value");
    expect(&run_verb, "--help=1", NULL, "option '--help' takes no value");
    expect(&bare_verb, "--x", NULL, "unknown option '--x'; --help lists them");
}

Test(opt, a_closed_set_is_held_to)
{
    expect(&run_verb, "--format tap -f auto", "format=tap format=auto ", NULL);
    expect(&run_verb, "--format tpa", NULL,
           "--format: 'tpa' is none of auto, unity, tap (did you mean 'tap'?)");
    expect(&run_verb, "-f zebra", NULL, "--format: 'zebra' is none of auto, unity, tap");
    expect(&run_verb, "--format=", NULL, "--format: '' is none of auto, unity, tap");
    expect(&run_verb, "--format auto|unity", NULL,
           "--format: 'auto|unity' is none of auto, unity, tap");
    expect(&run_verb, "--verdict pass,infra", "verdict=pass,infra ", NULL);
    expect(&run_verb, "--verdict pass,green", NULL,
           "--verdict: 'green' is none of pass, fail, infra");
    expect(&run_verb, "--verdict=", NULL, "--verdict: '' is none of pass, fail, infra");
    expect(&run_verb, "--since yesterday", "since=yesterday ", NULL);
    expect(&run_verb, "--board a|b", "board=a|b ", NULL);
}

Test(opt, a_word_is_chosen_by_its_place)
{
    struct err err = {0};

    cr_assert_eq(opt_choose("on|off|cycle", "on", NULL, &err), 0);
    cr_assert_eq(opt_choose("on|off|cycle", "cycle", NULL, &err), 2);
    cr_assert_eq(opt_choose("on|off|cycle", "cylce", "what", &err), -ERR_USAGE);
    cr_assert_str_eq(err.message,
                     "what: 'cylce' is none of on, off, cycle (did you mean 'cycle'?)");
    cr_assert_lt(opt_choose("on|off", "", NULL, NULL), 0);
}

Test(opt, a_beginning_that_fits_two_options_names_both)
{
    static const struct opt_row rows[] = {
        {"report", 0, NULL, "", NULL}, {"repeat", 0, "N", "", NULL}, {0}};
    static const struct opt_verb verb = {.name = "x", .summary = "x", .rows = rows};

    expect(&verb, "--rep", NULL, "option '--rep' may be '--report' or '--repeat'");
    expect(&verb, "--repo", "report ", NULL);
}

Test(opt, help_stops_the_parse)
{
    cleanup_outcome struct outcome one = parse(&run_verb, "--json -h --zebra");
    cleanup_outcome struct outcome two = parse(&bare_verb, "x --help");
    cleanup_outcome struct outcome none = parse(&bare_verb, "x -- --help");

    cr_assert_eq(one.rc, 0);
    cr_assert_eq(one.help, 1);
    cr_assert_eq(two.help, 1);
    cr_assert_eq(none.help, 0);
}

Test(opt, a_verb_may_have_its_own_help_and_h)
{
    expect(&power_verb, "-h --help", "hard help ", NULL);
}

static int refuse(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    (void)arg;
    return err_set(err, ERR_CONFIG, "--%s: %s: no", row->name, value);
}

Test(opt, an_error_of_take_is_handed_on)
{
    char program[] = "hil", option[] = "--lab", value[] = "x";
    char *argv[] = {program, option, value, NULL};
    int first, help;
    struct err err;

    cr_assert_eq(opt_parse(&run_verb, 3, argv, refuse, NULL, &first, &help, &err), -ERR_CONFIG);
    cr_assert_str_eq(err.message, "--lab: x: no");
}

#define MAX_ARGS 8

/* ---- pages --------------------------------------------------------------------------------- */

enum page { HELP_80, HELP_44, HELP_BARE, USAGE, MAN, MAN_BARE, MAN_MAIN, COMPLETION };

static char *print(enum page page)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    setlocale(LC_CTYPE, "C.UTF-8");
    switch (page) {
    case HELP_80:
    case HELP_44:
        opt_print_help(&run_verb, "hil", out, page == HELP_80 ? 80 : 44);
        break;
    case HELP_BARE:
        opt_print_help(&bare_verb, "hil", out, -1);
        break;
    case USAGE:
        opt_print_usage(all_verbs, "hil", "1.2.3", out);
        break;
    case MAN:
        opt_print_man(&run_verb, "hil", "1.2.3", out);
        break;
    case MAN_BARE:
        opt_print_man(&bare_verb, "hil", "1.2.3", out);
        break;
    case MAN_MAIN:
        opt_print_man_main(all_verbs, "hil", "1.2.3", out);
        break;
    case COMPLETION:
        opt_print_completion(all_verbs, "hil", out);
        break;
    }
    fclose(out);
    return text;
}

static void expect_golden(enum page page, const char *name)
{
    cleanup_free char *path = xasprintf("%s/base/opt/%s", HIL_TEST_DATA, name);
    cleanup_free char *text = print(page);
    cleanup_buf struct buf golden = BUF_INIT(1 << 20);
    struct err err;

    if (getenv("HIL_TEST_WRITE_GOLDEN"))
        cr_assert_eq(fs_write(path, text, strlen(text), &err), 0, "%s", err.message);
    cr_assert_eq(fs_read(path, &golden, &err), 0, "%s", err.message);
    cr_assert_str_eq(text, golden.data);
}

Test(opt, help_is_as_designed)
{
    expect_golden(HELP_80, "help-80.txt");
    expect_golden(HELP_44, "help-44.txt");
    expect_golden(HELP_BARE, "help-bare.txt");
}

Test(opt, usage_lists_the_verbs)
{
    expect_golden(USAGE, "usage.txt");
}

Test(opt, man_pages_are_as_designed)
{
    expect_golden(MAN, "hil-run.1");
    expect_golden(MAN_BARE, "hil-doctor.1");
    expect_golden(MAN_MAIN, "hil.1");
}

Test(opt, no_line_of_help_is_wider_than_asked)
{
    for (int width = 40; width < 120; width++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        opt_print_help(&run_verb, "hil", out, width);
        fclose(out);
        cleanup_strv struct strv lines = {0};
        strv_split(&lines, text, '\n');
        for (size_t i = 0; i < lines.count && !str_eq(lines.items[i], "Examples:"); i++)
            cr_assert_leq(strlen(lines.items[i]), (size_t)width + 2, "%d: %s", width,
                          lines.items[i]);
        for (size_t i = 0; i < lines.count; i++)
            cr_assert_not(str_ends(lines.items[i], " "), "trailing blank: '%s'", lines.items[i]);
        free(text);
    }
}

/* Writes `text` to a file, runs the program with the file's path after argv, returns what it said.
 */
static struct proc_result feed(enum page page, const char *const *command)
{
    cleanup_free char *text = print(page);
    char path[] = "/tmp/hil-test-opt-XXXXXX";
    const char *argv[MAX_ARGS + 2] = {NULL};
    struct ctx root = ctx_root(-1, NULL);
    struct ctx ctx = ctx_narrow(&root, 30000);
    struct proc_result result;
    struct err err;
    size_t count = 0;

    close(mkstemp(path));
    cr_assert_eq(fs_write(path, text, strlen(text), &err), 0, "%s", err.message);
    for (; command[count]; count++)
        argv[count] = command[count];
    argv[count] = path;
    cr_assert_eq(proc_run(&(struct proc_spec){.argv = argv}, &ctx, &result, &err), 0, "%s",
                 err.message);
    unlink(path);
    return result;
}

static bool installed(const char *program)
{
    cleanup_free char *path = fs_join("/usr/bin", program);

    return fs_exists(path);
}

Test(opt, man_pages_pass_the_linters)
{
    static const enum page pages[] = {MAN, MAN_BARE, MAN_MAIN};

    for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
        if (installed("mandoc")) {
            struct proc_result said =
                feed(pages[i], (const char *const[]){"mandoc", "-Tlint", "-Wwarning", NULL});
            /* a page made from the program has no date, so that builds can be repeated */
            cr_assert_leq(said.exit_code, 2, "%s", said.tail);
            cr_assert_null(strstr(said.tail, "ERROR"), "%s", said.tail);
        }
        if (installed("groff")) {
            struct proc_result said =
                feed(pages[i], (const char *const[]){"groff", "-man", "-Kutf8", "-ww", "-z", NULL});
            cr_assert_str_eq(said.tail, "");
            cr_assert_eq(said.exit_code, 0);
        }
    }
}

/* ---- completion ---------------------------------------------------------------------------- */

/* Asks the script as bash would, among two files, a directory and a hil whose lab has a board of a
 * wicked name. */
static const char asking[] =
    "source \"$1\"\n"
    "cd \"$(mktemp -d)\" && mkdir sub.d && touch fw.elf 'g w.elf'\n"
    "cat >hil <<'END' && chmod +x hil && PATH=$PWD:$PATH\n"
    "#!/bin/sh\n"
    "[ \"$*\" = 'boards --names' ] && printf '%s\\n' nucleo-3 nucleo-4 stm32f4 '$(touch EVIL)'\n"
    "[ \"$*\" = 'drivers --names' ] && printf '%s\\n' flash openocd\n"
    "END\n"
    "eval \"COMP_WORDS=($WORDS)\"\n"
    "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
    "_hil\n"
    "[ -e EVIL ] && echo EVIL\n"
    "rm -rf \"$PWD\"\n"
    "IFS=,; echo \"${COMPREPLY[*]}\"\n";

static void expect_completion(const char *words, const char *replies)
{
    cleanup_free char *want = xasprintf("%s\n", replies);

    setenv("WORDS", words, 1);
    struct proc_result said =
        feed(COMPLETION, (const char *const[]){"bash", "-c", asking, "bash", NULL});
    cr_assert_eq(said.exit_code, 0, "%s: %s", words, said.tail);
    cr_assert_str_eq(said.tail, want);
}

Test(opt, completion_is_as_designed)
{
    expect_golden(COMPLETION, "completion.bash");
    if (installed("shellcheck")) {
        struct proc_result said =
            feed(COMPLETION, (const char *const[]){"shellcheck", "-s", "bash", NULL});
        cr_assert_str_eq(said.tail, "");
    }
}

Test(opt, completion_answers)
{
    static const struct {
        const char *words, *replies;
    } rows[] = {
        {"hil ''", "run,power,flash,doctor,help,--help,--version"},
        {"hil help p", "power"},
        {"hil p", "power"},
        {"hil --v", "--version"},
        {"hil run --o", "--out"},
        {"hil run fw.elf --re", "--require-at-least-so-many"},
        {"hil run -b nuc", "nucleo-3,nucleo-4"},
        {"hil run --board = stm", "stm32f4"},
        {"hil run --board =", "nucleo-3,nucleo-4,stm32f4,$(touch EVIL)"},
        {"hil run --format ''", "auto,unity,tap"},
        {"hil run -f u", "unity"},
        {"hil run --verdict ''", "pass,fail,infra"},
        {"hil run --verdict pass,f", "pass,fail"},
        {"hil run -b nucleo-3,st", "nucleo-3,stm32f4"},
        {"hil run --since ''", "today"},
        {"hil doctor o", "openocd"},
        {"hil run --out ''", "sub.d"},
        {"hil run --lab fw", "fw.elf"},
        {"hil run --require-at-least-so-many ''", ""},
        {"hil run --json fw", "fw.elf"},
        {"hil run g", "g w.elf"},
        {"hil power ''", "nucleo-3,nucleo-4,stm32f4,$(touch EVIL),on,off,cycle,status"},
        {"hil power nucleo-3 c", "cycle"},
        {"hil flash nuc", "nucleo-3,nucleo-4"},
        {"hil flash nucleo-3 = fw", "fw.elf"},
        {"hil doctor -", "--help"},
        {"hil zebra ''", ""},
        {"hil-run -b nucleo-3 -", "--board,--lab,--format,--out,--verdict,--since,"
                                  "--require-at-least-so-many,--json,--verbose,--help"},
        {"hil-run -b nuc", "nucleo-3,nucleo-4"},
        {"missing/hil run -b nuc", ""},
    };

    if (!fs_exists("/bin/bash"))
        cr_skip_test("no bash here");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        expect_completion(rows[i].words, rows[i].replies);
}
