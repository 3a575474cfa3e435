/* SPDX-License-Identifier: MIT
 *
 * fake_gdb: a GDB server with 256 KiB of flash and 64 KiB of RAM, in a thread of the test.
 *
 * It speaks the protocol with code of its own, holds the client to the rules (PacketSize, escapes,
 * acknowledgements, erase before write) and writes down what it was asked. A broken rule ends up in
 * `complaint`. Set the knobs, start, use the client, stop, then look.
 */
#ifndef HIL_TEST_FAKE_GDB_H
#define HIL_TEST_FAKE_GDB_H

#include "base/buf.h"
#include "base/str.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define FAKE_FLASH_AT 0x08000000u
#define FAKE_FLASH_SIZE (256u * 1024)
#define FAKE_BLOCK 4096u
#define FAKE_RAM_AT 0x20000000u
#define FAKE_RAM_SIZE (64u * 1024)

#define FAKE_SILENCE ((const char *)1) /* the request is acknowledged and never answered */
#define FAKE_DEAF ((const char *)2)    /* the request is lost: not even acknowledged, once */
#define FAKE_HANG_UP ((const char *)3)

struct fake_answer {
    const char *request; /* what the packet starts with */
    size_t skip;         /* this many such packets get their ordinary answer first */
    const char *answer;  /* sent instead; several packets are parted by \x1f */
    bool once;
};

struct fake_gdb {
    /* knobs */
    size_t packet_size;
    bool no_ack, x, crc, map;
    bool flat;               /* flash may be written as memory, as in QEMU */
    bool stop_reply;         /* says why it stopped before the first answer, as QEMU does */
    size_t read_most;        /* bytes that one `m` answers at most; 0: no limit */
    unsigned damage, reject; /* so many answers with a wrong checksum; requests refused by '-' */
    size_t gather;           /* answers the first X only once so many packets are there */
    struct fake_answer answers[4];

    /* to look at afterwards */
    uint8_t flash[FAKE_FLASH_SIZE], ram[FAKE_RAM_SIZE];
    struct strv requests;  /* binary data left out */
    char complaint[256];   /* "": none */
    size_t most_in_flight; /* packets that came together */

    /* its own */
    int fd, listen_fd;
    pthread_t thread;
    struct buf in, last;
    bool acks, unacknowledged, erased[FAKE_FLASH_SIZE / FAKE_BLOCK];
    size_t seen[4];
};

struct fake_gdb *fake_gdb_new(void); /* everything on, packets of 1024 bytes, flash all 0x5a */
int fake_gdb_start(struct fake_gdb *fake); /* the client's descriptor */
void fake_gdb_listen(struct fake_gdb *fake, const char *path);
void fake_gdb_stop(struct fake_gdb *fake); /* the client has hung up */
void fake_gdb_free(struct fake_gdb *fake); /* fails the test where there is a complaint */
/* Requests that start like this. */
size_t fake_gdb_count(const struct fake_gdb *fake, const char *start);

#endif
