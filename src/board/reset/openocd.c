/* SPDX-License-Identifier: MIT
 *
 * reset openocd: OpenOCD with a debug probe.
 *
 *     flash: {openocd: &probe {interface: stlink, target: stm32f4x, serial: 066DFF515754888367131638}}
 *     reset: {openocd: *probe}
 *
 * Where the console reads RTT through an OpenOCD of its own, that one does it. OpenOCD ends with 0
 * though nobody has answered on the scan chain: that is a failure here.
 */
#include "board/flash/openocd_probe.h"
#include "board/openocd_server.h"
#include "board/reset/reset.h"

static const struct field fields[] = {
    OPENOCD_PROBE_ROWS,
    TOOL_FIELDS(struct openocd_probe),
    {0},
};

static const struct tool_failure failures[] = {
    {"!scan chain interrogation failed", TOOL_NO_TARGET},
    {"!Target not examined", TOOL_NO_TARGET},
    OPENOCD_FAILURES,
    {0},
};

static const char *const run[] = {OPENOCD_CONNECT, "-c", "init",     "-c",
                                  "reset run",     "-c", "shutdown", NULL};

static const struct tool_step steps[] = {
    {"reset", run, .rules = {failures, .said = {"shutdown command invoked"}}},
    {0},
};

static const struct flash_tool tool = {
    .program = "openocd",
    .hint = "sudo apt install openocd",
    .fields = fields,
    .steps = steps,
    .quote = openocd_quote,
};

static void preset(void *self)
{
    tool_preset(self, &tool);
}

static int halt(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    (void)self;
    return env->openocd && openocd_server_running(env->openocd)
               ? openocd_server_ask(env->openocd, "hil_halt", ctx, err)
               : 0;
}

static int reset(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    /* The console's has the probe, and its RTT must be found anew. */
    if (env->openocd && openocd_server_running(env->openocd))
        return openocd_server_ask(env->openocd, "hil_reset", ctx, err);
    return tool_act(self, env, "reset.log", ctx, err);
}

const struct reset_driver reset_openocd = {
    .base = {.name = "openocd",
             .summary = "OpenOCD with a debug probe",
             .fields = fields,
             .self_size = sizeof(struct openocd_probe),
             .preset = preset,
             .check = openocd_probe_check,
             .program = tool_program,
             .hint = tool_hint},
    .halt = halt,
    .reset = reset,
};
