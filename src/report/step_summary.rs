//! The summary of a step in GitHub Actions: the Markdown report, in the file that the runner names.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;

use super::markdown;
use super::record::Record;

/// Adds to what earlier commands of the same step left there.
#[derive(Debug)]
pub struct StepSummary {
    path: PathBuf,
}

impl StepSummary {
    /// In the file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Adds the report, cut to the room that is left: of a summary that is too large GitHub shows
    /// nothing at all.
    ///
    /// # Errors
    /// When the file can't be written.
    pub(super) fn write(&self, record: &Record) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)?;
        let taken = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        // An empty line, so that this does not become a part of what is there.
        let room = markdown::LIMIT.saturating_sub(taken).saturating_sub(1);
        let text = markdown::within(record, room);
        let before = if taken == 0 { "" } else { "\n" };
        match text.is_empty() {
            true => Ok(()),
            false => file.write_all(format!("{before}{text}").as_bytes()),
        }
    }

    /// Adds a paragraph of plain words. Nobody asked for it, so no run fails for it.
    pub fn note(&self, words: &str) {
        let text = format!("\n{}\n", markdown::inline(words));
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path);
        let _ = file.and_then(|mut file| file.write_all(text.as_bytes()));
    }

    /// The same as [`write`](Self::write), with a warning if it can't be done: nobody asked for it, so no run fails for it.
    pub(super) fn try_write(&self, record: &Record) {
        if let Err(error) = self.write(record) {
            let path = self.path.display();
            let warning = format!("warning: the summary of the step is missing in {path}: {error}");
            // Nobody may be there to be warned.
            let _ = writeln!(io::stderr(), "{}", super::text::terminal_text(warning));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::golden;

    fn length(path: &std::path::Path) -> usize {
        path.metadata().unwrap().len().try_into().unwrap()
    }

    #[test]
    fn a_summary_comes_after_what_is_there_and_fits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.md");
        let record = golden::record(&golden::events());
        let summary = StepSummary::new(&path);
        summary.write(&record).unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        assert_eq!(whole, markdown::render(&record).unwrap());
        summary.write(&record).unwrap();
        let twice = std::fs::read_to_string(&path).unwrap();
        assert_eq!(twice, format!("{whole}\n{whole}"));
        for taken in [
            markdown::LIMIT - 2_000,
            markdown::LIMIT - 10,
            markdown::LIMIT,
            markdown::LIMIT + 1,
        ] {
            let file = OpenOptions::new().write(true).open(&path).unwrap();
            file.set_len(taken as u64).unwrap();
            summary.write(&record).unwrap();
            assert!(length(&path) <= markdown::LIMIT.max(taken));
        }
        assert!(StepSummary::new(folder.path()).write(&record).is_err());
    }
}
