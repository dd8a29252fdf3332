//! File → [`Source`].

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::source::{Place, Source};

/// Files are written by people; what is larger than this is something else.
const MAX_BYTES: u64 = 16 << 20;

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system can't read the file.
    #[error("{0}")]
    System(#[from] io::Error),
    /// Something that has no end, or none that is worth waiting for.
    #[error("{0}")]
    Refused(&'static str),
    /// The file is no text; the message says where.
    #[error("{}", .0.message())]
    NotText(Box<Diagnostic>),
}

/// Reads `file`, which messages call `shown`. Only regular files of at most 16 MiB are read: a pipe
/// or a device could hold back its end for ever.
///
/// # Errors
/// What is no such file, can't be read, or is not UTF-8.
pub fn read(file: &Path, shown: &Path) -> Result<Arc<Source>, ReadError> {
    let metadata = std::fs::metadata(file)?;
    if metadata.is_dir() {
        return Err(ReadError::Refused("it is a folder, not a file"));
    }
    if !metadata.is_file() {
        return Err(ReadError::Refused("it is a pipe or a device, not a file"));
    }
    let too_large = ReadError::Refused("larger than 16 MiB, so not written by people");
    if metadata.len() > MAX_BYTES {
        return Err(too_large);
    }
    let mut bytes = Vec::new();
    // Some files are longer than they say, or grow.
    File::open(file)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large);
    }
    text(bytes, shown)
}

fn text(bytes: Vec<u8>, shown: &Path) -> Result<Arc<Source>, ReadError> {
    let no_text = |source: &Arc<Source>, at: usize, length: usize, message: &str| {
        let place = Place::new(source, at..at + length);
        let diagnostic = Diagnostic::new(&place, message).help("save the file as UTF-8");
        Err(ReadError::NotText(Box::new(diagnostic)))
    };
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        // To show it as if it were UTF-8 would help nobody.
        let source = Source::new(shown, "");
        return no_text(&source, 0, 0, "the file is UTF-16, not UTF-8");
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(shown, text)),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let source = Source::new(shown, text);
            let message = format!(
                "not valid UTF-8: the byte 0x{:02x}",
                error.as_bytes()[valid]
            );
            no_text(
                &source,
                valid,
                char::REPLACEMENT_CHARACTER.len_utf8(),
                &message,
            )
        }
    }
}
