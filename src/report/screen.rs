//! The lines at the bottom of a terminal that say what goes on: one place for all who have any, so that
//! nobody writes over them.

use std::sync::LazyLock;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often they are drawn at most, in a second.
const RATE: u8 = 20;

static LINES: LazyLock<MultiProgress> =
    LazyLock::new(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(RATE)));

/// A further line, on the standard error; one that is no terminal shows none.
pub(crate) fn add(template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
    LINES.add(ProgressBar::no_length().with_style(style))
}

/// Takes a line away.
pub(crate) fn remove(line: &ProgressBar) {
    line.finish_and_clear();
    LINES.remove(line);
}

/// Writes something above the lines.
pub(crate) fn above(write: impl FnOnce()) {
    LINES.suspend(write);
}
