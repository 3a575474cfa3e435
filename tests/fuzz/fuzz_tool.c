/* SPDX-License-Identifier: MIT
 *
 * What a flashing tool prints. The first byte chooses the tool, the second its step, the third the
 * exit code, the fourth the size of the pieces; the rest is its output. However it is cut, the
 * verdict is the same, and it is never good without what the tool must have said.
 */
#include "board/flash/flash.h"
#include "board/flash/tool.h"
#include "board/flash/tool_judge.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_progress(void *arg, const char *step, unsigned percent)
{
    (void)arg;
    require(percent <= 100 && (!strcmp(step, "flash") || !strcmp(step, "verify")));
}

/* The tool's step that the two bytes mean; NULL: that driver is no tool. */
static const struct tool_rules *choose(uint8_t driver, uint8_t step)
{
    const struct flash_tool *tool;
    size_t count = 0, steps = 0;
    void *self;

    while (flash_drivers[count])
        count++;
    if (flash_drivers[driver % count]->program != tool_flash)
        return NULL;
    self = xcalloc(1, flash_drivers[driver % count]->base.self_size);
    flash_drivers[driver % count]->base.preset(self);
    tool = ((struct tool_conf *)self)->tool;
    free(self);
    while (tool->steps[steps].argv)
        steps++;
    return &tool->steps[step % steps].rules;
}

static int judge(const struct tool_rules *rules, const char *output, size_t count, size_t piece,
                 int exit_code, struct err *err)
{
    struct tool_judge judge;
    int rc;

    tool_judge_begin(&judge, rules);
    judge.tell = check_progress;
    for (size_t at = 0; at < count; at += piece)
        tool_judge_feed(&judge, output + at, count - at < piece ? count - at : piece);
    tool_judge_end(&judge);
    rc = tool_judge_verdict(&judge, exit_code, 0, "", err);
    require((rc == 0) == (err->message[0] == '\0'));
    require(rc < 0 || exit_code == 0 || exit_code == rules->also_ok);
    for (size_t i = 0; rc == 0 && i < TOOL_SAID_MAX && rules->said[i]; i++)
        require(judge.saw[i]);
    tool_judge_chip(&judge, "0x421", NULL);
    tool_judge_chip(&judge, "STM32", NULL);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct err whole = {0}, pieces = {0};
    const struct tool_rules *rules = count < 4 ? NULL : choose(bytes[0], bytes[1]);

    if (!rules || count > 65536)
        return 0;
    const char *output = (const char *)bytes + 4;
    int a = judge(rules, output, count - 4, count, bytes[2], &whole);
    int b = judge(rules, output, count - 4, bytes[3] + 1u, bytes[2], &pieces);
    require(a == b && !strcmp(whole.message, pieces.message));
    return 0;
}
