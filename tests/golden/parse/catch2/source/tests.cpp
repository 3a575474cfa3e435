/* SPDX-License-Identifier: MIT */
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

TEST_CASE("the queue is empty at first", "[queue]")
{
    REQUIRE(1 + 1 == 2);
}

TEST_CASE("the queue: wraps, [odd] 'name' #7", "[queue][odd]")
{
    SECTION("forwards")
    {
        CHECK(1 + 1 == 3);
        REQUIRE(2 > 1);
    }
    SECTION("backwards: twice")
    {
        INFO("at position " << 7);
        REQUIRE(1 == 2);
    }
}

TEST_CASE("output without a line end")
{
    fputs("volts 3.3", stdout);
    fflush(stdout);
    REQUIRE(true);
}

TEST_CASE("an exception comes out")
{
    throw std::runtime_error("bus error: 7");
}

TEST_CASE("it may fail", "[!mayfail]")
{
    FAIL("not yet");
}

TEST_CASE("a name that is so long that the console breaks it over two lines, since a line has no "
          "more than eighty columns there")
{
    REQUIRE(1 == 2);
}

TEST_CASE("nothing is asserted") {}

SCENARIO("a valve opens")
{
    GIVEN("a closed valve")
    {
        WHEN("the coil is powered")
        {
            THEN("it is open")
            {
                REQUIRE(0 == 1);
            }
        }
    }
}

TEST_CASE("crash", "[.]")
{
    raise(SIGSEGV);
}
