//! Scalars in which `${{ … }}` stands for something.

use crate::diagnostic::Diagnostic;
use crate::source::{Located, Place};

/// A part of a scalar.
#[derive(Debug, Clone)]
pub enum Part {
    /// Text as it stands.
    Text(String),
    /// What stands between `${{` and `}}`, without the spaces around it.
    Expression(Located<String>),
}

/// Whether there is anything to fill in.
pub fn has_expression(text: &str) -> bool {
    text.contains("${{")
}

/// Takes a scalar apart. `${{ '…' }}` is the text between the quotes, for a literal `${{`.
///
/// # Errors
/// An expression that is never closed; `help` says what could stand there.
pub fn parts(text: &str, place: &Place, help: &str) -> Result<Vec<Part>, Diagnostic> {
    let mut places = Places::new(place);
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${{") {
        if start > 0 {
            parts.push(Part::Text(rest[..start].to_owned()));
        }
        let Some(end) = end(&rest[start..]).map(|end| start + end) else {
            let place = places.of("${{");
            return Err(Diagnostic::new(&place, "`${{` is never closed").help(help));
        };
        let written = &rest[start..end];
        rest = &rest[end..];
        let place = places.of(written);
        let inner = written[3..written.len() - 2].trim();
        let quoted = inner
            .strip_prefix('\'')
            .and_then(|inner| inner.strip_suffix('\''));
        parts.push(match quoted {
            Some(literal) => Part::Text(literal.to_owned()),
            None => Part::Expression(Located::new(inner.to_owned(), place)),
        });
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

/// Where the expression at the beginning of `text` ends; what is quoted in it does not end it.
fn end(text: &str) -> Option<usize> {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '}' if !quoted && text[at..].starts_with("}}") => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// Finds pieces of a scalar in the file, from left to right. What can't be found because of
/// escapes has the place of the whole scalar.
struct Places<'a> {
    whole: &'a Place,
    from: usize,
}

impl<'a> Places<'a> {
    fn new(whole: &'a Place) -> Self {
        Self { whole, from: 0 }
    }

    fn of(&mut self, written: &str) -> Place {
        let raw = self.whole.text();
        match raw.get(self.from..).and_then(|rest| rest.find(written)) {
            Some(found) => {
                let start = self.whole.range().start + self.from + found;
                self.from += found + written.len();
                Place::new(self.whole.source(), start..start + written.len())
            }
            None => self.whole.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn taken_apart(text: &str) -> String {
        let source = Source::new("a.yaml", text);
        let whole = Place::new(&source, 0..text.len());
        match parts(text, &whole, "") {
            Err(mistake) => format!("{} {}", mistake.place(), mistake.message()),
            Ok(parts) => parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => format!("{text:?} "),
                    Part::Expression(inner) => {
                        format!("<{}@{}> ", inner.value, inner.place.column())
                    }
                })
                .collect(),
        }
    }

    #[test]
    fn scalars_come_apart() {
        let table = [
            ("plain $HOME ${X}", "\"plain $HOME ${X}\" "),
            ("${{ a }}", "<a@1> "),
            ("x ${{a}}${{ b.c }}!", "\"x \" <a@3> <b.c@9> \"!\" "),
            ("${{ '${{ x }}' }}", "\"${{ x }}\" "),
            ("x ${{ a", "a.yaml:1:3 `${{` is never closed"),
            ("${{ 'a }}", "a.yaml:1:1 `${{` is never closed"),
        ];
        for (text, expected) in table {
            assert_eq!(taken_apart(text), expected, "{text}");
        }
    }
}
