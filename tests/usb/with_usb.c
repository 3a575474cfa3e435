/* SPDX-License-Identifier: MIT
 *
 * with-usb: runs a program on a USB tree that is not there.
 *
 *     with-usb [--plain] [--orders FIFO] LAB PROGRAM [ARGUMENT...]
 *
 * LAB has a line a device, hubs before what hangs on them, values in "..." where they have blanks:
 *
 *     hub 1-1 [id=2109:2813] [ports=4] [switching=ports|ganged|none] [speed=480] [twin=2-1]
 *             [silent] [mute]
 *     device 1-1.4 id=0483:374b [serial=S] [maker=M] [name=N] [drive=LABEL] [unconfigured]
 *            [sleeps] [requests=FILE] [if=CC/SS/PP[,TTY[,NAME]]]...
 *     bootloader 1-1.3 [serial=S] [plain] [fragile] [runtime] [protect] [stays] [held] [erase=MS]
 *            [write=MS] [unplug=BYTES] [silent=BYTES] [wedge=BYTES] [linger=BYTES]
 *            [bad=OFFSET] [vanishes]
 *            [firmware=VID:PID] [state=FILE] [console=SOCKET]
 *
 * A root hub for each bus is there by itself. Hubs have 4 ports and cannot switch them where
 * nothing else is said; a silent one never answers, a mute one refuses to be opened. A bootloader
 * that starts its firmware "runs" it: the text that its flash begins with is written to whoever is
 * connected to `console`. At the end `state` gets what the model counted, and FILE.flash its flash;
 * `requests` how many a device was sent, 0 where nobody opened it. --plain: PROGRAM has no
 * sanitizer. --orders: lines that come through FIFO while PROGRAM runs are plugged in, too; "unplug
 * PATH". The exit code is PROGRAM's.
 */
#include "mock.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 64
#define BOARDS_MAX 64
#define BUSES_MAX 8

struct board {
    struct model *model;
    const char *state;
    int listener;
    atomic_int client; /* -1: none */
};

struct counted {
    const char *file;
    unsigned long requests;
};

struct lab {
    struct mock *mock;
    struct counted counted[BOARDS_MAX];
    size_t counted_count;
    bool buses[BUSES_MAX];
    struct board boards[BOARDS_MAX];
    size_t count;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "with-usb: %s: %s\n", what, why);
    exit(125);
}

/* ---- words ----------------------------------------------------------------------------------- */

/* Splits in place at blanks that are not within quotes, which go. */
static size_t words_of(char *line, char *words[WORDS_MAX])
{
    size_t count = 0;
    char *to = line;

    while (*line && count < WORDS_MAX) {
        bool quoted = false;
        while (isspace((unsigned char)*line))
            line++;
        if (!*line || *line == '#')
            break;
        words[count++] = to = line;
        for (; *line && (quoted || !isspace((unsigned char)*line)); line++) {
            if (*line == '"')
                quoted = !quoted;
            else
                *to++ = *line;
        }
        line += *line != '\0';
        *to = '\0';
    }
    return count;
}

static const char *value_of(char *const *words, size_t count, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 2; i < count; i++)
        if (!strncmp(words[i], name, length) && words[i][length] == '=')
            return words[i] + length + 1;
    return NULL;
}

static bool has(char *const *words, size_t count, const char *name)
{
    for (size_t i = 2; i < count; i++)
        if (!strcmp(words[i], name))
            return true;
    return false;
}

static void read_id(const char *text, struct mock_device *ret)
{
    unsigned vendor, product;

    if (text && sscanf(text, "%x:%x", &vendor, &product) == 2) {
        ret->vendor = (uint16_t)vendor;
        ret->product = (uint16_t)product;
    }
}

/* "02/02/01,ttyACM0,Control" */
static void read_interface(char *text, struct mock_interface *ret)
{
    unsigned class, subclass, protocol;
    char *tty = strchr(text, ',');
    char *name = tty ? strchr(tty + 1, ',') : NULL;

    if (tty)
        *tty++ = '\0';
    if (name)
        *name++ = '\0';
    if (sscanf(text, "%x/%x/%x", &class, &subclass, &protocol) != 3)
        die(text, "not an interface");
    *ret = (struct mock_interface){(uint8_t) class, (uint8_t)subclass, (uint8_t)protocol,
                                   name ? name : "", tty && *tty ? tty : NULL};
}

/* ---- what hangs there ------------------------------------------------------------------------ */

static uint8_t switching_of(const char *word)
{
    return !word || !strcmp(word, "none") ? 2 : !strcmp(word, "ports") ? 1 : 0;
}

static void plug_hub(struct lab *lab, const char *path, char *const *words, size_t count)
{
    const char *id = value_of(words, count, "id"), *ports = value_of(words, count, "ports");
    struct mock_device hub = {.path = path,
                              .class = 9,
                              .speed = value_of(words, count, "speed"),
                              .interfaces = {{.class = 9}}};

    read_id(id ? id : "1d6b:0002", &hub);
    hub.hub = (struct mock_hub){
        .ports = has(words, count, "mute") ? 0
                 : ports                   ? (unsigned)strtoul(ports, NULL, 10)
                                           : 4,
        .characteristics = switching_of(value_of(words, count, "switching")),
        .silent = has(words, count, "silent"),
        .twin = value_of(words, count, "twin"),
    };
    mock_plug(lab->mock, &hub);
}

static void plug_device(struct lab *lab, char *const *words, size_t count)
{
    struct mock_device device = {.path = words[1],
                                 .serial = value_of(words, count, "serial"),
                                 .maker = value_of(words, count, "maker"),
                                 .name = value_of(words, count, "name"),
                                 .drive = value_of(words, count, "drive"),
                                 .unconfigured = has(words, count, "unconfigured"),
                                 .sleeps = has(words, count, "sleeps")};
    const char *file = value_of(words, count, "requests");
    size_t interfaces = 0;

    if (file && lab->counted_count < BOARDS_MAX) {
        struct counted *counted = &lab->counted[lab->counted_count++];
        counted->file = file;
        device.requests = &counted->requests;
    }
    read_id(value_of(words, count, "id"), &device);
    for (size_t i = 2; i < count && interfaces < 8; i++)
        if (!strncmp(words[i], "if=", 3))
            read_interface(words[i] + 3, &device.interfaces[interfaces++]);
    mock_plug(lab->mock, &device);
}

static void *take_clients(void *arg)
{
    struct board *board = arg;

    for (;;) {
        int client = accept(board->listener, NULL, NULL);
        if (client < 0)
            return NULL;
        board->client = client;
    }
}

static void open_console(struct board *board, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    pthread_t thread;

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    unlink(path);
    board->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(board->listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(board->listener, 4) < 0)
        die(path, strerror(errno));
    pthread_create(&thread, NULL, take_clients, board);
    pthread_detach(thread);
}

static void plug_bootloader(struct lab *lab, char *const *words, size_t count)
{
    struct model_conf conf = {0};
    const char *id = value_of(words, count, "firmware"), *console;
    struct mock_device firmware = {.path = words[1]};
    struct board *board = &lab->boards[lab->count++];

    for (size_t i = 2; i < count; i++)
        model_option(&conf, words[i]);
    read_id(id, &firmware);
    *board = (struct board){.state = value_of(words, count, "state"), .listener = -1};
    board->client = -1;
    board->model = mock_bootloader(lab->mock, words[1], value_of(words, count, "serial"), &conf,
                                   id ? &firmware : NULL);
    if (has(words, count, "held"))
        mock_hold(lab->mock, words[1]);
    console = value_of(words, count, "console");
    if (console)
        open_console(board, console);
}

static void plug(struct lab *lab, char *const *words, size_t count)
{
    unsigned bus = (unsigned)strtoul(words[1], NULL, 10);

    if (bus < BUSES_MAX && !lab->buses[bus]) {
        char root[16];
        snprintf(root, sizeof root, "usb%u", bus);
        plug_hub(lab, root, NULL, 0);
        lab->buses[bus] = true;
    }
    if (!strcmp(words[0], "hub"))
        plug_hub(lab, words[1], words, count);
    else if (!strcmp(words[0], "device"))
        plug_device(lab, words, count);
    else if (!strcmp(words[0], "bootloader") && lab->count < BOARDS_MAX)
        plug_bootloader(lab, words, count);
    else
        die(words[0], "neither hub, device nor bootloader");
}

static void read_lab(struct lab *lab, const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL, *words[WORDS_MAX];
    size_t room = 0;

    if (!file)
        die(path, strerror(errno));
    while (getline(&line, &room, file) >= 0) {
        char *kept = strdup(line); /* the words live on */
        size_t count = words_of(kept, words);
        if (count >= 2)
            plug(lab, words, count);
    }
    free(line);
    fclose(file);
}

/* ---- orders ---------------------------------------------------------------------------------- */

static struct {
    struct lab *lab;
    const char *path;
} orders;

static void *take_orders(void *arg)
{
    FILE *file = fopen(orders.path, "r+"); /* a writer of our own: it never ends */
    char *line = NULL, *words[WORDS_MAX];
    size_t room = 0;

    (void)arg;
    while (file && getline(&line, &room, file) >= 0) {
        size_t count = words_of(strdup(line), words);
        if (count >= 2 && !strcmp(words[0], "unplug"))
            mock_unplug(orders.lab->mock, words[1]);
        else if (count >= 2)
            plug(orders.lab, words, count);
    }
    return NULL;
}

/* ---- running --------------------------------------------------------------------------------- */

/* The "firmware" prints itself: text up to the first byte that is none. */
static void boot(void *arg, struct model *model)
{
    struct lab *lab = arg;

    for (size_t i = 0; i < lab->count; i++) {
        struct board *board = &lab->boards[i];
        size_t size = 0;
        if (board->model != model || board->client < 0)
            continue;
        while (size < MODEL_FLASH_SIZE && model->flash[size] && model->flash[size] < 0x80)
            size++;
        if (write(board->client, model->flash, size) < 0)
            perror("with-usb: console");
    }
}

/* Where the sanitizer's runtime was loaded from: it must be the first of all. */
static void preload(bool plain)
{
    char path[4096];
    Dl_info asan;
    void *symbol = plain ? NULL : dlsym(RTLD_DEFAULT, "__asan_init");

    if (symbol && dladdr(symbol, &asan))
        snprintf(path, sizeof path, "%s:%s:%s", asan.dli_fname, USB_EARLY, UMOCKDEV_PRELOAD);
    else
        snprintf(path, sizeof path, "%s", UMOCKDEV_PRELOAD);
    setenv("LD_PRELOAD", path, 1);
}

static pid_t child;

static void pass_on(int number)
{
    if (child > 0)
        kill(child, number);
}

static int run(char **argv, bool plain)
{
    int status;

    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing answers any more once we are gone */
        preload(plain);
        execvp(argv[0], argv);
        die(argv[0], strerror(errno));
    }
    signal(SIGINT, pass_on);
    signal(SIGTERM, pass_on);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            die("waitpid", strerror(errno));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void save_count(const struct counted *counted)
{
    FILE *file = fopen(counted->file, "w");

    if (!file)
        die(counted->file, strerror(errno));
    fprintf(file, "%lu\n", counted->requests);
    fclose(file);
}

int main(int argc, char **argv)
{
    static struct lab lab;
    bool plain = argc > 1 && !strcmp(argv[1], "--plain");
    pthread_t thread;
    int code;

    argv += 1 + plain;
    argc -= 1 + plain;
    if (argc > 2 && !strcmp(argv[0], "--orders")) {
        orders.path = argv[1];
        argv += 2;
        argc -= 2;
    }
    if (argc < 2)
        die("usage", "with-usb [--plain] LAB PROGRAM [ARGUMENT...]");
    signal(SIGPIPE, SIG_IGN);
    lab.mock = mock_new();
    mock_on_boot(lab.mock, boot, &lab);
    read_lab(&lab, argv[0]);
    orders.lab = &lab;
    if (orders.path)
        pthread_create(&thread, NULL, take_orders, NULL);
    code = run(argv + 1, plain);
    for (size_t i = 0; i < lab.count; i++)
        model_save(lab.boards[i].model, lab.boards[i].state);
    for (size_t i = 0; i < lab.counted_count; i++)
        save_count(&lab.counted[i]);
    fflush(stdout); /* not all: the thread of the orders waits within its stream */
    mock_free(lab.mock);
    _exit(code); /* words and threads live on; leaks of a test's tool are nobody's loss */
}
