//! What is no YAML, said in plain words.
//!
//! The parser speaks the language of the YAML specification. Most mistakes are few: a tab, a
//! bracket or a quote that is not closed, a text that would have to be quoted.

use std::sync::Arc;

use serde_saphyr::granit_parser::{ErrorKind, ScanError};

use super::rules::MAX_DEPTH;
use crate::diagnostic::Diagnostic;
use crate::source::{Place, Source};

const SPACES: &str = "YAML is indented with spaces, not with tabs";

/// Enough to recognise an alias by, in bytes.
const LONGEST_NAME: usize = 100;

/// What to do about a line that is indented neither as a part of the value above nor as the next one.
const COLUMNS: &str =
    "the keys of one map begin in the same column, and so do the `- ` of one list";

/// The message for what the parser did not understand.
pub(super) fn syntax_error(source: &Arc<Source>, error: &ScanError) -> Diagnostic {
    let at = error.marker().byte_offset().unwrap_or(0);
    let rest = source.text().get(at..).unwrap_or("");
    let length = rest.chars().next().map_or(0, char::len_utf8);
    let place = Place::new(source, at..at + length);
    let say = |message: &str, help: &str| Diagnostic::new(&place, message).help(help);
    if indented_with_tab(&place) {
        return say("not valid YAML: a tab in the indentation", SPACES);
    }
    match error.kind() {
        ErrorKind::UnknownAnchor => {
            let name = word(rest);
            let place = Place::new(source, at..at + name.len());
            let anchor = name.replacen('*', "&", 1);
            Diagnostic::new(&place, format!("the alias `{name}` stands for nothing")).help(format!(
                "put the anchor `{anchor}` before what it stands for, above this line; a text that \
                 begins with `*` must be quoted"
            ))
        }
        ErrorKind::RecursionLimitExceeded => {
            Diagnostic::new(&place, format!("nested more than {MAX_DEPTH} levels deep"))
        }
        ErrorKind::UnclosedFlowCollection { open } => Diagnostic::new(
            &place,
            format!("not valid YAML: this `{open}` is never closed"),
        ),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => Diagnostic::new(
            &place,
            format!("not valid YAML: `{open}` can't be closed by `{close}`"),
        ),
        ErrorKind::MisplacedFlowCollectionEnd => {
            Diagnostic::new(&place, "not valid YAML: this bracket closes nothing")
        }
        ErrorKind::ExpectedFlowMappingSeparator => {
            Diagnostic::new(&place, "not valid YAML: expected `,` or `}` before this")
        }
        ErrorKind::ExpectedFlowSequenceSeparator => {
            Diagnostic::new(&place, "not valid YAML: expected `,` or `]` before this")
        }
        ErrorKind::UnclosedQuotedScalar => {
            Diagnostic::new(&place, "not valid YAML: this quote is never closed")
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar
        | ErrorKind::InvalidTrailingDoubleQuotedScalar => say(
            "not valid YAML: something stands behind the closing quote",
            "quote the whole text; inside '…' a single quote is written twice",
        ),
        ErrorKind::MappingValueNotAllowed => say(
            "not valid YAML: a `:` with a space behind it can't stand here",
            "quote a text that holds `: `; otherwise look at the indentation, and whether the key \
             above has a space behind its `:`",
        ),
        ErrorKind::InvalidColonPlacement => say(
            "not valid YAML: a `:` can't stand here",
            "quote a text that holds `: `; otherwise a bracket or a quote above may not be closed",
        ),
        ErrorKind::ExpectedBlockMappingKey => say("not valid YAML: expected a key here", COLUMNS),
        ErrorKind::ExpectedBlockSequenceEntry => say("not valid YAML: expected `- ` here", COLUMNS),
        ErrorKind::BlockSequenceEntryNotAllowed => say(
            "not valid YAML: a list item can't stand here",
            "begin the list on a line of its own",
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => say(
            "not valid YAML: there is no `:` after this key",
            "write `key: value`, with a space behind the colon; a key is one line of at most 1024 \
             characters",
        ),
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => say(
            &format!(
                "not valid YAML: the control character U+{:04X} can't stand here",
                u32::from(*character)
            ),
            &format!(
                "remove it, or write it as \\u{:04x} in a text in double quotes",
                u32::from(*character)
            ),
        ),
        ErrorKind::UnexpectedCharacter { .. } | ErrorKind::MissingAnchorOrAliasName => say(
            "not valid YAML: a text can't begin with this character",
            "quote the text",
        ),
        ErrorKind::UndeclaredTagHandle
        | ErrorKind::MissingTagUri
        | ErrorKind::ExpectedTagBang
        | ErrorKind::InvalidTagTerminator
        | ErrorKind::UnclosedVerbatimTag => say(
            "not valid YAML: a tag that has no meaning here",
            "quote a text that begins with `!`",
        ),
        ErrorKind::InvalidBlockScalarHeader => say(
            "not valid YAML: a text can't begin in the line of its `|` or `>`",
            "begin it in the next line; quote a text that begins with `|` or `>`",
        ),
        ErrorKind::TabInPlainScalar
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabAtBlockScalarStart => say(
            "not valid YAML: a tab where only spaces can stand, here or at the beginning of the \
             next line",
            SPACES,
        ),
        ErrorKind::UnexpectedEof
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping
        | ErrorKind::ExpectedNodeContent => {
            Diagnostic::new(&place, "not valid YAML: something is missing before this")
        }
        ErrorKind::UnknownQuotedScalarEscape | ErrorKind::InvalidQuotedScalarHexEscape => say(
            "not valid YAML: there is no such escape",
            "in double quotes a backslash begins an escape: write two of them, or use single quotes",
        ),
        ErrorKind::BomInsideDocument => say(
            "not valid YAML: an invisible byte order mark (U+FEFF) inside the file",
            "remove it; it can stand only at the very beginning",
        ),
        ErrorKind::MissingDocumentEndBeforeDirective => say(
            "not valid YAML: a line can't begin with `%`",
            "indent it if it belongs to a text",
        ),
        ErrorKind::UnsupportedYamlMajorVersion => say(
            "this version of YAML is not known",
            "remove the line; specs are YAML 1.2",
        ),
        _ => {
            let info = error.info();
            let reason = match info.split_once(", ") {
                Some((context, reason)) if context.starts_with("while ") => reason,
                _ => &info,
            };
            Diagnostic::new(&place, format!("not valid YAML: {reason}"))
        }
    }
}

/// Whether the line of `place` begins with white space that holds a tab.
fn indented_with_tab(place: &Place) -> bool {
    let text = place.source().text();
    let before = &text[..place.range().start];
    let line = &text[before.rfind('\n').map_or(0, |at| at + 1)..];
    let indent = &line[..line.len() - line.trim_start().len()];
    indent.contains('\t')
}

/// What `text` begins with, up to white space or a bracket, and not much of it.
fn word(text: &str) -> &str {
    let text = &text[..text.floor_char_boundary(LONGEST_NAME)];
    let end = text.find(|c: char| c.is_whitespace() || ",[]{}".contains(c));
    &text[..end.unwrap_or(text.len())]
}
