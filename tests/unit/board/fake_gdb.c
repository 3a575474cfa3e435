/* SPDX-License-Identifier: MIT */
#include "fake_gdb.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void complain(struct fake_gdb *fake, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void complain(struct fake_gdb *fake, const char *format, ...)
{
    va_list args;

    if (fake->complaint[0])
        return;
    va_start(args, format);
    vsnprintf(fake->complaint, sizeof fake->complaint, format, args);
    va_end(args);
}

struct fake_gdb *fake_gdb_new(void)
{
    struct fake_gdb *fake = xcalloc(1, sizeof *fake);

    fake->packet_size = 1024;
    fake->no_ack = fake->x = fake->crc = fake->map = true;
    fake->fd = fake->listen_fd = -1;
    fake->in = (struct buf)BUF_INIT(1 << 20);
    fake->last = (struct buf)BUF_INIT(1 << 20);
    memset(fake->flash, 0x5a, sizeof fake->flash);
    return fake;
}

/* ---- sending -------------------------------------------------------------------------------- */

static void send_bytes(struct fake_gdb *fake, const char *bytes, size_t count)
{
    while (count) {
        ssize_t n = send(fake->fd, bytes, count, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        bytes += n;
        count -= (size_t)n;
    }
}

static void send_last(struct fake_gdb *fake)
{
    struct buf bytes = BUF_INIT(1 << 20);

    buf_add(&bytes, fake->last.data, fake->last.size);
    if (fake->damage) {
        fake->damage--;
        bytes.data[bytes.size - 1] ^= 1;
    }
    send_bytes(fake, bytes.data, bytes.size);
    buf_done(&bytes);
}

static void answer(struct fake_gdb *fake, const char *payload, size_t size)
{
    unsigned sum = 0;

    buf_clear(&fake->last);
    buf_adds(&fake->last, "$");
    buf_add(&fake->last, payload, size);
    for (size_t i = 0; i < size; i++)
        sum += (unsigned char)payload[i];
    buf_addf(&fake->last, "#%02x", sum & 0xff);
    send_last(fake);
    fake->unacknowledged = fake->acks;
}

static void answer_text(struct fake_gdb *fake, const char *text)
{
    answer(fake, text, strlen(text));
}

/* ---- memory --------------------------------------------------------------------------------- */

static uint8_t *memory_at(struct fake_gdb *fake, uint64_t at, uint64_t size)
{
    if (at >= FAKE_FLASH_AT && at - FAKE_FLASH_AT + size <= FAKE_FLASH_SIZE)
        return fake->flash + (at - FAKE_FLASH_AT);
    if (at >= FAKE_RAM_AT && at - FAKE_RAM_AT + size <= FAKE_RAM_SIZE)
        return fake->ram + (at - FAKE_RAM_AT);
    return NULL;
}

static bool is_flash(uint64_t at)
{
    return at >= FAKE_FLASH_AT && at < FAKE_FLASH_AT + FAKE_FLASH_SIZE;
}

static void write_memory(struct fake_gdb *fake, uint64_t at, const char *bytes, size_t size)
{
    uint8_t *memory = memory_at(fake, at, size);

    if (!memory || (is_flash(at) && !fake->flat)) {
        answer_text(fake, "E0e");
        return;
    }
    memcpy(memory, bytes, size);
    answer_text(fake, "OK");
}

static void erase_flash(struct fake_gdb *fake, uint64_t at, uint64_t size)
{
    uint8_t *memory = memory_at(fake, at, size);

    if (!memory || !is_flash(at) || at % FAKE_BLOCK || size % FAKE_BLOCK || !size) {
        complain(fake, "erase of %llx,%llx", (unsigned long long)at, (unsigned long long)size);
        answer_text(fake, "E01");
        return;
    }
    for (uint64_t offset = 0; offset < size; offset += FAKE_BLOCK) {
        bool *erased = &fake->erased[(at - FAKE_FLASH_AT + offset) / FAKE_BLOCK];
        if (*erased)
            complain(fake, "erased twice: %llx", (unsigned long long)(at + offset));
        *erased = true;
    }
    memset(memory, 0xff, size);
    answer_text(fake, "OK");
}

static void write_flash(struct fake_gdb *fake, uint64_t at, const char *bytes, size_t size)
{
    uint8_t *memory = memory_at(fake, at, size);

    if (!memory || !is_flash(at)) {
        answer_text(fake, "E.memtype");
        return;
    }
    for (size_t i = 0; i < size; i++) {
        if (!fake->erased[(at - FAKE_FLASH_AT + i) / FAKE_BLOCK])
            complain(fake, "written before erased: %llx", (unsigned long long)(at + i));
        memory[i] = (uint8_t)bytes[i];
    }
    answer_text(fake, "OK");
}

static void read_memory(struct fake_gdb *fake, uint64_t at, size_t size)
{
    const uint8_t *memory = memory_at(fake, at, size);
    struct buf text = BUF_INIT(1 << 20);

    if (fake->read_most && size > fake->read_most)
        size = fake->read_most;
    for (size_t i = 0; memory && i < size; i++)
        buf_addf(&text, "%02x", memory[i]);
    answer(fake, memory ? text.data : "E0e", memory ? text.size : 3);
    buf_done(&text);
}

/* Bit by bit, as the manual words it; the client uses a table. */
static void read_crc(struct fake_gdb *fake, uint64_t at, size_t size)
{
    const uint8_t *memory = memory_at(fake, at, size);
    uint32_t crc = 0xffffffff;
    char text[32];

    for (size_t i = 0; memory && i < size; i++) {
        crc ^= (uint32_t)memory[i] << 24;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x80000000 ? crc << 1 ^ 0x04c11db7 : crc << 1;
    }
    snprintf(text, sizeof text, "C%x", crc);
    answer_text(fake, memory ? text : "E0e");
}

static void read_map(struct fake_gdb *fake, size_t offset, size_t size)
{
    cleanup_free char *xml = xasprintf(
        "<?xml version=\"1.0\"?><!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map"
        " V1.0//EN\" \"http://sourceware.org/gdb/gdb-memory-map.dtd\">\n<memory-map>\n"
        "  <memory type=\"ram\" start=\"0x%x\" length=\"0x%x\"/>\n"
        "  <memory type=\"flash\" start=\"0x%x\" length=\"0x%x\">\n"
        "    <property name=\"blocksize\">0x%x</property>\n  </memory>\n</memory-map>\n",
        FAKE_RAM_AT, FAKE_RAM_SIZE, FAKE_FLASH_AT, FAKE_FLASH_SIZE, FAKE_BLOCK);
    size_t left = offset < strlen(xml) ? strlen(xml) - offset : 0;
    cleanup_free char *part = xasprintf("%c%.*s", left > size ? 'm' : 'l',
                                        (int)(left > size ? size : left), xml + offset);

    answer_text(fake, part);
}

/* ---- requests ------------------------------------------------------------------------------- */

/* True where the request is one of `answers` and has been dealt with. */
static bool answer_as_told(struct fake_gdb *fake, const char *request)
{
    for (size_t i = 0; i < ARRAY_SIZE(fake->answers); i++) {
        const struct fake_answer *row = &fake->answers[i];
        cleanup_strv struct strv parts = {0};
        if (!row->request || !str_starts(request, row->request) || fake->seen[i]++ < row->skip ||
            (row->once && fake->seen[i] > row->skip + 1))
            continue;
        if (row->answer == FAKE_SILENCE)
            return true;
        if (row->answer == FAKE_HANG_UP) {
            shutdown(fake->fd, SHUT_RDWR);
            return true;
        }
        if (!*row->answer)
            answer_text(fake, "");
        strv_split(&parts, row->answer, '\x1f');
        for (size_t p = 0; p < parts.count; p++)
            answer_text(fake, parts.items[p]);
        return true;
    }
    return false;
}

static void serve(struct fake_gdb *fake, const char *text, const char *data, size_t data_size)
{
    unsigned long long a = 0, b = 0;
    cleanup_free char *hello = xasprintf("PacketSize=%zx%s%s;hwbreak+", fake->packet_size,
                                         fake->no_ack ? ";QStartNoAckMode+" : "",
                                         fake->map ? ";qXfer:memory-map:read+" : "");

    if (answer_as_told(fake, text))
        return;
    if (str_starts(text, "qSupported"))
        answer_text(fake, hello);
    else if (!strcmp(text, "?") || str_starts(text, "vAttach;"))
        answer_text(fake, "T05thread:01;");
    else if (!strcmp(text, "QStartNoAckMode") || !strcmp(text, "D") || str_starts(text, "qRcmd,"))
        answer_text(fake, "OK");
    else if (sscanf(text, "qXfer:memory-map:read::%llx,%llx", &a, &b) == 2)
        read_map(fake, a, b);
    else if (sscanf(text, "m%llx,%llx", &a, &b) == 2)
        read_memory(fake, a, b);
    else if (fake->crc && sscanf(text, "qCRC:%llx,%llx", &a, &b) == 2)
        read_crc(fake, a, b);
    else if (fake->map && sscanf(text, "vFlashErase:%llx,%llx", &a, &b) == 2)
        erase_flash(fake, a, b);
    else if (fake->map && sscanf(text, "vFlashWrite:%llx:", &a) == 1)
        write_flash(fake, a, data, data_size);
    else if (fake->map && !strcmp(text, "vFlashDone"))
        answer_text(fake, "OK");
    else if (((fake->x && sscanf(text, "X%llx,%llx:", &a, &b) == 2) ||
              sscanf(text, "M%llx,%llx:", &a, &b) == 2) &&
             b == data_size)
        write_memory(fake, a, data, data_size);
    else
        answer_text(fake, "");
    if (!strcmp(text, "QStartNoAckMode"))
        fake->acks = fake->unacknowledged = false;
}

/* Parts text from data, undoes escapes or hexadecimal, writes the request down. */
static void take_request(struct fake_gdb *fake, const char *at, const char *end)
{
    bool binary = *at == 'X' || str_starts(at, "vFlashWrite:");
    const char *colon = str_starts(at, "vFlashWrite:") ? at + strlen("vFlashWrite") : at - 1;
    struct buf data = BUF_INIT(1 << 20);
    cleanup_free char *text = NULL;

    if (binary || *at == 'M') {
        colon = memchr(colon + 1, ':', (size_t)(end - colon - 1));
        text = xstrndup(at, (size_t)(colon + 1 - at));
        for (const char *c = colon + 1; c < end; c++) {
            unsigned byte = (unsigned char)*c;
            if (!binary && sscanf(c++, "%2x", &byte) != 1)
                complain(fake, "bad hexadecimal");
            else if (binary && *c == '}')
                byte = (unsigned char)(*++c ^ 0x20);
            else if (binary && (*c == '$' || *c == '#'))
                complain(fake, "%c is not escaped", *c);
            buf_add(&data, &(char){(char)byte}, 1);
        }
    } else {
        text = xstrndup(at, (size_t)(end - at));
    }
    strv_add(&fake->requests, text);
    serve(fake, text, data.data, data.size);
    buf_done(&data);
}

/* One packet out of what came; false: there is no whole one. */
static bool take_packet(struct fake_gdb *fake)
{
    const char *at = fake->in.data, *end = fake->in.data + fake->in.size;
    const char *hash;
    unsigned sum = 0, said = 0;

    while (at < end && *at != '$') {
        if (*at == '+')
            fake->unacknowledged = false;
        if (*at == '-')
            send_last(fake);
        at++;
    }
    hash = memchr(at, '#', (size_t)(end - at));
    if (!hash || end - hash < 3) {
        buf_drop_front(&fake->in, (size_t)(at - fake->in.data));
        return false;
    }
    for (const char *c = at + 1; c < hash; c++)
        sum += (unsigned char)*c;
    if (sscanf(hash + 1, "%2x", &said) != 1 || said != (sum & 0xff))
        complain(fake, "wrong checksum");
    if ((size_t)(hash - at - 1) > fake->packet_size)
        complain(fake, "a packet of %zu bytes, PacketSize is %zu", (size_t)(hash - at - 1),
                 fake->packet_size);
    if (fake->reject) {
        fake->reject--;
        send_bytes(fake, "-", 1);
    } else if (fake->answers[0].answer == FAKE_DEAF && fake->answers[0].once) {
        fake->answers[0].once = false;
        fake->answers[0].request = NULL;
    } else {
        if (fake->unacknowledged)
            complain(fake, "an answer was not acknowledged before %.20s", at);
        if (fake->acks)
            send_bytes(fake, "+", 1);
        take_request(fake, at + 1, hash);
    }
    buf_drop_front(&fake->in, (size_t)(hash + 3 - fake->in.data));
    return true;
}

static size_t packets_waiting(const struct fake_gdb *fake)
{
    size_t count = 0;

    for (size_t i = 0; i < fake->in.size; i++)
        count += fake->in.data[i] == '#';
    return count;
}

static void *run(void *arg)
{
    struct fake_gdb *fake = arg;
    char bytes[65536];
    ssize_t n;

    if (fake->listen_fd >= 0)
        fake->fd = accept4(fake->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    fake->acks = true;
    if (fake->stop_reply) {
        send_bytes(fake, "%Stop:T05#99", 12);
        answer_text(fake, "T02thread:01;");
    }
    while ((n = read(fake->fd, bytes, sizeof bytes)) > 0) {
        buf_add(&fake->in, bytes, (size_t)n);
        if (packets_waiting(fake) > fake->most_in_flight)
            fake->most_in_flight = packets_waiting(fake);
        if (fake->gather && str_starts(fake->in.data, "$X") && packets_waiting(fake) < fake->gather)
            continue;
        if (str_starts(fake->in.data, "$X"))
            fake->gather = 0;
        while (take_packet(fake))
            ;
    }
    return NULL;
}

/* ---- life ----------------------------------------------------------------------------------- */

int fake_gdb_start(struct fake_gdb *fake)
{
    int ends[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fake->fd = ends[1];
    cr_assert_eq(pthread_create(&fake->thread, NULL, run, fake), 0);
    return ends[0];
}

void fake_gdb_listen(struct fake_gdb *fake, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, strlen(path));
    fake->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fake->listen_fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(fake->listen_fd, 1), 0);
    cr_assert_eq(pthread_create(&fake->thread, NULL, run, fake), 0);
}

void fake_gdb_stop(struct fake_gdb *fake)
{
    pthread_join(fake->thread, NULL);
}

void fake_gdb_free(struct fake_gdb *fake)
{
    cr_expect_str_empty(fake->complaint, "%s", fake->complaint);
    close_fd(&fake->fd);
    close_fd(&fake->listen_fd);
    strv_done(&fake->requests);
    buf_done(&fake->in);
    buf_done(&fake->last);
    free(fake);
}

size_t fake_gdb_count(const struct fake_gdb *fake, const char *start)
{
    size_t count = 0;

    for (size_t i = 0; i < fake->requests.count; i++)
        count += str_starts(fake->requests.items[i], start);
    return count;
}
