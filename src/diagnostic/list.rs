//! All mistakes that were found.

use std::fmt;

use super::mistake::Diagnostic;

/// Nobody reads more of them at once, and a file can hold a mistake in each of its lines.
const MOST_SHOWN: usize = 100;

/// All mistakes that were found, in the order of files and lines. Never empty.
#[derive(Debug)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Renders every message, one blank line between two. Of very many, the last ones are counted
    /// only.
    pub fn render(&self, styled: bool) -> String {
        let shown = self.0.iter().take(MOST_SHOWN);
        let mut rendered: Vec<String> = shown.map(|one| one.render(styled)).collect();
        match self.0.len().saturating_sub(MOST_SHOWN) {
            0 => {}
            1 => rendered.push("error: 1 more mistake is not shown".to_owned()),
            more => rendered.push(format!("error: {more} more mistakes are not shown")),
        }
        rendered.join("\n\n")
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Place, Source};

    #[test]
    fn very_many_mistakes_are_counted() {
        let source = Source::new("a.yaml", "a: 1\n");
        let one = Diagnostic::new(&Place::new(&source, 0..1), "wrong");
        for (count, last) in [
            (100, "  | ^"),
            (101, "error: 1 more mistake is not shown"),
            (350, "error: 250 more mistakes are not shown"),
        ] {
            let all = Diagnostics(vec![one.clone(); count]);
            assert_eq!(all.render(false).lines().last(), Some(last), "{count}");
        }
    }
}
