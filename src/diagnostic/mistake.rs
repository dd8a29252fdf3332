//! One mistake and how it is shown.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level, Origin, Padding, Renderer, Snippet,
};
use anstream::adapter::strip_str;

use super::excerpt::{Excerpt, near};
use super::harmless::harmless;
use super::suggestion::suggestion;
use crate::report::text::{one_line, terminal_text};
use crate::source::Place;

/// Longer messages hold something that nobody reads: they are cut in the middle.
const LONGEST_MESSAGE: usize = 300;
/// What stands before the name of another file. No CI system takes it for a command.
const ANOTHER_FILE: &str = ":::";
/// Lists of known names are longer.
const LONGEST_HELP: usize = 2_000;

/// One mistake in a spec or project file.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    // Boxed texts, because many functions return this as their error.
    message: Box<str>,
    place: Place,
    label: Box<str>,
    related: Vec<(Place, String)>,
    notes: Vec<String>,
    help: Option<Box<str>>,
}

impl Diagnostic {
    /// `message` says what is wrong in one line, without a full stop.
    pub fn new(place: &Place, message: impl Into<String>) -> Self {
        Self {
            message: message.into().into_boxed_str(),
            place: place.clone(),
            label: Box::default(),
            related: Vec::new(),
            notes: Vec::new(),
            help: None,
        }
    }

    /// Adds the words that stand beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into().into_boxed_str();
        self
    }

    /// Points at a second place that explains the first; it may be in another file.
    #[must_use]
    pub fn related(mut self, place: &Place, label: impl Into<String>) -> Self {
        self.related.push((place.clone(), label.into()));
        self
    }

    /// Adds what else must be known, such as how the text came to be here.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into().into_boxed_str());
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
    ///
    /// The text is harmless on terminals and in the logs of CI systems, whatever the file holds,
    /// and of long lines and long places only a part is shown.
    pub fn render(&self, styled: bool) -> String {
        let mut group =
            Group::with_title(Level::ERROR.primary_title(short(&self.message, LONGEST_MESSAGE)));
        for (number, places) in self.excerpts().iter().enumerate() {
            if number > 0 {
                group = group.element(Padding);
            }
            let (first, _, _) = places[0];
            group = group.element(origin(first)).element(snippet(places));
        }
        for note in &self.notes {
            group = group.element(Level::NOTE.message(shortened_lines(note)));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(shortened_lines(help)));
        }
        let renderer = if styled {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let rendered = renderer.decor_style(DecorStyle::Ascii).render(&[group]);
        let lines = rendered.split('\n').filter_map(|line| shown(line, styled));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The places, those together that are shown together. The main one comes first.
    fn excerpts(&self) -> Vec<Vec<Shown<'_>>> {
        let mut excerpts = vec![vec![(&self.place, &*self.label, AnnotationKind::Primary)]];
        for (place, label) in &self.related {
            let shown = (place, &**label, AnnotationKind::Context);
            match excerpts.iter_mut().find(|others| near(others[0].0, place)) {
                Some(others) => others.push(shown),
                None => excerpts.push(vec![shown]),
            }
        }
        excerpts
    }
}

/// What a rendered line becomes in the end.
fn shown(line: &str, styled: bool) -> Option<String> {
    let visible = strip_str(line).to_string();
    if visible.trim() == ANOTHER_FILE {
        // An excerpt has no file name of its own: its origin was said before.
        return None;
    }
    // Colours go to terminals only, and no terminal obeys what CI systems obey.
    if styled || visible.trim_start().starts_with(ANOTHER_FILE) {
        return Some(line.to_owned());
    }
    // Pieces of a line that are harmless alone could have become a command together.
    Some(terminal_text(line))
}

/// A place, the words beside it, and how it is marked.
type Shown<'a> = (&'a Place, &'a str, AnnotationKind);

/// Said by hand, because an excerpt does not know the columns of a line that was cut.
fn origin(place: &Place) -> Origin<'static> {
    Origin::path(one_line(place.source().path().to_string_lossy().as_bytes()))
        .line(place.line())
        .char_column(place.column())
}

fn snippet(places: &[Shown<'_>]) -> Snippet<'static, Annotation<'static>> {
    let all: Vec<&Place> = places.iter().map(|(place, ..)| *place).collect();
    let excerpt = Excerpt::of(places[0].0.source(), &all);
    let spans = excerpt.spans.into_iter().zip(places);
    Snippet::source(excerpt.text)
        .line_start(excerpt.first_line)
        .fold(true)
        .annotations(spans.map(|(span, (_, label, kind))| {
            let label = short(label, LONGEST_MESSAGE);
            kind.span(span).label(label)
        }))
}

/// One harmless line, cut in the middle when it is very long.
fn short(text: &str, longest: usize) -> String {
    // Cut first: to make a long text harmless takes long.
    let line = match text.char_indices().nth(longest) {
        None => harmless(text),
        Some(_) => {
            let tail = longest / 4;
            let (head_end, _) = text.char_indices().nth(longest - tail).unwrap_or_default();
            let (tail_start, _) = text.char_indices().nth_back(tail).unwrap_or_default();
            let (head, tail) = (&text[..head_end], &text[tail_start..]);
            format!("{} … {}", harmless(head), harmless(tail))
        }
    };
    line.replace('\n', "␊").replace('\t', "␉")
}

/// Harmless lines, none of them very long.
fn shortened_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| short(line, LONGEST_HELP)).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::source::Source;

    fn place(source: &Arc<Source>, part: &str) -> Place {
        let start = source.text().find(part).unwrap();
        Place::new(source, start..start + part.len())
    }

    #[test]
    fn a_related_place_may_be_far_away_or_in_another_file() {
        let other = Source::new("base.yaml", "image: base:1\nchecks:\n  - name: same\n");
        let gap = "# nothing\n".repeat(1_000);
        let text = format!("# first\nimage: img:1\n{gap}checks:\n  - name: same\n");
        let source = Source::new("a.yaml", text);
        let diagnostic = Diagnostic::new(&place(&source, "same"), "duplicate check name `same`")
            .label("used again here")
            .related(&place(&source, "img:1"), "for this image")
            .related(&place(&other, "same"), "first used here")
            .related(&place(&other, "base:1"), "for its base")
            .note("`a.yaml` inherits from `base.yaml`")
            .note("in the expansion of `each`\nwith `x: 1`")
            .help("give one of them a `name` of its own");
        insta::assert_snapshot!(diagnostic.render(false));
        let styled = diagnostic.render(true);
        assert_eq!(strip_str(&styled).to_string(), diagnostic.render(false));
    }

    #[test]
    fn nothing_in_a_message_acts() {
        let source = Source::new("a\u{1b}[31m\n.yaml", "::x: ##[group]\u{9b}31m\u{202e}\t1\n");
        let diagnostic =
            Diagnostic::new(&place(&source, "[group]"), "unknown `\u{1b}[2J\n::error`")
                .label("\u{202e}##[x]")
                .note("\u{1b}]0;title\u{7}")
                .help("a\r\n\u{9b}b");
        insta::assert_snapshot!(diagnostic.render(false));
        let styled = diagnostic.render(true);
        assert!(!styled.contains("\u{1b}]") && !styled.contains(['\u{9b}', '\u{202e}', '\r']));
    }

    #[test]
    fn a_long_message_is_cut() {
        let source = Source::new("a.yaml", "a: 1\n");
        let message = format!("unknown key `{}` in a spec", "k".repeat(100_000));
        let rendered = Diagnostic::new(&place(&source, "a"), message).render(false);
        let title = rendered.lines().next().unwrap();
        assert!(
            title.chars().count() < 400 && title.ends_with("k` in a spec"),
            "{title}"
        );
    }
}
