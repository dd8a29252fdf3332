//! From the words of an instruction to what it says.

use std::collections::HashSet;
use std::ops::Range;

use serde_json::Value;

use super::flags::{Flag, flags};
use super::heredoc::Announced;
use super::instruction::{Argument, Copying, From, Instruction, Kind, Run};
use super::text::Text;
use super::words::{Unclosed, split, split_plain};
use crate::diagnostic::{Diagnostic, suggestion};
use crate::source::{Located, Place};

/// The instructions that there are.
const KNOWN: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// How the text of an instruction is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) escape: char,
    /// Whether the file is for a frontend that may know other instructions.
    pub(super) foreign: bool,
}

/// The instruction in `text[range]`, without its lines.
pub(super) fn instruction(
    text: &Text,
    range: Range<usize>,
    rules: Rules,
) -> Result<Instruction, Diagnostic> {
    let line = &text.as_str()[range.clone()];
    let end = line.find(char::is_whitespace).unwrap_or(line.len());
    let word = range.start..range.start + end;
    let keyword = Located::new(
        text.as_str()[word.clone()].to_ascii_uppercase(),
        text.place(&word),
    );
    if !KNOWN.contains(&keyword.as_str()) && !rules.foreign {
        let message = format!("there is no instruction `{}`", &text.as_str()[word]);
        let mistake = Diagnostic::new(&keyword.place, message);
        return Err(match suggestion(&keyword, KNOWN) {
            Some(help) => mistake.help(help),
            None => mistake,
        });
    }
    let (flags, start) = flags(text, word.end..range.end);
    let place = text.place(&range);
    let rest = start..range.end;
    let kind = match keyword.as_str() {
        "FROM" => from(text, rest, &flags, &keyword.place)?,
        "ARG" => arguments(text, rest, rules, &keyword.place)?,
        "COPY" | "ADD" => copying(text, rest, &flags, &keyword)?,
        "RUN" => Kind::Run(Run {
            words: json(text, &rest)?,
        }),
        "ONBUILD" => on_build(text, rest, rules, &keyword.place)?,
        _ => Kind::Other,
    };
    Ok(Instruction {
        keyword,
        flags,
        kind,
        text: line.to_owned(),
        heredocs: Vec::new(),
        first_line: place.line(),
        last_line: place.line(),
        place,
    })
}

/// Whether here-documents of an instruction are such.
pub(super) fn has_heredocs(instruction: &Instruction) -> bool {
    match &instruction.kind {
        Kind::Copy(copying) => !copying.is_json,
        Kind::Run(run) => run.words.is_none(),
        Kind::OnBuild(inner) => has_heredocs(inner),
        _ => false,
    }
}

/// Takes here-documents out of what is copied: they are no files.
pub(super) fn without_heredocs(instruction: &mut Instruction, heredocs: &[(Announced, Place)]) {
    match &mut instruction.kind {
        Kind::Copy(copying) => {
            let starts = heredocs.iter().map(|(_, place)| place.range().start);
            let starts: HashSet<usize> = starts.collect();
            let sources = &mut copying.sources;
            sources.retain(|source| !starts.contains(&source.place.range().start));
        }
        Kind::OnBuild(inner) => without_heredocs(inner, heredocs),
        _ => {}
    }
}

fn from(
    text: &Text,
    rest: Range<usize>,
    flags: &[Flag],
    keyword: &Place,
) -> Result<Kind, Diagnostic> {
    let words = plain_words(text, &rest);
    let (image, name) = match words.as_slice() {
        [image] => (image, None),
        [image, word, name] if word.eq_ignore_ascii_case("as") => (image, Some(name)),
        _ => {
            let mistake = Diagnostic::new(
                keyword,
                "FROM is followed by an image, or by `IMAGE AS NAME`",
            );
            return Err(mistake);
        }
    };
    let name = name.map(stage_name).transpose()?;
    let platform = flags.iter().find(|flag| flag.name == "platform");
    Ok(Kind::From(From {
        image: image.clone(),
        platform: platform.and_then(|flag| flag.value.clone()),
        name,
    }))
}

fn stage_name(name: &Located<String>) -> Result<Located<String>, Diagnostic> {
    let lower = name.to_ascii_lowercase();
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if !lower.starts_with(|c: char| c.is_ascii_lowercase()) || !lower.chars().all(is_inner) {
        let message = format!("`{}` can't be the name of a stage", name.value);
        return Err(Diagnostic::new(&name.place, message)
            .help("names begin with a letter; letters, digits and . _ - follow"));
    }
    Ok(Located::new(lower, name.place.clone()))
}

fn arguments(
    text: &Text,
    rest: Range<usize>,
    rules: Rules,
    keyword: &Place,
) -> Result<Kind, Diagnostic> {
    let said = &text.as_str()[rest.clone()];
    let words = split(said, rules.escape).map_err(|Unclosed(quote)| {
        let message = format!("a quote is never closed: {quote}");
        Diagnostic::new(&text.place(&rest), message)
    })?;
    if words.is_empty() {
        return Err(Diagnostic::new(keyword, "ARG is followed by a name"));
    }
    let mut arguments = Vec::new();
    for word in words {
        let start = rest.start + word.start;
        let word = &said[word];
        let (name, default) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word, None),
        };
        let name = text.located(&(start..start + name.len()));
        if name.is_empty() {
            let place = text.place(&(start..start + word.len()));
            return Err(Diagnostic::new(&place, "an argument needs a name"));
        }
        arguments.push(Argument { name, default });
    }
    Ok(Kind::Arg(arguments))
}

fn copying(
    text: &Text,
    rest: Range<usize>,
    flags: &[Flag],
    keyword: &Located<String>,
) -> Result<Kind, Diagnostic> {
    let (mut words, is_json) = match json(text, &rest)? {
        Some(words) => {
            let place = text.place(&rest);
            let words = words.into_iter();
            let words = words.map(|word| Located::new(word, place.clone()));
            (words.collect(), true)
        }
        None => (plain_words(text, &rest), false),
    };
    let destination = words.pop().filter(|_| !words.is_empty()).ok_or_else(|| {
        let message = format!(
            "{} is followed by at least one source and the destination",
            keyword.value
        );
        Diagnostic::new(&keyword.place, message)
    })?;
    let from = flags.iter().find(|flag| flag.name == "from");
    Ok(Kind::Copy(Copying {
        from: from.and_then(|flag| flag.value.clone()),
        sources: words,
        destination,
        is_json,
    }))
}

fn on_build(
    text: &Text,
    rest: Range<usize>,
    rules: Rules,
    keyword: &Place,
) -> Result<Kind, Diagnostic> {
    let end = rest.start + text.as_str()[rest.clone()].trim_end().len();
    if end == rest.start {
        let mistake = Diagnostic::new(keyword, "ONBUILD is followed by an instruction");
        return Err(mistake);
    }
    // Looked at before it is read: nothing may be nested any deeper.
    let said = &text.as_str()[rest.start..end];
    let length = said.find(char::is_whitespace).unwrap_or(said.len());
    let word = said[..length].to_ascii_uppercase();
    if matches!(word.as_str(), "ONBUILD" | "FROM" | "MAINTAINER") {
        let place = text.place(&(rest.start..rest.start + length));
        let message = format!("{word} can't stand behind ONBUILD");
        return Err(Diagnostic::new(&place, message));
    }
    let inner = instruction(text, rest.start..end, rules)?;
    Ok(Kind::OnBuild(Box::new(inner)))
}

/// The texts of a JSON list; `None` for anything that is none, as BuildKit has it.
fn json(text: &Text, rest: &Range<usize>) -> Result<Option<Vec<String>>, Diagnostic> {
    let said = text.as_str()[rest.clone()].trim();
    if !said.starts_with('[') {
        return Ok(None);
    }
    let Ok(Value::Array(values)) = serde_json::from_str(said) else {
        return Ok(None);
    };
    let texts = values.into_iter().map(|value| match value {
        Value::String(text) => Some(text),
        _ => None,
    });
    let texts: Option<Vec<String>> = texts.collect();
    let mistake = || Diagnostic::new(&text.place(rest), "a JSON list here holds texts only");
    texts.map(Some).ok_or_else(mistake)
}

fn plain_words(text: &Text, rest: &Range<usize>) -> Vec<Located<String>> {
    let words = split_plain(&text.as_str()[rest.clone()]).into_iter();
    let words = words.map(|word| text.located(&(rest.start + word.start..rest.start + word.end)));
    words.collect()
}
