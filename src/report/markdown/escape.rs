//! Texts that stay texts in Markdown, whatever is in them.
//!
//! Images and specs decide what stands in a report, and the report is shown where HTML, links,
//! pictures and `@mentions` do something. So a text is either code in one line, in which each
//! character that could mean something is an entity, or a fenced block whose fence is longer than
//! anything in it.

use std::fmt::Write as _;

use crate::report::text::{one_line, terminal_text};

/// The shortest fence.
const FENCE: usize = 3;

/// The text in one line, as code: GitHub makes no mentions, references or emoji of that.
pub(super) fn code(text: impl AsRef<[u8]>) -> String {
    format!("<code>{}</code>", inline(text))
}

/// The text in one line, to stand among words.
pub(in crate::report) fn inline(text: impl AsRef<[u8]>) -> String {
    let mut out = String::new();
    let mut before = ' ';
    for c in one_line(text).chars() {
        match c {
            // Mentions and addresses are sought after entities were read: what divides them stays.
            '@' => out.push_str("&#64;<!-- -->"),
            '-' | ',' | '/' | '(' | ')' => out.push(c),
            '.' if !matches!(before, 'w' | 'W') => out.push(c),
            _ if c.is_ascii_punctuation() => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            _ => out.push(c),
        }
        before = c;
    }
    out
}

/// The lines as a block that none of them can end.
pub(super) fn fenced(language: &str, text: &str) -> String {
    let text = terminal_text(text);
    let text = text.trim_end_matches('\n');
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(FENCE.max(longest + 1));
    format!("{fence}{language}\n{text}\n{fence}\n")
}
