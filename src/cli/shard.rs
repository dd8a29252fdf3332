//! `--shard K/N`: one of several parts of the checks.

use std::str::FromStr;

/// Which part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ShardArg {
    /// From 1.
    pub(super) number: usize,
    /// How many there are.
    pub(super) total: usize,
}

impl FromStr for ShardArg {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.parse::<u16>().ok().map(usize::from);
        text.split_once('/')
            .and_then(|(at, total)| {
                let (number, total) = (number(at)?, number(total)?);
                (1..=total)
                    .contains(&number)
                    .then_some(Self { number, total })
            })
            .ok_or("a shard is written like 2/5: the second of five")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_counted_from_one() {
        let read = |text: &str| text.parse::<ShardArg>().ok();
        assert_eq!(
            read("2/5"),
            Some(ShardArg {
                number: 2,
                total: 5
            })
        );
        for text in [
            "0/5", "6/5", "1/0", "2", "/", "a/b", "1/2/3", "-1/2", "1/70000",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
