//! Here-documents: `RUN <<EOF`, `COPY <<-'EOF' /file`.

use std::ops::Range;

use super::words::{split, unquoted};
use crate::source::Place;

/// A here-document of an instruction.
#[derive(Debug, Clone)]
pub struct Heredoc {
    /// The word that ends it.
    pub name: String,
    /// Whether variables in it are filled in: its word is not quoted.
    pub expand: bool,
    /// Whether tabs before its lines are left out (`<<-`).
    pub strips_tabs: bool,
    /// Where its word stands.
    pub place: Place,
    /// The lines of its content, counted from 1; the last is not in it. The line with the word
    /// follows.
    pub lines: Range<usize>,
}

/// A here-document that a line announces.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Announced {
    pub(super) name: String,
    pub(super) expand: bool,
    pub(super) strips_tabs: bool,
    /// The word in the line.
    pub(super) range: Range<usize>,
}

/// All that `line` announces, in order. What is a here-document is a word of its own, as BuildKit
/// has it: `cat <<EOF`, and not `$((1<<2))`.
pub(super) fn announced(line: &str) -> Vec<Announced> {
    // Here-documents know one escape, whatever the directive says.
    let words = split(line, '\\').unwrap_or_default();
    let words = words.into_iter();
    words.filter_map(|range| one(line, range)).collect()
}

fn one(line: &str, range: Range<usize>) -> Option<Announced> {
    let word = line[range.clone()].trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = word.strip_prefix("<<")?;
    let (strips_tabs, rest) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    if rest.is_empty() || rest.contains('<') {
        return None;
    }
    let name = unquoted(rest, '\\').ok()?;
    Some(Announced {
        expand: name == rest,
        name,
        strips_tabs,
        range,
    })
}

/// Whether `line` ends the document.
pub(super) fn ends(line: &str, document: &Announced) -> bool {
    let line = if document.strips_tabs {
        line.trim_start_matches('\t')
    } else {
        line
    };
    line == document.name
}

#[cfg(test)]
mod tests {
    use super::announced;

    #[test]
    fn only_whole_words_announce_a_document() {
        type Row = (&'static str, &'static [(&'static str, bool, bool)]);
        let table: &[Row] = &[
            ("RUN <<EOF", &[("EOF", true, false)]),
            ("RUN cat <<-'E F' >x", &[("E F", false, true)]),
            (
                "COPY <<\"A\" <<B /x",
                &[("A", false, false), ("B", true, false)],
            ),
            ("RUN 3<<EOF cat", &[("EOF", true, false)]),
            ("RUN <<\\EOF", &[("EOF", false, false)]),
            ("RUN echo $((1 << N))", &[]),
            ("RUN echo $((1<<2))", &[]),
            ("RUN cat<<EOF", &[]),
            ("RUN cat <<< word", &[]),
            ("RUN cat <<<word", &[]),
            ("RUN echo '<<EOF'", &[]),
            ("RUN echo \"a <<EOF\"", &[]),
            ("RUN echo it's <<EOF", &[]),
            ("RUN <<", &[]),
        ];
        for (line, expected) in table {
            let found = announced(line);
            let found: Vec<_> = found
                .iter()
                .map(|one| (one.name.as_str(), one.expand, one.strips_tabs))
                .collect();
            assert_eq!(found, *expected, "{line}");
        }
    }
}
