/* SPDX-License-Identifier: MIT
 *
 * driver: runs a fuzz target where libFuzzer is not at hand.
 *
 *     fuzz_json [--seed N] [--seconds S | --runs N] [--max-size BYTES] [--dict FILE]
 *               [--artifact PATH] [FILE|DIR]...
 *
 * Every file of the operands is replayed, then mutated and combined for S seconds (2) or N inputs.
 * The same seed, files and --runs give the same inputs. Where the target crashes, or hangs for
 * HANG_S, the input is written to PATH (crash-input); given as the only operand with --runs 0 it
 * shows the crash again. Exit code: 0 without findings.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HANG_S 5
#define CORPUS_MAX 4096
#define MUTATIONS_MAX 6

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* Of the sanitizers' runtime, where there is one. */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));
__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);
const char *__ubsan_default_options(void);

/* GCC's libubsan has a death callback of its own that cannot be set beside ASan's; SIGABRT can. */
const char *__ubsan_default_options(void)
{
    return "abort_on_error=1:print_stacktrace=1";
}

struct input {
    uint8_t *bytes;
    size_t count;
};

struct list {
    struct input items[CORPUS_MAX];
    size_t count;
};

/* Signal handlers and the sanitizers' callback take no argument, so what they need stands here. */
static struct {
    const char *name, *artifact;
    struct input current;
    uint64_t inputs, findings;
    struct list corpus, dictionary;
    uint64_t random;
    size_t size_max;
} fuzz = {.artifact = "crash-input", .random = 1, .size_max = 64 * 1024};

/* ---- findings ------------------------------------------------------------------------------ */

static void say(const char *text)
{
    (void)!write(STDERR_FILENO, text, strlen(text));
}

/* Async-signal-safe. */
static void save_input(void)
{
    int fd = open(fuzz.artifact, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (!fuzz.current.bytes)
        return;
    say(fuzz.name);
    if (fd < 0 || write(fd, fuzz.current.bytes, fuzz.current.count) < 0) {
        say(": the input could not be written to ");
    } else {
        say(": the input is in ");
    }
    say(fuzz.artifact);
    say("\n");
    close(fd);
    fuzz.current.bytes = NULL;
}

static void on_signal(int number)
{
    signal(number, SIG_DFL);
    if (number == SIGALRM) {
        say(fuzz.name);
        say(": an input takes too long\n");
        signal(SIGABRT, SIG_DFL);
    }
    save_input();
    raise(number == SIGALRM ? SIGABRT : number);
}

static void catch_crashes(void)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    static char stack[65536]; /* of its own, since it may be the stack that overflowed */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_NODEFER};

    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGABRT, &action, NULL);
    if (__sanitizer_set_death_callback) { /* it catches the others, and says more about them */
        __sanitizer_set_death_callback(save_input);
        return;
    }
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        sigaction(fatal[i], &action, NULL);
}

static void check_leaks(void)
{
    if (!fuzz.findings && __lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check())
        fuzz.findings++;
}

/* The target gets exactly its bytes in a block of their own, so that a look past the end shows. */
static void run_one(const uint8_t *bytes, size_t count)
{
    uint8_t *exact = malloc(count + !count);

    memcpy(exact, bytes, count);
    fuzz.current = (struct input){exact, count};
    alarm(HANG_S);
    LLVMFuzzerTestOneInput(exact, count);
    alarm(0);
    fuzz.current.bytes = NULL;
    fuzz.inputs++;
    free(exact);
}

/* ---- mutation ------------------------------------------------------------------------------ */

/* splitmix64: small, and the same everywhere */
static uint64_t random_below(uint64_t limit)
{
    uint64_t z = fuzz.random += 0x9E3779B97F4A7C15U;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
    z = (z ^ z >> 27) * 0x94D049BB133111EBU;
    z ^= z >> 31;
    return limit ? z % limit : 0;
}

/* Puts `count` bytes over `drop` bytes at `at`, as far as the size allows. */
static void put(struct input *input, size_t at, size_t drop, const void *bytes, size_t count)
{
    if (count > fuzz.size_max - (input->count - drop))
        count = fuzz.size_max - (input->count - drop);
    memmove(input->bytes + at + count, input->bytes + at + drop, input->count - at - drop);
    memcpy(input->bytes + at, bytes, count);
    input->count += count - drop;
}

static size_t some_length(size_t most)
{
    size_t limit = random_below(4) ? 16 : most; /* mostly short */

    return most ? 1 + random_below(limit < most ? limit : most) : 0;
}

static void put_odd_number(struct input *input, size_t at)
{
    static const char *const texts[] = {"0",          "-1",         "255",
                                        "256",        "65536",      "2147483648",
                                        "4294967296", "4294967295", "9223372036854775808",
                                        "1e999",      "0x",         "%s%n",
                                        "00000000",   "99999999",   "-9223372036854775808"};
    static const uint64_t numbers[] = {0,          1,          0x7F,       0x80,
                                       0xFF,       0x7FFF,     0xFFFF,     0x10000,
                                       0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, UINT64_MAX};
    size_t left = input->count - at;

    if (random_below(2)) {
        const char *text = texts[random_below(sizeof texts / sizeof *texts)];
        put(input, at, random_below(2) && left >= strlen(text) ? strlen(text) : 0, text,
            strlen(text));
    } else {
        uint64_t number = numbers[random_below(sizeof numbers / sizeof *numbers)];
        size_t size = (size_t)1 << random_below(4);
        if (random_below(2))
            number = __builtin_bswap64(number) >> (64 - 8 * size);
        put(input, at, left >= size ? size : 0, &number, size);
    }
}

static void put_part_of_another(struct input *input, size_t at)
{
    const struct list *from =
        fuzz.dictionary.count && random_below(2) ? &fuzz.dictionary : &fuzz.corpus;
    const struct input *other = &from->items[random_below(from->count)];
    size_t begin = from == &fuzz.dictionary ? 0 : random_below(other->count);
    size_t count = from == &fuzz.dictionary ? other->count : some_length(other->count - begin);

    put(input, at, 0, other->bytes + begin, count);
}

static void mutate(struct input *input)
{
    static const uint8_t odd[] = "\0\n\r\t \"'\\/:,;[]{}()<>*%#=-+.\x7F\x80\xFF\x1B";
    size_t at = random_below(input->count), left = input->count - at;
    size_t length = some_length(left);
    uint8_t byte = random_below(2) ? odd[random_below(sizeof odd)] : (uint8_t)random_below(256);

    switch (random_below(9)) {
    case 0:
        if (left)
            input->bytes[at] ^= (uint8_t)(1U << random_below(8));
        break;
    case 1:
        if (left)
            input->bytes[at] = byte;
        break;
    case 2:
        put(input, at, 0, &byte, 1);
        break;
    case 3:
        put(input, at, length, "", 0);
        break;
    case 4: /* the piece at `at` once more: put() moves it away before it copies */
        if (length && length <= fuzz.size_max - input->count) {
            memmove(input->bytes + at + length, input->bytes + at, left);
            input->count += length;
        }
        break;
    case 5:
        memset(input->bytes + at, byte, length);
        break;
    case 6:
        put_odd_number(input, at);
        break;
    case 7:
        put_part_of_another(input, at);
        break;
    case 8: /* cut here, and go on with another's tail */
        input->count = at;
        put_part_of_another(input, at);
        break;
    }
}

struct plan {
    uint64_t runs;
    double seconds; /* below 0: `runs` alone counts */
};

static bool over(const struct plan *plan, uint64_t runs, const struct timespec *begin)
{
    struct timespec now;

    if (plan->seconds < 0)
        return runs >= plan->runs;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) / 1e9 >=
           plan->seconds;
}

static void fuzz_as(const struct plan *plan)
{
    struct input input = {.bytes = malloc(fuzz.size_max + 1)};
    struct timespec begin;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (uint64_t runs = 0; !over(plan, runs, &begin); runs++) {
        const struct input *seed = &fuzz.corpus.items[random_below(fuzz.corpus.count)];
        memcpy(input.bytes, seed->bytes, seed->count);
        input.count = seed->count;
        for (uint64_t left = 1 + random_below(MUTATIONS_MAX); left; left--)
            mutate(&input);
        run_one(input.bytes, input.count);
    }
    free(input.bytes);
}

/* ---- input files --------------------------------------------------------------------------- */

static void die(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", fuzz.name, what, strerror(errno));
    exit(2);
}

static void add(struct list *list, const void *bytes, size_t count)
{
    struct input *input = &list->items[list->count];

    if (list->count == CORPUS_MAX)
        return;
    *input = (struct input){malloc(count + !count), count};
    memcpy(input->bytes, bytes, count);
    list->count++;
}

static void load_file(const char *path)
{
    uint8_t *bytes = malloc(fuzz.size_max + 1);
    FILE *file = fopen(path, "rb");
    size_t count;

    if (!file)
        die(path);
    count = fread(bytes, 1, fuzz.size_max, file);
    fclose(file);
    add(&fuzz.corpus, bytes, count);
    free(bytes);
}

static void load(const char *path)
{
    struct dirent **names;
    struct stat info;
    int count;

    if (stat(path, &info) < 0)
        die(path);
    if (!S_ISDIR(info.st_mode)) {
        load_file(path);
        return;
    }
    count = scandir(path, &names, NULL, alphasort);
    if (count < 0)
        die(path);
    for (int i = 0; i < count; i++) {
        char inner[4096];
        snprintf(inner, sizeof inner, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            load(inner);
        free(names[i]);
    }
    free(names);
}

/* Lines of [name=]"text" with \\, \" and \xHH, as libFuzzer and AFL read them. */
static void load_dictionary(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[1024];

    if (!file)
        die(path);
    while (fgets(line, sizeof line, file)) {
        const char *from = strchr(line, '"'), *end = strrchr(line, '"');
        size_t count = 0;
        if (line[0] == '#' || !from || end <= from)
            continue;
        for (from++; from < end; from++) {
            unsigned byte = (unsigned char)*from;
            if (*from == '\\' && sscanf(from, "\\x%2x", &byte) == 1)
                from += 3;
            else if (*from == '\\')
                byte = (unsigned char)*++from;
            line[count++] = (char)byte;
        }
        if (count)
            add(&fuzz.dictionary, line, count);
    }
    fclose(file);
}

static uint64_t number_of(const char *option, const char *text)
{
    char *end;
    uint64_t number = strtoull(text, &end, 10);

    if (*end || end == text) {
        fprintf(stderr, "%s: %s: '%s' is not a number\n", fuzz.name, option, text);
        exit(2);
    }
    return number;
}

static void set_option(struct plan *plan, const char *option, const char *value)
{
    if (!strcmp(option, "--dict")) {
        load_dictionary(value);
    } else if (!strcmp(option, "--artifact")) {
        fuzz.artifact = value;
    } else if (!strcmp(option, "--seed")) {
        fuzz.random = number_of(option, value);
    } else if (!strcmp(option, "--seconds")) {
        plan->seconds = (double)number_of(option, value);
    } else if (!strcmp(option, "--runs")) {
        *plan = (struct plan){number_of(option, value), -1};
    } else if (!strcmp(option, "--max-size")) {
        fuzz.size_max = number_of(option, value);
    } else {
        fprintf(stderr, "%s: unknown option %s\n", fuzz.name, option);
        exit(2);
    }
}

/* Leaves the operands at argv[1..], and returns how many there are. */
static int set_options(struct plan *plan, int argc, char **argv)
{
    int operands = 0;

    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            argv[++operands] = argv[i];
        } else if (i + 1 < argc) {
            set_option(plan, argv[i], argv[i + 1]);
            i++;
        } else {
            fprintf(stderr, "%s: %s needs a value\n", fuzz.name, argv[i]);
            exit(2);
        }
    }
    return operands;
}

static void empty(struct list *list)
{
    while (list->count)
        free(list->items[--list->count].bytes);
}

int main(int argc, char **argv)
{
    struct plan plan = {.seconds = 2};
    int operands;

    fuzz.name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    operands = set_options(&plan, argc, argv);
    for (int i = 1; i <= operands; i++)
        load(argv[i]);
    printf("%s: seed %" PRIu64 "\n", fuzz.name, fuzz.random);
    fflush(stdout);
    catch_crashes();
    for (size_t i = 0; i < fuzz.corpus.count; i++)
        run_one(fuzz.corpus.items[i].bytes, fuzz.corpus.items[i].count);
    check_leaks();
    if (!fuzz.corpus.count)
        add(&fuzz.corpus, "", 0);
    fuzz_as(&plan);
    check_leaks();
    empty(&fuzz.corpus);
    empty(&fuzz.dictionary);
    printf("%s: %" PRIu64 " inputs, %" PRIu64 " findings\n", fuzz.name, fuzz.inputs, fuzz.findings);
    fflush(stdout); /* the leak check at exit may not return */
    return fuzz.findings ? 1 : 0;
}
