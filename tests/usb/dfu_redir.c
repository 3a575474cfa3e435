/* SPDX-License-Identifier: MIT
 *
 * dfu-redir: the bootloader's model on a guest kernel's USB port.
 *
 *     dfu-redir SOCKET [serial=S] [state=FILE] [console=SOCKET] [OPTION]...
 *
 * SOCKET is that of QEMU's usb-redir device; options as for with-usb. Lines on stdin: "plug
 * [serial=S] [OPTION]..." plugs it in anew, "unplug" pulls it, "save" writes `state`; each is
 * answered with "ok". "peek OFFSET COUNT" is answered with whether it is plugged in (0, 1), whether
 * it has booted, and bytes of its flash. When it leaves its bootloader it is unplugged, and the
 * text that its flash begins with goes to `console`. Speaks the host's side of the usbredir
 * protocol (version 0.7), without its capabilities, as far as a device without endpoints needs it.
 */
#include "model.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    HELLO = 0,
    DEVICE_CONNECT = 1,
    DEVICE_DISCONNECT = 2,
    RESET = 3,
    INTERFACE_INFO = 4,
    EP_INFO = 5,
    SET_CONFIGURATION = 6,
    GET_CONFIGURATION = 7,
    CONFIGURATION_STATUS = 8,
    SET_ALT_SETTING = 9,
    ALT_SETTING_STATUS = 11,
    CONTROL_PACKET = 100
};
enum { SUCCESS = 0, IO_ERROR = 3, STALL = 4 };

#define ENDPOINTS 32
#define PACKET_MAX 70000

struct header {
    uint32_t type, length, id;
} __attribute__((packed));

struct control {
    uint8_t endpoint, request, type, status;
    uint16_t value, index, length;
} __attribute__((packed));

struct redir {
    int qemu, console; /* console: -1: none */
    const char *serial, *state;
    struct model_conf conf;
    struct model model;
    bool plugged;
    uint8_t in[2 * PACKET_MAX];
    size_t in_size;
    struct { /* an answer that is not due yet */
        bool waits;
        int64_t due_us;
        uint32_t id;
        uint8_t bytes[PACKET_MAX];
        size_t size;
    } later;
};

static void die(const char *what)
{
    fprintf(stderr, "dfu-redir: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void write_all(int fd, const void *bytes, size_t size)
{
    for (const char *at = bytes; size;) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno != EINTR)
            die("write");
        if (n > 0) {
            at += n;
            size -= (size_t)n;
        }
    }
}

static void send_packet(struct redir *redir, uint32_t type, uint32_t id, const void *bytes,
                        size_t size)
{
    struct header header = {type, (uint32_t)size, id};

    write_all(redir->qemu, &header, sizeof header);
    write_all(redir->qemu, bytes, size);
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die(path);
    return fd;
}

/* ---- plugging -------------------------------------------------------------------------------- */

static void send_hello(struct redir *redir)
{
    char hello[64 + 4] = "hil's bootloader model"; /* no capabilities */

    send_packet(redir, HELLO, 0, hello, sizeof hello);
}

static void plug(struct redir *redir)
{
    uint8_t interfaces[4 + 4 * ENDPOINTS] = {1};
    uint8_t endpoints[3 * ENDPOINTS] = {0};
    uint8_t descriptors[256], device[8] = {1}; /* full speed */

    model_init(&redir->model, &redir->conf);
    redir->model.conf.serial = redir->serial;
    model_descriptors(&redir->model, descriptors);
    memcpy(device + 4, descriptors + 8, 4); /* vendor, product */
    interfaces[4 + ENDPOINTS] = 0xfe;
    interfaces[4 + 2 * ENDPOINTS] = 1;
    interfaces[4 + 3 * ENDPOINTS] = redir->conf.runtime ? 1 : 2;
    memset(endpoints, 255, ENDPOINTS);
    endpoints[0] = endpoints[16] = 0; /* control, out and in */
    send_packet(redir, INTERFACE_INFO, 0, interfaces, sizeof interfaces);
    send_packet(redir, EP_INFO, 0, endpoints, sizeof endpoints);
    send_packet(redir, DEVICE_CONNECT, 0, device, sizeof device);
    redir->plugged = true;
}

static void unplug(struct redir *redir)
{
    if (redir->plugged)
        send_packet(redir, DEVICE_DISCONNECT, 0, NULL, 0);
    redir->plugged = false;
    redir->later.waits = false;
}

static void print_firmware(const struct redir *redir)
{
    const uint8_t *text = redir->model.flash;
    size_t size = 0;

    while (size < MODEL_FLASH_SIZE && text[size] && text[size] < 0x80)
        size++;
    if (redir->console >= 0)
        write_all(redir->console, text, size);
}

/* What a request has led to. */
static void follow(struct redir *redir)
{
    if (!redir->plugged || redir->later.waits) /* the last answer goes out first */
        return;
    if (redir->model.gone) {
        unplug(redir);
    } else if (redir->model.booted) {
        unplug(redir);
        model_save(&redir->model, redir->state);
        print_firmware(redir);
    } else if (redir->model.detached) {
        unplug(redir);
        redir->conf.runtime = false;
        plug(redir);
    }
}

/* ---- requests -------------------------------------------------------------------------------- */

static void answer(struct redir *redir, uint32_t id, const uint8_t *bytes, size_t size,
                   int64_t due_us)
{
    redir->later.waits = true;
    redir->later.due_us = due_us;
    redir->later.id = id;
    redir->later.size = size;
    memcpy(redir->later.bytes, bytes, size);
}

static void take_control(struct redir *redir, uint32_t id, const uint8_t *packet)
{
    struct control control;
    uint8_t out[sizeof control + 65536] = {0}, setup[8];
    int64_t due;
    int moved;

    memcpy(&control, packet, sizeof control);
    memcpy(setup, (uint8_t[2]){control.type, control.request}, 2);
    memcpy(setup + 2, &control.value, 6);
    if (!(control.type & 0x80))
        memcpy(out + sizeof control, packet + sizeof control, control.length);
    moved = model_control(&redir->model, setup, out + sizeof control, now_us(), &due);
    if (moved == MODEL_NEVER)
        return;
    if (moved == MODEL_GONE) {
        unplug(redir);
        return;
    }
    control.status = moved == MODEL_STALL ? STALL : SUCCESS;
    control.length = moved > 0 ? (uint16_t)moved : 0;
    memcpy(out, &control, sizeof control);
    answer(redir, id, out, sizeof control + (control.type & 0x80 ? control.length : 0), due);
}

static void take_packet(struct redir *redir, const struct header *header, const uint8_t *data)
{
    if (header->type == CONTROL_PACKET && redir->plugged)
        take_control(redir, header->id, data);
    else if (header->type == SET_CONFIGURATION || header->type == GET_CONFIGURATION)
        send_packet(redir, CONFIGURATION_STATUS, header->id, (uint8_t[2]){SUCCESS, 1}, 2);
    else if (header->type == SET_ALT_SETTING)
        send_packet(redir, ALT_SETTING_STATUS, header->id, (uint8_t[3]){SUCCESS, data[0], data[1]},
                    3);
    else if (header->type == RESET && redir->plugged)
        model_reset(&redir->model);
    follow(redir);
}

static void take_bytes(struct redir *redir)
{
    ssize_t n = read(redir->qemu, redir->in + redir->in_size, sizeof redir->in - redir->in_size);

    if (n <= 0)
        exit(0); /* QEMU has ended */
    redir->in_size += (size_t)n;
    for (;;) {
        struct header header;
        memcpy(&header, redir->in, sizeof header);
        if (redir->in_size < sizeof header || redir->in_size - sizeof header < header.length)
            return;
        take_packet(redir, &header, redir->in + sizeof header);
        redir->in_size -= sizeof header + header.length;
        memmove(redir->in, redir->in + sizeof header + header.length, redir->in_size);
    }
}

static void send_what_is_due(struct redir *redir)
{
    if (!redir->later.waits || now_us() < redir->later.due_us)
        return;
    redir->later.waits = false;
    send_packet(redir, CONTROL_PACKET, redir->later.id, redir->later.bytes, redir->later.size);
    follow(redir);
}

/* ---- orders ---------------------------------------------------------------------------------- */

static void peek(const struct redir *redir)
{
    const char *offset = strtok(NULL, " \n"), *count = strtok(NULL, " \n");
    size_t at = offset ? strtoul(offset, NULL, 0) : 0, size = count ? strtoul(count, NULL, 0) : 0;

    printf("%d %d ", redir->plugged, redir->model.booted);
    for (size_t i = 0; i < size && at + i < MODEL_FLASH_SIZE; i++)
        printf("%02x", redir->model.flash[at + i]);
    puts("");
    fflush(stdout);
}

static void take_order(struct redir *redir)
{
    char line[1024];
    char *word;

    if (!fgets(line, sizeof line, stdin))
        exit(0);
    word = strtok(line, " \n");
    if (word && !strcmp(word, "plug")) {
        unplug(redir);
        redir->conf = (struct model_conf){0};
        while ((word = strtok(NULL, " \n")))
            if (!strncmp(word, "serial=", 7))
                redir->serial = strdup(word + 7); /* lives on: the model borrows it */
            else
                model_option(&redir->conf, word);
        plug(redir);
    } else if (word && !strcmp(word, "unplug")) {
        unplug(redir);
    } else if (word && !strcmp(word, "save")) {
        model_save(&redir->model, redir->state);
    } else if (word && !strcmp(word, "peek")) {
        peek(redir);
        return;
    }
    puts("ok");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct redir redir = {.console = -1};

    if (argc < 2) {
        fprintf(stderr, "usage: dfu-redir SOCKET [OPTION]...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        if (!strncmp(argv[i], "serial=", 7))
            redir.serial = argv[i] + 7;
        else if (!strncmp(argv[i], "state=", 6))
            redir.state = argv[i] + 6;
        else if (!strncmp(argv[i], "console=", 8))
            redir.console = connect_to(argv[i] + 8);
    }
    redir.qemu = connect_to(argv[1]);
    send_hello(&redir);
    setvbuf(stdin, NULL, _IONBF, 0); /* poll must see what was not read */
    for (;;) {
        struct pollfd fds[] = {{.fd = redir.qemu, .events = POLLIN},
                               {.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = redir.console, .events = POLLIN}};
        char ignored[256];
        poll(fds, 3, redir.later.waits ? 1 : -1);
        send_what_is_due(&redir);
        if (fds[0].revents)
            take_bytes(&redir);
        if (fds[1].revents)
            take_order(&redir);
        /* somebody writes to the board: drained, or QEMU would wait for ever */
        if (fds[2].revents && read(redir.console, ignored, sizeof ignored) <= 0)
            redir.console = -1;
        send_what_is_due(&redir);
    }
}
