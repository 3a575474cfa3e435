// SPDX-License-Identifier: MIT
//
// The lines that panic are named in the logs: 11, 29 and 40.

#[cfg(test)]
use std::io::Write;

/// Half of it, rounded down.
/// Negative numbers are refused.
pub fn half(number: i32) -> i32 {
    assert!(number >= 0, "negative: {}", number);
    // What is left over is lost.
    number / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_even() {
        println!("half of 4 is {}", half(4));
    }

    #[test]
    fn half_of_odd() {
        println!("about to fail");
        print!("no line end");
        assert_eq!(half(5), 3, "rounds up");
    }

    #[test]
    #[should_panic]
    fn negative_is_refused() {
        half(-1);
    }

    #[test]
    #[should_panic]
    fn does_not_panic() {
        half(8);
    }

    #[test]
    fn gives_an_error() -> Result<(), String> {
        if std::env::var_os("CRASH").is_some() {
            std::process::abort();
        }
        Err("bus is busy".to_string())
    }

    #[test]
    #[ignore = "needs the board"]
    fn on_board() {}

    #[test]
    #[ignore]
    fn slow() {}

    #[test]
    fn prints_a_line_like_a_result() {
        println!("test half_of_odd ... ok");
        print!("and one without an end");
        std::io::stdout().flush().unwrap();
    }
}
