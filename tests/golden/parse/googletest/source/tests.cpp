/* SPDX-License-Identifier: MIT */
#include <gtest/gtest.h>

#include <cstdio>
#include <stdexcept>
#include <unistd.h>

TEST(Timer, CountsUp)
{
    EXPECT_LT(1, 2);
}

TEST(Timer, Wraps)
{
    EXPECT_EQ(1 + 1, 3) << "after the overflow";
    EXPECT_TRUE(false);
}

TEST(Timer, PrintsWithoutLineEnd)
{
    fputs("temperature 21.5", stdout);
    fflush(stdout);
}

TEST(Timer, PrintsAndFails)
{
    fputs("temperature 99.9", stdout);
    fflush(stdout);
    FAIL() << "too hot:\nopen the window";
}

TEST(Timer, NeedsSensor)
{
    GTEST_SKIP() << "no sensor";
}

TEST(Timer, DISABLED_Later)
{
    FAIL();
}

TEST(Timer, Throws)
{
    throw std::runtime_error("bus error: 7");
}

class Uart : public testing::Test
{
  protected:
    void TearDown() override { puts("uart closed"); }
};

TEST_F(Uart, Echoes)
{
    RecordProperty("baud", 115200);
}

class Pins : public testing::TestWithParam<const char *>
{
};

TEST_P(Pins, Toggle)
{
    EXPECT_STRNE(GetParam(), "b [7], (odd)");
}

INSTANTIATE_TEST_SUITE_P(Port, Pins, testing::Values("a", "b [7], (odd)", "täst # 3"));

template <typename T> class Width : public testing::Test
{
};
using Widths = testing::Types<char, unsigned long>;
TYPED_TEST_SUITE(Width, Widths);

TYPED_TEST(Width, FitsARegister)
{
    EXPECT_LE(sizeof(TypeParam), 4u);
}

TEST(TimerDeathTest, DiesOfZero)
{
    EXPECT_DEATH({ fputs("division by zero\n", stderr); _exit(3); }, "division");
}

TEST(TimerDeathTest, ShouldDie)
{
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    EXPECT_DEATH(puts("still here"), "");
}

TEST(Zz, Segfault)
{
    if (getenv("CRASH"))
        raise(SIGSEGV);
}
