//! Texts in which `${{ image.NAME }}` and `${{ env.NAME }}` stand for something, and nothing else.

use crate::diagnostic::Diagnostic;
use crate::source::{Located, Place};
use crate::yaml::{Context, Decode, Node};

/// A text with its substitutions, not yet filled in.
#[derive(Debug, Clone, Default)]
pub struct Template(pub Vec<Piece>);

/// A part of a [`Template`].
#[derive(Debug, Clone)]
pub enum Piece {
    /// Text as it stands.
    Text(String),
    /// The reference of the image of this name.
    Image(Located<String>),
    /// The caller's variable of this name.
    Env(Located<String>),
}

impl Template {
    /// The names of the images that stand in it.
    pub fn images(&self) -> impl Iterator<Item = &Located<String>> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Image(name) => Some(name),
            _ => None,
        })
    }

    /// Fills in the substitutions: `image` gives the reference of an image, `env` a variable.
    ///
    /// # Errors
    /// The place of the first variable that is not set.
    pub fn fill(
        &self,
        image: &dyn Fn(&str) -> String,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, Diagnostic> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Image(name) => filled.push_str(&image(name)),
                Piece::Env(name) => filled.push_str(&env(name).ok_or_else(|| {
                    let message = format!("the variable `{}` is not set", name.value);
                    Diagnostic::new(&name.place, message).help(format!(
                        "set it for this call: {}=… seatrial build",
                        name.value
                    ))
                })?),
            }
        }
        Ok(filled)
    }
}

impl Decode for Template {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let text = String::decode(node, context)?;
        let mut places = Places::new(&node.place);
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        let mut sound = true;
        while let Some(start) = rest.find("${{") {
            if start > 0 {
                pieces.push(Piece::Text(rest[..start].to_owned()));
            }
            let Some(end) = rest[start..].find("}}").map(|end| start + end + 2) else {
                context.report(
                    Diagnostic::new(&places.of("${{"), "`${{` is never closed")
                        .help("write `${{ image.NAME }}` or `${{ env.NAME }}`"),
                );
                return None;
            };
            let written = &rest[start..end];
            rest = &rest[end..];
            let place = places.of(written);
            let inner = written[3..written.len() - 2].trim();
            match inner.split_once('.') {
                Some(("image", name)) if !name.is_empty() => {
                    pieces.push(Piece::Image(Located::new(name.to_owned(), place)));
                }
                Some(("env", name)) if !name.is_empty() => {
                    pieces.push(Piece::Env(Located::new(name.to_owned(), place)));
                }
                _ => {
                    let message = format!("`{inner}` stands for nothing here");
                    let help = "known are `image.NAME` (the reference of an image) and `env.NAME` \
                                (a variable)";
                    context.report(Diagnostic::new(&place, message).help(help));
                    sound = false;
                }
            }
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        sound.then_some(Self(pieces))
    }
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
