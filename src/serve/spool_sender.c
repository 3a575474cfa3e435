/* SPDX-License-Identifier: MIT */
#include "serve/spool_sender.h"

#include "serve/loop.h"
#include "store/spool.h"

#include <stdlib.h>

#define SEND_MS 120000

static void begin(struct spool_sender *sender, const char *lab_path, const struct ctx *ctx)
{
    const char *const argv[] = {"store", "send", "--lab", lab_path, NULL};

    if (!sender->program)
        sender->program = child_program();
    child_start(&sender->child, sender->program, argv, SEND_MS, ctx, NULL);
}

void spool_sender_turn(struct spool_sender *sender, const struct lab *lab, const char *lab_path,
                       const char *state_dir, const struct ctx *ctx, int64_t *due_ns)
{
    struct spool_waiting waiting;

    if (sender->child.proc && (!proc_running(sender->child.proc) || child_is_late(&sender->child)))
        child_end(&sender->child, NULL);
    if (!lab->store.url)
        return;
    if (ctx_now_ns() >= sender->next_ns) {
        sender->next_ns = loop_after_ms(SPOOL_SENDER_MS);
        spool_look(state_dir, lab->name, &waiting);
        if (waiting.files && !sender->child.proc)
            begin(sender, lab_path, ctx);
    }
    loop_sooner(due_ns, sender->next_ns);
}

void spool_sender_end(struct spool_sender *sender)
{
    if (sender->child.proc)
        child_end(&sender->child, NULL);
    free(sender->program);
    *sender = (struct spool_sender){.next_ns = 0};
}
