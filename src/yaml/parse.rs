//! Text → [`Node`] tree, through the event parser that serde-saphyr is built on.
//!
//! The events are taken rather than serde's data model because serde loses what the messages
//! need: a place for every key and value, and a reading that goes on after the first mistake.

use std::collections::HashMap;
use std::sync::Arc;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span};

use super::node::{Kind, Node};
use crate::diagnostic::Diagnostic;
use crate::source::{Place, Source};

/// Deeper nesting than any person writes; bounds the recursion of everything that walks a tree.
const MAX_DEPTH: usize = 64;
/// Nodes after aliases are expanded: an alias bomb ends here.
const MAX_NODES: usize = 250_000;

/// Reads one YAML document.
///
/// # Errors
/// Syntax, a duplicate key, a second document, no document, or a file beyond the bounds.
pub fn parse(source: &Arc<Source>) -> Result<Node, Diagnostic> {
    let whole = Place::new(source, 0..0);
    if let Some(at) = source.text().find('\0') {
        return Err(Diagnostic::new(
            &Place::new(source, at..at + 1),
            "a NUL character can't stand in YAML",
        ));
    }
    let mut composer = Composer {
        source,
        parser: Parser::new_from_str(source.text()),
        anchors: HashMap::new(),
        nodes: 0,
    };
    let mut document = None;
    loop {
        let (event, place) = composer.next()?;
        match event {
            Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(..) if document.is_some() => {
                return Err(Diagnostic::new(&place, "a second document in one file")
                    .help("keep one document in a file: remove `---` or split the file in two"));
            }
            Event::DocumentStart(..) => {
                let (event, place) = composer.next()?;
                document = Some(composer.node(event, place, 0)?);
            }
            Event::StreamEnd => break,
            _ => return Err(Diagnostic::new(&place, "unexpected content")),
        }
    }
    document
        .filter(|node| !node.is_null())
        .ok_or_else(|| Diagnostic::new(&whole, "the file is empty").label("nothing is said here"))
}

struct Composer<'a> {
    source: &'a Arc<Source>,
    parser: Parser<'a, serde_saphyr::granit_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'a> Composer<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Place), Diagnostic> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, self.place(span))),
            Some(Err(error)) => {
                let at = error.marker().byte_offset().unwrap_or(0);
                Err(syntax_error(
                    &Place::new(self.source, at..at + 1),
                    &error.info(),
                ))
            }
            None => Ok((Event::StreamEnd, Place::new(self.source, 0..0))),
        }
    }

    fn place(&self, span: Span) -> Place {
        let range = span.byte_range().unwrap_or(0..0);
        // Block scalars and collections end where the next token starts: leave the space out.
        let text = self.source.text().get(range.clone()).unwrap_or("");
        Place::new(
            self.source,
            range.start..range.start + text.trim_end().len(),
        )
    }

    fn node(&mut self, event: Event<'a>, place: Place, depth: usize) -> Result<Node, Diagnostic> {
        self.count(1, &place)?;
        if depth > MAX_DEPTH {
            return Err(Diagnostic::new(
                &place,
                format!("nested more than {MAX_DEPTH} levels deep"),
            ));
        }
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                let text = text.into_owned();
                (
                    anchor,
                    Node {
                        kind: Kind::Scalar { text, plain },
                        place,
                    },
                )
            }
            Event::SequenceStart(_, anchor, _) => (anchor, self.sequence(&place, depth)?),
            Event::MappingStart(_, anchor, _) => (anchor, self.mapping(&place, depth)?),
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id).cloned() else {
                    return Err(Diagnostic::new(
                        &place,
                        "this alias stands inside its own anchor",
                    ));
                };
                self.count(size(&node), &place)?;
                (0, node)
            }
            _ => return Err(Diagnostic::new(&place, "expected a value here")),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn sequence(&mut self, start: &Place, depth: usize) -> Result<Node, Diagnostic> {
        let mut items = Vec::new();
        let mut end = start.range().end;
        loop {
            let (event, place) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                end = end.max(place.range().end);
                break;
            }
            let item = self.node(event, place, depth + 1)?;
            end = end.max(item.place.range().end);
            items.push(item);
        }
        let place = Place::new(self.source, start.range().start..end);
        Ok(Node {
            kind: Kind::Sequence(items),
            place,
        })
    }

    fn mapping(&mut self, start: &Place, depth: usize) -> Result<Node, Diagnostic> {
        let mut own: Vec<(Node, Node)> = Vec::new();
        let mut seen: HashMap<String, Place> = HashMap::new();
        let mut merged = Vec::new();
        let mut end = start.range().end;
        loop {
            let (event, place) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                end = end.max(place.range().end);
                break;
            }
            let key = self.node(event, place, depth + 1)?;
            let (event, place) = self.next()?;
            let value = self.node(event, place, depth + 1)?;
            end = end.max(value.place.range().end);
            let Kind::Scalar { text, plain } = &key.kind else {
                return Err(Diagnostic::new(&key.place, "a key must be a text"));
            };
            if *plain && text == "<<" {
                merged.push(value);
                continue;
            }
            if let Some(first) = seen.insert(text.clone(), key.place.clone()) {
                return Err(
                    Diagnostic::new(&key.place, format!("duplicate key `{text}`"))
                        .label("said again here")
                        .related(&first, "first said here"),
                );
            }
            own.push((key, value));
        }
        for value in merged {
            merge(&mut own, &mut seen, value)?;
        }
        let place = Place::new(self.source, start.range().start..end);
        Ok(Node {
            kind: Kind::Mapping(own),
            place,
        })
    }

    fn count(&mut self, more: usize, place: &Place) -> Result<(), Diagnostic> {
        self.nodes += more;
        if self.nodes > MAX_NODES {
            return Err(Diagnostic::new(
                place,
                format!("the file holds more than {MAX_NODES} values, aliases expanded"),
            ));
        }
        Ok(())
    }
}

/// Applies a merge key (`<<: *defaults`): what the map says itself wins, then the earlier source.
fn merge(
    own: &mut Vec<(Node, Node)>,
    seen: &mut HashMap<String, Place>,
    value: Node,
) -> Result<(), Diagnostic> {
    match value.kind {
        Kind::Mapping(entries) => {
            for (key, value) in entries {
                let text = key.scalar().unwrap_or_default().to_owned();
                if let std::collections::hash_map::Entry::Vacant(entry) = seen.entry(text) {
                    entry.insert(key.place.clone());
                    own.push((key, value));
                }
            }
            Ok(())
        }
        Kind::Sequence(items) => items
            .into_iter()
            .try_for_each(|item| merge(own, seen, item)),
        Kind::Scalar { .. } => Err(Diagnostic::new(
            &value.place,
            "`<<` merges a map or a list of maps",
        )),
    }
}

fn size(node: &Node) -> usize {
    match &node.kind {
        Kind::Scalar { .. } => 1,
        Kind::Sequence(items) => 1 + items.iter().map(size).sum::<usize>(),
        Kind::Mapping(entries) => {
            1 + entries
                .iter()
                .map(|(_, value)| 1 + size(value))
                .sum::<usize>()
        }
    }
}

fn syntax_error(place: &Place, info: &str) -> Diagnostic {
    let diagnostic = Diagnostic::new(place, format!("not valid YAML: {info}"));
    let line_start = place.source().text()[..place.range().start]
        .rfind('\n')
        .map_or(0, |at| at + 1);
    let indent = &place.source().text()[line_start..];
    let indent = &indent[..indent.len() - indent.trim_start().len()];
    if indent.contains('\t') {
        return diagnostic.help("YAML is indented with spaces, not with tabs");
    }
    diagnostic
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Node, String> {
        parse(&Source::new("t.yaml", text)).map_err(|error| error.render(false))
    }

    fn message(text: &str) -> String {
        let error = parse(&Source::new("t.yaml", text)).unwrap_err();
        format!("{}: {}", error.place(), error.message())
    }

    #[test]
    fn scalars_keep_their_spelling_and_place() {
        let node = read("a: 1.10\nb: [no, 012]\n").unwrap();
        let Kind::Mapping(entries) = &node.kind else {
            panic!("{node:?}")
        };
        assert_eq!(entries[0].1.scalar(), Some("1.10"));
        let Kind::Sequence(items) = &entries[1].1.kind else {
            panic!()
        };
        assert_eq!(items[0].scalar(), Some("no"));
        assert_eq!(items[1].scalar(), Some("012"));
        assert_eq!(items[1].place.to_string(), "t.yaml:2:9");
    }

    #[test]
    fn a_duplicate_key_shows_both_places() {
        insta::assert_snapshot!(read("run: a\nexit: 0\nrun: b\n").unwrap_err());
    }

    #[test]
    fn merge_keys_fill_in_what_is_not_said() {
        let node = read("base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\n").unwrap();
        let Kind::Mapping(entries) = &node.kind else {
            panic!()
        };
        let Kind::Mapping(used) = &entries[1].1.kind else {
            panic!()
        };
        let pairs: Vec<_> = used
            .iter()
            .map(|(key, value)| (key.scalar().unwrap(), value.scalar().unwrap()))
            .collect();
        assert_eq!(pairs, [("y", "3"), ("x", "1")]);
    }

    #[test]
    fn an_alias_bomb_ends_early() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let last = level - 1;
            let row = vec![format!("*a{last}"); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{row}]\n"));
        }
        assert!(message(&text).contains("more than 250000 values"));
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(read(&"[".repeat(10_000)).is_err());
        let deep = format!("a: {}{}", "[".repeat(70), "]".repeat(70));
        assert!(message(&deep).contains("64 levels"));
    }

    #[test]
    fn an_empty_file_and_a_second_document_are_errors() {
        assert_eq!(
            message("# only a comment\n"),
            "t.yaml:1:1: the file is empty"
        );
        assert!(message("a: 1\n---\nb: 2\n").contains("second document"));
    }

    #[test]
    fn tabs_get_a_hint() {
        insta::assert_snapshot!(read("a:\n\tb: 1\n").unwrap_err());
    }
}
