/* SPDX-License-Identifier: MIT
 *
 * hil_identity: firmware says which image it is, for hil run --build-id auto and --nonce. Copy it.
 *
 *     hil_say_build_id(put);       before the first test; put is putchar(), or as simple
 *     hil_echo_nonce(put, get);    get() reads one: -1 when none came for as long as it waits
 *
 * Link with -Wl,--build-id, and in the linker script give the note a place in flash and this name:
 *
 *     .note.gnu.build-id : { hil_build_id_note = .; KEEP(*(.note.gnu.build-id)) } >FLASH
 */
#ifndef HIL_IDENTITY_H
#define HIL_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#define HIL_NONCE_MAX 64

extern const uint32_t hil_build_id_note[]; /* ELF gABI, "Note Section" */

static inline void hil_say(int (*put)(int c), const char *text)
{
    while (*text)
        put(*text++);
}

static inline void hil_say_build_id(int (*put)(int c))
{
    const uint8_t *bytes = (const uint8_t *)(hil_build_id_note + 4); /* sizes, type, "GNU" */

    hil_say(put, "hil: build-id ");
    for (uint32_t i = 0; i < hil_build_id_note[1]; i++) {
        put("0123456789abcdef"[bytes[i] >> 4]);
        put("0123456789abcdef"[bytes[i] & 0xF]);
    }
    hil_say(put, "\n");
}

/* False where nobody answered. */
static inline bool hil_echo_nonce(int (*put)(int c), int (*get)(void))
{
    char line[HIL_NONCE_MAX + 1];
    int c, size = 0;

    hil_say(put, "hil: nonce?\n");
    while ((c = get()) >= 0 && (size == 0 || (c != '\n' && c != '\r')))
        if (c > ' ' && size < HIL_NONCE_MAX)
            line[size++] = (char)c;
    line[size] = '\0';
    if (c < 0)
        return false;
    hil_say(put, "hil: nonce ");
    hil_say(put, line);
    hil_say(put, "\n");
    return true;
}

#endif
