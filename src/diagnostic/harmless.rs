//! Text from files, made visible: what acts and what can't be seen.

use crate::report::text::terminal_text;

/// [`terminal_text`], and characters that look like nothing or like a space are spelled out: they
/// are why a key that looks right is unknown.
pub(super) fn harmless(text: &str) -> String {
    let text = terminal_text(text);
    if text.is_ascii() {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{a0}'
            | '\u{ad}'
            | '\u{180e}'
            | '\u{2000}'..='\u{200d}'
            | '\u{202f}'
            | '\u{205f}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}'
            | '\u{3000}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}' => out.extend(c.escape_unicode()),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_seen_is_spelled_out() {
        for (text, shown) in [
            ("run\u{a0}", r"run\u{a0}"),
            ("\u{feff}run\u{200b}", r"\u{feff}run\u{200b}"),
            ("\u{1b}[31m\u{202e}", r"␛[31m\u{202e}"),
            ("größe 日本 e\u{301}", "größe 日本 e\u{301}"),
        ] {
            assert_eq!(harmless(text), shown);
        }
    }
}
