/* SPDX-License-Identifier: MIT */
#include "result/verdict.h"

const char *verdict_name(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_PASS:
        return "pass";
    case VERDICT_FAIL:
        return "fail";
    case VERDICT_INFRA:
        break;
    }
    return "infra";
}

int verdict_exit_code(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_PASS:
        return 0;
    case VERDICT_FAIL:
        return 1;
    case VERDICT_INFRA:
        break;
    }
    return 3;
}

enum verdict verdict_worse(enum verdict a, enum verdict b)
{
    if (a == VERDICT_FAIL || b == VERDICT_FAIL)
        return VERDICT_FAIL;
    return a == VERDICT_PASS ? b : a;
}

const char *blame_name(enum blame blame)
{
    static const char *const names[] = {"unknown", "board", "firmware", "flaky"};

    return names[blame];
}
