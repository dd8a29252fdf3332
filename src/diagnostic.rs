//! Messages about what people wrote: where it is, what is wrong, and the way out.

use std::fmt;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::source::Place;

/// One mistake in a spec or project file.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    message: String,
    place: Place,
    label: String,
    related: Vec<(Place, String)>,
    help: Option<String>,
}

impl Diagnostic {
    /// `message` says what is wrong in one line, without a full stop.
    pub fn new(place: &Place, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            place: place.clone(),
            label: String::new(),
            related: Vec::new(),
            help: None,
        }
    }

    /// Adds the words that stand beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Points at a second place in the same file that explains the first.
    #[must_use]
    pub fn related(mut self, place: &Place, label: impl Into<String>) -> Self {
        self.related.push((place.clone(), label.into()));
        self
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Offers the known name closest to `found`, or lists all of them when none is close.
    #[must_use]
    pub fn suggest<'a>(self, found: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match suggestion(found, known) {
            Some(help) => self.help(help),
            None => self,
        }
    }

    /// Where the mistake is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The one-line message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Renders the message with its source line and caret, in colour if `styled`.
    pub fn render(&self, styled: bool) -> String {
        let source = self.place.source();
        let primary = AnnotationKind::Primary
            .span(self.place.range())
            .label(self.label.as_str());
        let mut snippet = Snippet::source(source.text())
            .path(source.path().to_string_lossy())
            .fold(true)
            .annotation(primary);
        for (place, label) in &self.related {
            snippet = snippet.annotation(
                AnnotationKind::Context
                    .span(place.range())
                    .label(label.as_str()),
            );
        }
        let mut group =
            Group::with_title(Level::ERROR.primary_title(self.message.as_str())).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let renderer = if styled {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        renderer.decor_style(DecorStyle::Ascii).render(&[group])
    }
}

/// Whether `found` is likely meant to be `name`.
pub fn is_close(found: &str, name: &str) -> bool {
    strsim::damerau_levenshtein(found, name) <= 1.max(name.chars().count() / 3)
}

/// The way out for an unknown name: the known name closest to `found`, or all of them when none is
/// close; `None` when nothing is known.
pub fn suggestion<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    let close = known.iter().filter(|name| is_close(found, name));
    let closest = close.min_by_key(|name| strsim::damerau_levenshtein(found, name));
    match closest {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known here: {}", known.join(", "))),
    }
}

/// All mistakes that were found, in the order of files and lines. Never empty.
#[derive(Debug)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Renders every message, one blank line between two.
    pub fn render(&self, styled: bool) -> String {
        let rendered: Vec<String> = self.0.iter().map(|one| one.render(styled)).collect();
        rendered.join("\n\n")
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}
