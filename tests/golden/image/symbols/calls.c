/* SPDX-License-Identifier: MIT
 *
 * What the tests of image/symbols look addresses up in. Built in this directory by:
 *
 *     LINK="-mcpu=cortex-m4 -mthumb -nostdlib -Wl,-Ttext=0x08000100,-e,entry,--build-id=none"
 *     FLAGS="-mcpu=cortex-m4 -mthumb -O2 -ffreestanding -fdebug-prefix-map=$PWD=/build/proj"
 *     arm-none-eabi-gcc $FLAGS -gdwarf-5 -c calls.c && arm-none-eabi-gcc $LINK calls.o -o calls-gcc-5.elf
 *     arm-none-eabi-gcc $FLAGS -gdwarf-2 -c calls.c && arm-none-eabi-gcc $LINK calls.o -o calls-gcc-2.elf
 *     clang --target=arm-none-eabi $FLAGS -gdwarf-4 -c calls.c &&
 *         arm-none-eabi-gcc $LINK calls.o -o calls-clang-4.elf
 *     arm-none-eabi-objcopy --compress-debug-sections calls-gcc-5.elf calls-zlib.elf
 *     printf 'pipe\0\1\2\3\4' >link &&
 *         arm-none-eabi-objcopy --add-section .gnu_debugaltlink=link calls-gcc-5.elf calls-altlink.elf
 *     arm-none-eabi-strip -g calls-gcc-5.elf -o calls-symtab.elf
 *     arm-none-eabi-strip -s calls-gcc-5.elf -o calls-stripped.elf
 */
typedef unsigned int word;

static inline word read_register(volatile word *address)
{
    return *address;
}

static inline word read_twice(volatile word *address)
{
    word first = read_register(address);
    return first + read_register(address + 1);
}

__attribute__((noinline)) word sum(volatile word *values, word count)
{
    word total = 0;
    while (count--)
        total += read_twice(values + count);
    return total;
}

__asm__(".text\n.thumb\n.global in_assembler\n.thumb_func\nin_assembler:\n nop\n bx lr\n");

void entry(void)
{
    static volatile word values[4];
    values[0] = sum(values, 3);
    for (;;)
        ;
}
