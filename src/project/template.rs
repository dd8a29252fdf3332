//! Texts in which `${{ image.NAME }}` and `${{ env.NAME }}` stand for something, and nothing else.

use crate::diagnostic::Diagnostic;
use crate::source::Located;
use crate::yaml::{Context, Decode, Definitions, Describe, Node, Part, parts};
use serde_json::Value;

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

/// What can stand in a template.
const KNOWN: &str =
    "known are `image.NAME` (the reference of an image) and `env.NAME` (a variable)";

impl Decode for Template {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let text = String::decode(node, context)?;
        let parts = match parts(&text, &node.place, KNOWN) {
            Ok(parts) => parts,
            Err(mistake) => {
                context.report(mistake);
                return None;
            }
        };
        let pieces: Vec<Option<Piece>> = parts
            .into_iter()
            .map(|part| match part {
                Part::Text(text) => Some(Piece::Text(text)),
                Part::Expression(inner) => piece(&inner, context),
            })
            .collect();
        pieces.into_iter().collect::<Option<_>>().map(Self)
    }
}

fn piece(inner: &Located<String>, context: &mut Context) -> Option<Piece> {
    let named = |name: &str| Located::new(name.to_owned(), inner.place.clone());
    match inner.split_once('.') {
        Some(("image", name)) if !name.is_empty() => Some(Piece::Image(named(name))),
        Some(("env", name)) if !name.is_empty() => Some(Piece::Env(named(name))),
        _ => {
            let message = format!("`{}` stands for nothing here", inner.value);
            context.report(Diagnostic::new(&inner.place, message).help(KNOWN));
            None
        }
    }
}

impl Describe for Template {
    fn schema(definitions: &mut Definitions) -> Value {
        String::schema(definitions)
    }
}
