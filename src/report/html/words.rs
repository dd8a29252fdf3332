//! Sizes, times and numbers as people read them.

use crate::report::record::{Moment, Seconds};
use crate::words::count;
use std::time::Duration;

/// `812 bytes`, `1.2 kB`, `640 MB`, in powers of ten as registries and specs count.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1_000 {
        return count(bytes as usize, "byte");
    }
    let mut value = bytes as f64 / 1e3;
    let mut unit = 0;
    // What would be rounded to 1000 belongs to the next unit.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1e3;
        unit += 1;
    }
    let decimals = usize::from(value < 99.95);
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// `40 ms`, `0.39 s`, `12.4 s`, `3 min 20 s`, `2 h 5 min`.
pub(super) fn time(time: Seconds) -> String {
    let millis = Duration::from(time).as_millis();
    let seconds = (millis + 500) / 1_000;
    match millis {
        0..100 => format!("{millis} ms"),
        100..9_995 => format!("{:.2} s", millis as f64 / 1e3),
        9_995..59_950 => format!("{:.1} s", millis as f64 / 1e3),
        _ if seconds < 3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// `21 September 2026, 14:13:20 UTC`.
pub(super) fn date(moment: Moment) -> String {
    let date = moment.date();
    let (hour, minute, second) = date.to_hms();
    format!(
        "{} {} {}, {hour:02}:{minute:02}:{second:02} UTC",
        date.day(),
        date.month(),
        date.year()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_that_suits_them() {
        for (bytes, words) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_000, "1.0 kB"),
            (123_456_789, "123 MB"),
            (999_600_000, "1.0 GB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(size(bytes), words);
        }
    }

    #[test]
    fn times_have_as_many_digits_as_are_of_use() {
        for (millis, words) in [
            (0, "0 ms"),
            (99, "99 ms"),
            (390, "0.39 s"),
            (9_994, "9.99 s"),
            (9_995, "10.0 s"),
            (59_949, "59.9 s"),
            (59_950, "1 min 0 s"),
            (200_000, "3 min 20 s"),
            (7_500_000, "2 h 5 min"),
        ] {
            assert_eq!(time(Duration::from_millis(millis).into()), words);
        }
    }
}
