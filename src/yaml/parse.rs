//! Text → [`Node`] tree, through the event parser that serde-saphyr is built on.
//!
//! The events are taken rather than serde's data model because serde loses what the messages
//! need: a place for every key and value, and a reading that goes on after the first mistake.

use std::collections::HashMap;
use std::sync::Arc;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, options};

use super::node::{Kind, Node};
use super::rules::{MAX_DEPTH, key_text, meaning, merge, refuse_depth};
use super::syntax::syntax_error;
use crate::diagnostic::Diagnostic;
use crate::source::{Place, Source};

/// Nodes after aliases are expanded: an alias bomb ends here.
const MAX_NODES: usize = 250_000;
/// Bytes of text after aliases are expanded: one of few nodes, but large ones, ends here.
const MAX_TEXT: usize = 32 << 20;

/// Reads one YAML document.
///
/// # Errors
/// Syntax, a duplicate key, a second document, no document, or a file beyond the bounds.
pub fn parse(source: &Arc<Source>) -> Result<Node, Diagnostic> {
    let whole = Place::new(source, 0..0);
    if let Some(at) = source.text().find('\0') {
        let place = Place::new(source, at..at + 1);
        return Err(
            Diagnostic::new(&place, "a NUL character can't stand in YAML")
                .help("if the file is UTF-16, save it as UTF-8"),
        );
    }
    let options = options! {
        // What is deeper is refused before the parser keeps a state for it.
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
    };
    let mut composer = Composer {
        source,
        parser: Parser::new_from_str_with_options(source.text(), options),
        anchors: HashMap::new(),
        spent: Size::default(),
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
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, (Node, Size)>,
    spent: Size,
}

/// How large a tree is.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    nodes: usize,
    bytes: usize,
    /// Levels below the root.
    depth: usize,
}

impl<'a> Composer<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Place), Diagnostic> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, self.place(span))),
            Some(Err(error)) => Err(syntax_error(self.source, &error)),
            None => Ok((Event::StreamEnd, Place::new(self.source, 0..0))),
        }
    }

    fn place(&self, span: Span) -> Place {
        let range = span.byte_range().unwrap_or(0..0);
        // Block scalars and collections end where the next token starts: leave the space out.
        // Other white space of Unicode is text.
        let text = self.source.text().get(range.clone()).unwrap_or("");
        Place::new(
            self.source,
            range.start..range.start + text.trim_end_matches([' ', '\t', '\r', '\n']).len(),
        )
    }

    fn node(&mut self, event: Event<'a>, place: Place, depth: usize) -> Result<Node, Diagnostic> {
        refuse_depth(depth, &place)?;
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.spend(1, text.len(), &place)?;
                // `!!str null` is the text, as `"null"` is.
                let is_text = meaning(tag.as_deref(), "str", &place)?;
                let plain = style == ScalarStyle::Plain && !is_text;
                let text = text.into_owned();
                let kind = Kind::Scalar { text, plain };
                (anchor, Node { kind, place })
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.spend(1, 0, &place)?;
                meaning(tag.as_deref(), "seq", &place)?;
                (anchor, self.sequence(&place, depth)?)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.spend(1, 0, &place)?;
                meaning(tag.as_deref(), "map", &place)?;
                (anchor, self.mapping(&place, depth)?)
            }
            Event::Alias(id) => {
                let Some(size) = self.anchors.get(&id).map(|(_, size)| *size) else {
                    return Err(
                        Diagnostic::new(&place, "this alias stands inside its own anchor")
                            .help("nothing can hold itself: remove the alias"),
                    );
                };
                refuse_depth(depth + size.depth, &place)?;
                // Before the copy is made, not after it.
                self.spend(size.nodes, size.bytes, &place)?;
                (0, self.anchors[&id].0.clone())
            }
            _ => return Err(Diagnostic::new(&place, "expected a value here")),
        };
        if anchor != 0 {
            // The copy for the aliases to come is as large as an alias.
            let size = size(&node);
            self.spend(size.nodes, size.bytes, &node.place)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(node)
    }

    fn sequence(&mut self, start: &Place, depth: usize) -> Result<Node, Diagnostic> {
        let mut items = Vec::new();
        let mut end = start.range().end;
        loop {
            let (event, place) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                end = end.max(closing(&place));
                break;
            }
            // An alias ends here, what it stands for elsewhere.
            end = end.max(place.range().end);
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
        let mut merged = None;
        let mut end = start.range().end;
        loop {
            let (event, place) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                end = end.max(closing(&place));
                break;
            }
            let key = self.node(event, place, depth + 1)?;
            let (event, place) = self.next()?;
            end = end.max(place.range().end);
            let value = self.node(event, place, depth + 1)?;
            end = end.max(value.place.range().end);
            let (text, is_merge) = key_text(&key)?;
            if let Some(first) = seen.insert(text.to_owned(), key.place.clone()) {
                let diagnostic = Diagnostic::new(&key.place, format!("duplicate key `{text}`"))
                    .label("said again here")
                    .related(&first, "first said here");
                return Err(if is_merge {
                    diagnostic.help("merge several maps with a list: `<<: [*one, *two]`")
                } else {
                    diagnostic
                });
            }
            if is_merge {
                merged = Some(value);
                continue;
            }
            own.push((key, value));
        }
        if let Some(value) = merged {
            merge(&mut own, &mut seen, value)?;
        }
        let place = Place::new(self.source, start.range().start..end);
        Ok(Node {
            kind: Kind::Mapping(own),
            place,
        })
    }

    fn spend(&mut self, nodes: usize, bytes: usize, place: &Place) -> Result<(), Diagnostic> {
        self.spent.nodes += nodes;
        self.spent.bytes += bytes;
        let message = if self.spent.nodes > MAX_NODES {
            format!("the file holds more than {MAX_NODES} values, aliases expanded")
        } else if self.spent.bytes > MAX_TEXT {
            let most = MAX_TEXT >> 20;
            format!("the file holds more than {most} MiB of text, aliases expanded")
        } else {
            return Ok(());
        };
        Err(Diagnostic::new(place, message).label("the limit is reached here"))
    }
}

/// Where the end of a collection is: behind its bracket, or nowhere, because the end of a block is
/// known only where the next thing begins.
fn closing(place: &Place) -> usize {
    match place.range() {
        range if range.is_empty() => 0,
        range => range.end,
    }
}

fn size(node: &Node) -> Size {
    let mut all = Size {
        nodes: 1,
        ..Size::default()
    };
    let mut add = |child: &Node| {
        let Size {
            nodes,
            bytes,
            depth,
        } = size(child);
        all.nodes += nodes;
        all.bytes += bytes;
        all.depth = all.depth.max(depth + 1);
    };
    match &node.kind {
        Kind::Scalar { text, .. } => all.bytes = text.len(),
        Kind::Sequence(items) => items.iter().for_each(add),
        Kind::Mapping(entries) => {
            for (key, value) in entries {
                add(key);
                add(value);
            }
        }
    }
    all
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
    fn collections_end_where_their_last_part_ends() {
        let node = read("a: &a [x, {y: z} ]  # c\nb:\n  - 1\n  - c: *a\n\n# end\n").unwrap();
        let Kind::Mapping(entries) = &node.kind else {
            panic!()
        };
        assert_eq!(entries[0].1.place.text(), "[x, {y: z} ]");
        assert_eq!(entries[1].1.place.text(), "- 1\n  - c: *a");
        assert!(node.place.text().ends_with("c: *a"));
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
