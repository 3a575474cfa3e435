/* SPDX-License-Identifier: MIT */
#include <CppUTest/CommandLineTestRunner.h>
#include <CppUTest/TestHarness.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

TEST_GROUP(Flash) {};

TEST(Flash, Erases)
{
    UT_PRINT("sector 3");
}

TEST(Flash, Crashes)
{
    if (getenv("CRASH"))
        raise(SIGSEGV);
}

TEST_GROUP(Ring) {};

TEST(Ring, IsEmptyAtFirst)
{
    CHECK_TRUE(true);
}

TEST(Ring, Wraps)
{
    LONGS_EQUAL(8, 7);
}

TEST(Ring, PrintsWithoutLineEnd)
{
    fputs("fill level 3", stdout);
    fflush(stdout);
}

TEST(Ring, PrintsAndFails)
{
    puts("fill level 99");
    STRCMP_EQUAL_TEXT("full", "empty", "after 3 bytes");
}

IGNORE_TEST(Ring, Later)
{
    FAIL("never");
}

TEST(Ring, Leaks)
{
    free(malloc(1));
    new char[7];
}

int main(int argc, char **argv)
{
    return CommandLineTestRunner::RunAllTests(argc, argv);
}
