//! A text of parts, as many as fit.

use crate::words::count;

/// Room for what says that something is missing.
const MARKER: usize = 200;

/// Parts are whole or not there, so that no table or block stays open.
pub(super) struct Page {
    text: String,
    limit: usize,
    left_out: usize,
}

impl Page {
    /// Of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            text: String::new(),
            limit: limit.saturating_sub(MARKER),
            left_out: 0,
        }
    }

    /// Adds the part if it fits. After one that does not, none is added.
    pub(super) fn add(&mut self, part: &str) {
        if self.left_out > 0 || self.text.len() + part.len() > self.limit {
            self.left_out += 1;
        } else {
            self.text.push_str(part);
        }
    }

    /// The text. It says how many parts are missing, if there is room for that.
    pub(super) fn finish(self) -> String {
        let Self {
            mut text,
            limit,
            left_out,
        } = self;
        if left_out > 0 && limit > 0 {
            let parts = count(left_out, "more part");
            let marker = format!("\n**Cut here**: {parts} of this report did not fit.\n");
            text.push_str(&marker);
        }
        text
    }
}
