/* SPDX-License-Identifier: MIT
 *
 * model: a USB bootloader as its makers' papers describe it: DFU 1.1, and an STM32's (AN3156).
 *
 * Knows nothing of how requests reach it. Strict where hardware is: blocks are written to NOR flash
 * that only an erase sets to ones; while it is busy it does not answer; a request out of order is a
 * stall and dfuERROR. Counts what a host does.
 */
#ifndef HIL_TEST_USB_MODEL_H
#define HIL_TEST_USB_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_FLASH 0x08000000u
#define MODEL_FLASH_SIZE (1024u * 1024)
#define MODEL_STALL (-1)
#define MODEL_GONE (-2)  /* unplugged */
#define MODEL_NEVER (-3) /* no answer, ever */

struct model_conf {
    bool plain;   /* DFU 1.1 without DfuSe */
    bool runtime; /* begins as firmware that can be detached */
    bool fragile; /* plain: waits for a reset after manifestation */
    bool protect; /* read protection is on */
    bool stays;   /* does not leave */
    bool odd;     /* the last setting has a name that is no layout */
    bool busy;    /* says that it is, for ever, and wants no wait between questions */
    unsigned erase_ms, write_ms; /* what it asks the host to wait, and takes */
    unsigned unplug_after;       /* bytes written; 0: never */
    unsigned silent_after;       /* the same, and it stops answering */
    unsigned wedge_after;        /* the same, and it refuses all until its port is reset */
    unsigned linger_after;       /* the same, and it is busy for ever */
    bool vanishes;               /* is unplugged as it leaves */
    unsigned bad_byte;           /* offset of a flash cell that does not take zeroes; 0: none */
    const char *serial;          /* NULL: none; borrowed */
};

struct model {
    struct model_conf conf;
    uint8_t flash[MODEL_FLASH_SIZE];
    uint8_t state, status;
    uint32_t pointer;
    uint16_t block;
    uint8_t pending[4096];
    size_t pending_size;
    bool has_pending;
    int64_t busy_until_us;
    bool booted;     /* has left for its firmware: off the bus, or back as something else */
    bool gone;       /* was unplugged */
    bool manifested; /* plain: has its firmware, and boots it at the next reset */
    bool detached;   /* firmware: was told to enter its bootloader */
    uint32_t boot_address;
    unsigned long written, erases, downloads, uploads, polls, early_polls, bad_writes;
    unsigned long requests; /* of any kind, those that only open and close it, too */
};

/* "protect", "erase=200", ...: a word of a test's device list; false: not one of ours. */
bool model_option(struct model_conf *conf, const char *word);
void model_init(struct model *model, const struct model_conf *conf);

/* A control request at `now_us`; IN data goes to `bytes`. Returns the bytes moved or MODEL_*; the
 * answer comes no sooner than *ret_due_us. */
int model_control(struct model *model, const uint8_t setup[8], uint8_t *bytes, int64_t now_us,
                  int64_t *ret_due_us);
void model_reset(struct model *model); /* of the port */

/* What it counted to `path`, and its flash to `path`.flash. NULL: nowhere. */
void model_save(const struct model *model, const char *path);

/* What it shows. */
const char *model_string(const struct model *model, unsigned alternate);
unsigned model_alternates(const struct model *model);
size_t model_descriptors(const struct model *model, uint8_t ret[256]); /* device, then config */

#endif
