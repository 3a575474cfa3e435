@ SPDX-License-Identifier: MIT
@ A vector table, a little code, initialised data that is copied to RAM, and option bytes far away.
        .syntax unified
        .cpu cortex-m4
        .thumb

        .section .vectors, "a"
        .word   0x20002000
        .word   reset + 1

        .text
        .global reset
        .type reset, %function
reset:  ldr     r0, =data_load
        ldr     r1, =data_start
        ldr     r2, =data_end
1:      cmp     r1, r2
        beq     2f
        ldr     r3, [r0], #4
        str     r3, [r1], #4
        b       1b
2:      b       2b
        .ltorg

        .data
        .word   1, 2, 3, 0xCAFEBABE
        .ascii  "initialised data, loaded behind the code"

        .section .options, "a"
        .byte   0xAA, 0x55, 0xFF, 0x00, 0x01, 0x02, 0x03

        .bss
        .space  64
