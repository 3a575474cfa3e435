/* SPDX-License-Identifier: MIT
 *
 * Written from DFU 1.1 (states: A.1, A.2) and AN3156; an STM32F405's memory (RM0090, table 5).
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 2048

enum { DETACH, DNLOAD, UPLOAD, GETSTATUS, CLRSTATUS, GETSTATE, ABORT };
enum {
    APP_IDLE,
    APP_DETACH,
    IDLE,
    DNLOAD_SYNC,
    DNBUSY,
    DNLOAD_IDLE,
    MANIFEST_SYNC,
    MANIFEST,
    MANIFEST_WAIT_RESET,
    UPLOAD_IDLE,
    FAILED
};
enum { OK = 0, ERR_TARGET = 1, ERR_WRITE = 3, ERR_PROG = 6, ERR_VENDOR = 0x0b, ERR_STALLED = 0x0f };

bool model_option(struct model_conf *conf, const char *word)
{
    const struct {
        const char *name;
        bool *flag;
        unsigned *number;
    } rows[] = {
        {"plain", &conf->plain, NULL},          {"runtime", &conf->runtime, NULL},
        {"fragile", &conf->fragile, NULL},      {"protect", &conf->protect, NULL},
        {"stays", &conf->stays, NULL},          {"erase=", NULL, &conf->erase_ms},
        {"write=", NULL, &conf->write_ms},      {"unplug=", NULL, &conf->unplug_after},
        {"silent=", NULL, &conf->silent_after}, {"bad=", NULL, &conf->bad_byte},
        {"wedge=", NULL, &conf->wedge_after},   {"vanishes", &conf->vanishes, NULL},
        {"linger=", NULL, &conf->linger_after},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t length = strlen(rows[i].name);
        if (rows[i].flag && !strcmp(word, rows[i].name))
            return *rows[i].flag = true;
        if (rows[i].number && !strncmp(word, rows[i].name, length)) {
            *rows[i].number = (unsigned)strtoul(word + length, NULL, 0);
            return true;
        }
    }
    return false;
}

void model_init(struct model *model, const struct model_conf *conf)
{
    *model = (struct model){.conf = *conf, .state = conf->runtime ? APP_IDLE : IDLE};
    model->pointer = MODEL_FLASH;
    memset(model->flash, 0xFF, sizeof model->flash);
    /* an older firmware, so that a missing erase shows */
    memset(model->flash, 0x5A, sizeof model->flash / 2);
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Sectors of 16K four times, 64K once, 128K seven times. */
static bool sector_of(uint32_t address, uint32_t *ret_at, uint32_t *ret_size)
{
    uint32_t at = MODEL_FLASH;

    for (int i = 0; i < 12; i++) {
        uint32_t size = i < 4 ? 16384 : i == 4 ? 65536 : 131072;
        if (address >= at && address - at < size) {
            *ret_at = at;
            *ret_size = size;
            return true;
        }
        at += size;
    }
    return false;
}

static uint8_t erase(struct model *model, uint32_t address)
{
    uint32_t at, size;

    if (model->conf.protect)
        return ERR_VENDOR;
    if (!sector_of(address, &at, &size))
        return ERR_TARGET;
    memset(model->flash + (at - MODEL_FLASH), 0xFF, size);
    model->erases++;
    return OK;
}

static bool in_flash(uint32_t address, size_t size)
{
    return address >= MODEL_FLASH && address - MODEL_FLASH <= MODEL_FLASH_SIZE &&
           size <= MODEL_FLASH_SIZE - (address - MODEL_FLASH);
}

/* NOR: a write can only clear bits. */
static uint8_t write(struct model *model, uint32_t address, const uint8_t *bytes, size_t size)
{
    if (model->conf.protect)
        return ERR_VENDOR;
    if (!in_flash(address, size))
        return ERR_TARGET;
    for (size_t i = 0; i < size; i++) {
        uint32_t offset = address - MODEL_FLASH + (uint32_t)i;
        uint8_t *cell = &model->flash[offset];
        if ((*cell & bytes[i]) != bytes[i])
            model->bad_writes++;
        *cell &= offset && offset == model->conf.bad_byte ? 0xFF : bytes[i];
    }
    model->written += size;
    return OK;
}

/* ---- what a download means ------------------------------------------------------------------- */

static uint32_t address_in(const struct model *model)
{
    const uint8_t *p = model->pending + 1;

    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint8_t command(struct model *model)
{
    if (model->pending_size == 5 && model->pending[0] == 0x21) {
        uint32_t address = address_in(model);
        if (!in_flash(address, 1))
            return ERR_TARGET;
        model->pointer = address;
        return OK;
    }
    if (model->pending_size == 5 && model->pending[0] == 0x41)
        return erase(model, address_in(model));
    if (model->pending_size == 1 && model->pending[0] == 0x41) {
        uint8_t status = OK;
        for (uint32_t at = MODEL_FLASH; status == OK && at < MODEL_FLASH + MODEL_FLASH_SIZE;
             at += 16384)
            status = erase(model, at);
        return status;
    }
    return ERR_STALLED;
}

static uint8_t perform(struct model *model)
{
    uint32_t at = model->conf.plain ? MODEL_FLASH + model->block * (uint32_t)BLOCK
                                    : model->pointer + (model->block - 2u) * BLOCK;

    if (!model->conf.plain && model->block < 2)
        return command(model);
    if (model->conf.plain && model->block == 0)
        memset(model->flash, 0xFF, sizeof model->flash); /* erases as it goes */
    return write(model, at, model->pending, model->pending_size);
}

static unsigned takes_ms(const struct model *model)
{
    if (!model->conf.plain && model->block < 2)
        return model->pending[0] == 0x41 ? model->conf.erase_ms : 0;
    return model->conf.write_ms;
}

/* ---- requests -------------------------------------------------------------------------------- */

static int stall(struct model *model)
{
    model->state = FAILED;
    model->status = ERR_STALLED;
    return MODEL_STALL;
}

static int download(struct model *model, uint16_t block, const uint8_t *bytes, size_t size)
{
    if ((model->state != IDLE && model->state != DNLOAD_IDLE) || size > BLOCK)
        return stall(model);
    if (model->conf.plain && !size && model->state != DNLOAD_IDLE)
        return stall(model);
    model->downloads++;
    model->block = block;
    model->pending_size = size;
    memcpy(model->pending, bytes, size);
    model->has_pending = true;
    model->state = size ? DNLOAD_SYNC : MANIFEST_SYNC;
    return (int)size;
}

static int upload(struct model *model, uint16_t block, uint8_t *bytes, size_t size)
{
    uint32_t at = model->conf.plain ? MODEL_FLASH + block * (uint32_t)BLOCK
                                    : model->pointer + (block - 2u) * BLOCK;

    if ((model->state != IDLE && model->state != UPLOAD_IDLE) || size > BLOCK)
        return stall(model);
    model->uploads++;
    if (model->conf.protect) {
        model->state = FAILED;
        model->status = ERR_VENDOR;
        return MODEL_STALL;
    }
    model->state = UPLOAD_IDLE;
    if (!model->conf.plain && block == 0) {
        static const uint8_t commands[] = {0x00, 0x21, 0x41, 0x92};
        size = size < sizeof commands ? size : sizeof commands;
        memcpy(bytes, commands, size);
        return (int)size;
    }
    if (!in_flash(at, size))
        return stall(model);
    memcpy(bytes, model->flash + (at - MODEL_FLASH), size);
    return (int)size;
}

static bool lingers(const struct model *model)
{
    return model->conf.linger_after && model->written >= model->conf.linger_after;
}

static void leave(struct model *model)
{
    if (model->conf.stays) {
        model->state = IDLE;
        return;
    }
    model->gone = model->conf.vanishes;
    model->booted = !model->gone;
    model->boot_address = model->pointer;
}

/* The one request that makes it do what it was sent (AN3156, 4.2). */
static void advance(struct model *model, unsigned *poll_ms, int64_t now_us)
{
    if (model->state == DNLOAD_SYNC && model->has_pending) {
        model->status = perform(model);
        *poll_ms = takes_ms(model);
        model->busy_until_us = now_us + (int64_t)*poll_ms * 1000;
        model->has_pending = false;
        model->state = DNBUSY;
    } else if (model->state == DNBUSY && lingers(model)) {
        *poll_ms = 20;
    } else if (model->state == DNBUSY && !model->conf.busy) {
        model->state = model->status ? FAILED : DNLOAD_IDLE;
    } else if (model->state == MANIFEST_SYNC && model->has_pending) {
        model->has_pending = false;
        model->state = MANIFEST;
    } else if (model->state == MANIFEST) {
        model->manifested = true;
        model->state = model->conf.fragile ? MANIFEST_WAIT_RESET : IDLE;
    }
}

static int get_status(struct model *model, uint8_t *bytes, int64_t now_us, int64_t *ret_due_us)
{
    unsigned poll_ms = 0;
    uint8_t status;

    model->polls++;
    if (model->state == DNBUSY && now_us < model->busy_until_us) {
        model->early_polls++;
        *ret_due_us = model->busy_until_us; /* a busy STM32 leaves the host without an answer */
    }
    advance(model, &poll_ms, now_us);
    status = model->state == DNBUSY ? OK : model->status;
    memcpy(bytes,
           (uint8_t[6]){status, (uint8_t)poll_ms, (uint8_t)(poll_ms >> 8), (uint8_t)(poll_ms >> 16),
                        model->state, 0},
           6);
    if (model->state == MANIFEST && !model->conf.plain)
        leave(model);
    return 6;
}

static int runtime_control(struct model *model, uint8_t request, uint8_t *bytes)
{
    if (request == DETACH) {
        model->detached = true;
        return 0;
    }
    if (request != GETSTATUS)
        return MODEL_STALL;
    memcpy(bytes, (uint8_t[6]){0, 0, 0, 0, APP_IDLE, 0}, 6);
    return 6;
}

static bool is_wedged(const struct model *model)
{
    return model->conf.wedge_after && model->written >= model->conf.wedge_after;
}

static int dfu_control(struct model *model, const uint8_t setup[8], uint8_t *bytes, int64_t now_us,
                       int64_t *ret_due_us)
{
    uint16_t value = (uint16_t)(setup[2] | setup[3] << 8);
    uint16_t size = (uint16_t)(setup[6] | setup[7] << 8);

    if (is_wedged(model))
        return stall(model);
    switch (setup[1]) {
    case DNLOAD:
        return download(model, value, bytes, size);
    case UPLOAD:
        return upload(model, value, bytes, size);
    case GETSTATUS:
        return get_status(model, bytes, now_us, ret_due_us);
    case GETSTATE:
        bytes[0] = model->state;
        return 1;
    case CLRSTATUS:
        if (model->state != FAILED)
            return stall(model);
        model->state = IDLE;
        model->status = OK;
        return 0;
    case ABORT:
        if (model->state != IDLE && model->state != DNLOAD_IDLE && model->state != UPLOAD_IDLE)
            return stall(model);
        model->state = IDLE;
        return 0;
    default:
        return stall(model);
    }
}

static int get_descriptor(const struct model *model, const uint8_t setup[8], uint8_t *bytes)
{
    size_t room = (size_t)(setup[6] | setup[7] << 8), size = 0;
    uint8_t all[256];

    if (setup[3] == 3 && setup[2] == 0) {
        memcpy(all, (uint8_t[]){4, 3, 9, 4}, size = 4);
    } else if (setup[3] == 3) {
        const char *text = setup[2] >= 4   ? model_string(model, setup[2] - 4u)
                           : setup[2] == 3 ? model->conf.serial
                                           : "Example";
        size = 2;
        for (; text && *text && size < 254; text++, size += 2)
            all[size] = (uint8_t)*text, all[size + 1] = 0;
        all[0] = (uint8_t)size;
        all[1] = 3;
    } else if (setup[3] == 1 || setup[3] == 2) {
        size = model_descriptors(model, all);
        memmove(all, all + (setup[3] == 2 ? 18 : 0), size - (setup[3] == 2 ? 18 : 0));
        size = setup[3] == 2 ? size - 18 : 18;
    } else {
        return MODEL_STALL;
    }
    size = size < room ? size : room;
    memcpy(bytes, all, size);
    return (int)size;
}

int model_control(struct model *model, const uint8_t setup[8], uint8_t *bytes, int64_t now_us,
                  int64_t *ret_due_us)
{
    *ret_due_us = now_us;
    if (model->booted || model->gone)
        return MODEL_GONE;
    if (model->conf.unplug_after && model->written >= model->conf.unplug_after)
        return MODEL_GONE;
    if (model->conf.silent_after && model->written >= model->conf.silent_after)
        return MODEL_NEVER;
    if ((setup[0] & 0x60) == 0x20)
        return model->state <= APP_DETACH ? runtime_control(model, setup[1], bytes)
                                          : dfu_control(model, setup, bytes, now_us, ret_due_us);
    if (setup[1] == 6)
        return get_descriptor(model, setup, bytes);
    if (setup[1] == 8) {
        bytes[0] = 1; /* the configuration */
        return 1;
    }
    return 0;
}

void model_reset(struct model *model)
{
    if (model->detached)
        return;
    if (is_wedged(model))
        model->conf.wedge_after = 0;
    if (model->manifested)
        model->booted = true;
    else
        model->state = IDLE;
}

/* ---- what it shows --------------------------------------------------------------------------- */

unsigned model_alternates(const struct model *model)
{
    return model->conf.plain || model->conf.runtime ? 1 : 4;
}

const char *model_string(const struct model *model, unsigned alternate)
{
    static const char *const names[] = {"@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg",
                                        "@Option Bytes  /0x1FFFC000/01*016 e",
                                        "@OTP Memory /0x1FFF7800/01*512 e,01*016 e",
                                        "@Device Feature/0xFFFF0000/01*004 e"};

    if (model->conf.plain || model->conf.runtime)
        return "Firmware";
    if (model->conf.odd && alternate == 3)
        return "@Device Feature/0xWHAT";
    return alternate < 4 ? names[alternate] : "";
}

size_t model_descriptors(const struct model *model, uint8_t ret[256])
{
    static const uint8_t device[18] = {18,   1,    0x00, 0x01, 0,    0, 0, 64, 0x83,
                                       0x04, 0x11, 0xdf, 0x00, 0x22, 1, 2, 3,  1};
    unsigned alternates = model_alternates(model);
    size_t size = 18 + 9, total = 9 + 9 * (size_t)alternates + 9;
    uint8_t attributes =
        (uint8_t)(1 | 2 | (model->conf.fragile ? 0 : 4) | (model->conf.runtime ? 8 : 0));

    memcpy(ret, device, sizeof device);
    if (model->conf.plain || model->conf.runtime)
        memcpy(ret + 8, (uint8_t[]){0x50, 0x1d, 0x7f, 0x60}, 4); /* 1d50:607f */
    memcpy(ret + 18, (uint8_t[9]){9, 2, (uint8_t)total, 0, 1, 1, 0, 0xc0, 50}, 9);
    for (unsigned i = 0; i < alternates; i++, size += 9)
        memcpy(ret + size,
               (uint8_t[9]){9, 4, 0, (uint8_t)i, 0, 0xfe, 1, model->conf.runtime ? 1 : 2,
                            (uint8_t)(4 + i)},
               9);
    memcpy(ret + size,
           (uint8_t[9]){9, 0x21, attributes, 255, 0, BLOCK & 0xff, BLOCK >> 8,
                        model->conf.plain || model->conf.runtime ? 0x10 : 0x1a, 1},
           9);
    return size + 9;
}

void model_save(const struct model *model, const char *path)
{
    char flash[4096];
    FILE *file = path ? fopen(path, "w") : NULL;

    if (!file)
        return;
    fprintf(file,
            "{\"written\": %lu, \"erases\": %lu, \"downloads\": %lu, \"uploads\": %lu, "
            "\"polls\": %lu, \"early_polls\": %lu, \"bad_writes\": %lu, "
            "\"requests\": %lu, \"booted\": %s}\n",
            model->written, model->erases, model->downloads, model->uploads, model->polls,
            model->early_polls, model->bad_writes, model->requests,
            model->booted ? "true" : "false");
    fclose(file);
    snprintf(flash, sizeof flash, "%s.flash", path);
    file = fopen(flash, "w");
    if (!file)
        return;
    fwrite(model->flash, 1, sizeof model->flash, file);
    fclose(file);
}
