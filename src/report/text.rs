//! Text that comes from containers and specs, made harmless for where it is going.
//!
//! A tested image decides what its output looks like, so that output may hold anything: bytes that
//! no XML parser accepts, escape sequences that repaint a terminal, lines that a CI system takes
//! for commands. Nothing of it reaches a report except through these functions.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use crate::words::{in_one_line, shortened};

const ESCAPE: char = '\u{1b}';
/// Real colour and cursor sequences are shorter; whatever is longer stays as visible text.
const LONGEST_CSI: usize = 32;
/// Enough for a window title or a hyperlink. A longer one stays as visible text.
const LONGEST_OSC: usize = 256;
/// Longer messages are of no use in an attribute, and some readers refuse them.
const LONGEST_LINE: usize = 1_000;

/// Text for the content of an XML element.
///
/// Holds only characters that XML 1.0 allows. Terminal colours and titles are removed, but never
/// across a line break and never without an end; other control characters become their picture
/// (`␛`) or are spelled out (`\u{9b}`). Tabs stay, and every line break stays as one `\n`, lone carriage returns included.
pub fn xml_text(bytes: impl AsRef<[u8]>) -> String {
    let text = String::from_utf8_lossy(bytes.as_ref());
    let mut out = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(first) = rest.chars().next() {
        if let Some(length) = escape_sequence(rest) {
            rest = &rest[length..];
            continue;
        }
        rest = &rest[first.len_utf8()..];
        match first {
            '\r' => {
                rest = rest.strip_prefix('\n').unwrap_or(rest);
                out.push('\n');
            }
            '\n' | '\t' => out.push(first),
            '\u{80}'..='\u{9f}' => out.extend(first.escape_unicode()),
            _ => out.push(picture(first)),
        }
    }
    out
}

/// Text for terminals and CI logs.
///
/// Nothing in it acts: control characters become their picture (`␛[31m`, `␍`), characters that
/// reorder or break lines are spelled out (`\u{202e}`), and what a CI system would obey is broken
/// by a backslash (`:\:error`, `#\#[group]`, `section\_start:`). Tabs and `\n` stay.
pub fn terminal_text(bytes: impl AsRef<[u8]>) -> String {
    let text = String::from_utf8_lossy(bytes.as_ref());
    let mut out = String::with_capacity(text.len());
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
        }
        out.push_str(&break_commands(visible(line)));
    }
    out
}

/// Text for the page of the HTML report, which the template escapes.
///
/// Control characters become their picture, and what reorders or breaks lines is spelled out, so
/// that no name looks like another. Tabs and `\n` stay. Doing it twice changes nothing.
pub fn page_text(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(visible).collect();
    lines.join("\n")
}

/// One line, for attributes and headings: [`terminal_text`] with all white space between words
/// drawn together, and cut when it is very long.
pub fn one_line(bytes: impl AsRef<[u8]>) -> String {
    shortened(&in_one_line(&terminal_text(bytes)), LONGEST_LINE)
}

/// The length of the terminal sequence at the beginning of `text`, if there is a whole one: CSI
/// (colours, cursor), OSC (titles, links) or a change of the character set.
fn escape_sequence(text: &str) -> Option<usize> {
    let bytes = text.strip_prefix(ESCAPE)?.as_bytes();
    let length = match bytes.first()? {
        b'[' => {
            let end = 1 + bytes[1..]
                .iter()
                .take(LONGEST_CSI)
                .position(|byte| !matches!(byte, 0x20..=0x3f))?;
            matches!(bytes[end], 0x40..=0x7e).then_some(end + 1)?
        }
        b']' => {
            let end = bytes
                .iter()
                .take(LONGEST_OSC)
                .position(|byte| *byte < 0x20)?;
            match (bytes[end], bytes.get(end + 1)) {
                (0x07, _) => end + 1,
                (0x1b, Some(b'\\')) => end + 2,
                _ => return None,
            }
        }
        b'(' | b')' | b'*' | b'+' if bytes.get(1)?.is_ascii_alphanumeric() => 2,
        _ => return None,
    };
    Some(ESCAPE.len_utf8() + length)
}

/// Control characters as the pictures that Unicode has for them, and what XML can't hold as U+FFFD.
fn picture(c: char) -> char {
    match c {
        '\0'..='\x1f' => {
            char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        '\x7f' => '␡',
        '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
        _ => c,
    }
}

fn visible(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '\t' => out.push('\t'),
            // C1 controls, line and paragraph separators, and everything that reorders text.
            '\u{80}'..='\u{9f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{61c}' => out.extend(c.escape_unicode()),
            _ => out.push(picture(c)),
        }
    }
    out
}

/// Breaks what CI systems look for in every line that they log. GitHub trims white space before it
/// looks for `::` and finds `##[` anywhere, as Azure finds `##vso[`: indenting is no protection.
fn break_commands(line: String) -> String {
    static ANYWHERE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(#)(#[A-Za-z]*\[)|(section)(_(?:start|end):)").expect("a constant pattern")
    });
    let mut line = match ANYWHERE.replace_all(&line, r"$1$3\$2$4") {
        Cow::Borrowed(_) => line,
        Cow::Owned(broken) => broken,
    };
    let indent = line.len() - line.trim_start().len();
    if line[indent..].starts_with("::") {
        line.insert(indent + 1, '\\');
    }
    line
}

#[cfg(test)]
pub(super) use tests::nasty_bytes;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quick_xml::Reader;
    use quick_xml::events::Event;

    use super::*;

    /// Bytes that are rich in what these functions care about.
    pub(in crate::report) fn nasty_bytes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            any::<u8>().prop_map(|byte| vec![byte]),
            proptest::sample::select(vec![
                "\x1b[31m",
                "\x1b[",
                "\x1b]0;title\x07",
                "\x1b]0;",
                "\x1b]8;;x\x1b\\",
                "\x1b(B",
                "\x1bP",
                "\u{9b}31m",
                "\r\n",
                "\r",
                "\n",
                "\t",
                "::error ::x",
                " ",
                "##[",
                "#",
                "]]>",
                "]",
                ">",
                "<",
                "&",
                "\u{fffe}",
                "\u{ffff}",
                "\u{202e}",
                "\u{2028}",
                "\0",
                "plain",
                "ü",
                "section_start:1:x",
            ])
            .prop_map(|text| text.as_bytes().to_vec()),
        ];
        proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    fn line_breaks(bytes: &[u8]) -> usize {
        let returns = bytes.iter().enumerate();
        let lone =
            returns.filter(|(at, byte)| **byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        count(bytes, b'\n') + lone.count()
    }

    fn count(bytes: &[u8], wanted: u8) -> usize {
        bytes.iter().filter(|byte| **byte == wanted).count()
    }

    fn allowed_by_xml(c: char) -> bool {
        matches!(c, '\t' | '\n' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
    }

    proptest! {
        #[test]
        fn xml_text_survives_a_strict_reader(bytes in nasty_bytes()) {
            let text = xml_text(&bytes);
            prop_assert!(text.chars().all(allowed_by_xml), "{text:?}");
            prop_assert_eq!(count(text.as_bytes(), b'\n'), line_breaks(&bytes));
            prop_assert_eq!(count(text.as_bytes(), b'\t'), count(&bytes, b'\t'));
            prop_assert_eq!(xml_text(&text), text.clone(), "doing it twice changes nothing");

            let document = format!("<a>{}</a>", quick_xml::escape::escape(&text));
            let mut reader = Reader::from_str(&document);
            reader.config_mut().enable_all_checks(true);
            let mut read = String::new();
            loop {
                match reader.read_event().unwrap() {
                    Event::Text(part) => read.push_str(&part.xml10_content().unwrap()),
                    Event::GeneralRef(name) => {
                        let entity = format!("&{};", name.decode().unwrap());
                        read.push_str(&quick_xml::escape::unescape(&entity).unwrap());
                    }
                    Event::Eof => break,
                    _ => {}
                }
            }
            prop_assert_eq!(read, text);
        }

        #[test]
        fn nothing_in_terminal_text_acts(bytes in nasty_bytes()) {
            let text = terminal_text(&bytes);
            prop_assert!(text.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
            prop_assert!(text.chars().all(allowed_by_xml));
            prop_assert_eq!(count(text.as_bytes(), b'\n'), count(&bytes, b'\n'));
            prop_assert!(!text.contains("##[") && !text.contains("##vso["));
            prop_assert!(!text.contains("section_start:"));
            prop_assert!(text.lines().all(|line| !line.trim_start().starts_with("::")));
            prop_assert_eq!(terminal_text(&text), text.clone(), "doing it twice changes nothing");
        }

        #[test]
        fn one_line_is_one_line(bytes in nasty_bytes()) {
            let line = one_line(&bytes);
            prop_assert!(!line.contains(['\n', '\t', '\r']));
            prop_assert!(!line.trim_start().starts_with("::") && !line.contains("##["));
        }
    }

    #[test]
    fn colours_go_and_text_stays() {
        assert_eq!(xml_text("\x1b[1;31mred\x1b[0m\x1b(B end"), "red end");
        assert_eq!(xml_text("\x1b]0;title\x07text"), "text");
        assert_eq!(xml_text("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\"), "link");
    }

    #[test]
    fn a_sequence_without_an_end_swallows_nothing() {
        assert_eq!(
            xml_text("x\x1b]0;title\nSECRET\nmore"),
            "x␛]0;title\nSECRET\nmore"
        );
        assert_eq!(xml_text("x\x1bPq\nmore"), "x␛Pq\nmore");
        assert_eq!(xml_text("x\x1b[31\nmore"), "x␛[31\nmore");
        let long = format!("\x1b]0;{}\x07", "a".repeat(LONGEST_OSC));
        assert_eq!(xml_text(&long).chars().count(), long.chars().count());
        assert_eq!(xml_text("\x1b"), "␛");
    }

    #[test]
    fn line_ends_become_line_feeds_in_xml_and_are_shown_on_a_terminal() {
        assert_eq!(
            xml_text("a\tb\r\nc\r50%\rdone\r\r\n"),
            "a\tb\nc\n50%\ndone\n\n"
        );
        assert_eq!(terminal_text("a\tb\r\n50%\rdone"), "a\tb␍\n50%␍done");
    }

    #[test]
    fn what_xml_forbids_is_shown_or_replaced() {
        assert_eq!(
            xml_text(b"\0\x07 \xff \xef\xbf\xbe"),
            "␀␇ \u{fffd} \u{fffd}"
        );
    }

    #[test]
    fn a_terminal_shows_sequences_instead_of_obeying_them() {
        assert_eq!(terminal_text("\x1b[2Jx\x7f\u{9b}31m"), r"␛[2Jx␡\u{9b}31m");
        assert_eq!(terminal_text("a\u{202e}b"), r"a\u{202e}b");
    }

    #[test]
    fn commands_to_ci_systems_are_broken() {
        for (input, broken) in [
            ("::error file=a::b", r":\:error file=a::b"),
            (" \u{a0}\t::add-mask::x", " \u{a0}\t:\\:add-mask::x"),
            ("say ##[error]x", r"say #\#[error]x"),
            ("###[x]", r"##\#[x]"),
            ("##vso[task.setvariable]", r"#\#vso[task.setvariable]"),
            ("##teamcity[x", r"#\#teamcity[x"),
            ("section_start:1:a", r"section\_start:1:a"),
            ("a::b # c [d]", "a::b # c [d]"),
        ] {
            assert_eq!(terminal_text(input), broken);
        }
    }

    #[test]
    fn a_line_is_drawn_together_and_cut() {
        assert_eq!(one_line(" a\n\n\tb  c\n"), "a b c");
        assert_eq!(
            one_line("x".repeat(2_000)).chars().count(),
            LONGEST_LINE + 1
        );
    }
}
