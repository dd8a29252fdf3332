//! Looks for lines in what a service writes, while it flows.

use tokio::sync::watch;

use crate::engine::{Stream, Tap};
use crate::spec::LogPattern;

/// Of a line that is longer than this the last part is looked at.
const LONGEST_LINE: usize = 64 << 10;

/// Which of some patterns have been seen, on either stream, since the start.
pub(super) struct Seen(watch::Receiver<Vec<bool>>);

impl Seen {
    /// Begins to look for `patterns` in what the tap is given.
    pub(super) fn new(patterns: Vec<LogPattern>) -> (Self, Tap) {
        let (sender, receiver) = watch::channel(vec![false; patterns.len()]);
        let mut search = Search {
            missing: patterns.into_iter().enumerate().collect(),
            stdout: Vec::new(),
            stderr: Vec::new(),
        };
        let tap: Tap = Box::new(move |stream, bytes| {
            let found = search.take(stream, bytes);
            if !found.is_empty() {
                sender.send_modify(|seen| found.iter().for_each(|at| seen[*at] = true));
            }
        });
        (Self(receiver), tap)
    }

    /// Waits until the pattern with this number is seen.
    pub(super) async fn wait_for(&self, number: usize) {
        let mut seen = self.0.clone();
        if seen.wait_for(|seen| seen[number]).await.is_err() {
            // Nobody writes any more, so it never will be.
            std::future::pending::<()>().await;
        }
    }
}

struct Search {
    missing: Vec<(usize, LogPattern)>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Search {
    /// Takes what was written and gives the numbers of the patterns that are new.
    fn take(&mut self, stream: Stream, bytes: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        if self.missing.is_empty() {
            return found;
        }
        let line = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            line.extend_from_slice(piece);
            let is_whole = line.last() == Some(&b'\n');
            let text = line.trim_ascii_end();
            self.missing.retain(|(number, pattern)| {
                let is_found = match pattern {
                    LogPattern::Text(needle) => contains(text, needle.as_bytes()),
                    // Where a line ends matters to a regular expression.
                    LogPattern::Matches(regex) => is_whole && regex.is_match(text),
                };
                if is_found {
                    found.push(*number);
                }
                !is_found
            });
            if is_whole {
                line.clear();
            } else if line.len() > LONGEST_LINE {
                line.drain(..LONGEST_LINE / 2);
            }
        }
        found
    }
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: LogPattern, pieces: &[(Stream, &str)]) -> bool {
        let mut search = Search {
            missing: vec![(0, pattern)],
            stdout: Vec::new(),
            stderr: Vec::new(),
        };
        let mut pieces = pieces.iter();
        pieces.any(|(stream, piece)| !search.take(*stream, piece.as_bytes()).is_empty())
    }

    #[test]
    fn a_line_is_found_however_it_is_cut() {
        use Stream::{Stderr, Stdout};
        let text = || LogPattern::Text("is ready".to_owned());
        let regex = || LogPattern::Matches(regex::bytes::Regex::new("^port \\d+$").unwrap());
        let long = "x".repeat(3 * LONGEST_LINE);
        let table = [
            (text(), vec![(Stdout, "it is ready\n")], true),
            (text(), vec![(Stderr, "it is re"), (Stderr, "ady")], true),
            (text(), vec![(Stdout, "it is re"), (Stderr, "ady\n")], false),
            (text(), vec![(Stdout, "it is\nready\n")], false),
            (
                text(),
                vec![(Stdout, long.as_str()), (Stdout, "is ready")],
                true,
            ),
            (regex(), vec![(Stdout, "a\nport 80\r\nb\n")], true),
            (regex(), vec![(Stdout, "port 8"), (Stdout, "0\n")], true),
            (regex(), vec![(Stdout, "port 8"), (Stdout, "0 x\n")], false),
            (regex(), vec![(Stdout, "port 80")], false),
        ];
        for (pattern, pieces, expected) in table {
            let shown = format!("{pattern:?}");
            assert_eq!(found(pattern, &pieces), expected, "{shown}");
        }
    }
}
