//! How a layer is compressed, told by its first bytes.

use std::io::{BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// How many bytes tell.
pub(crate) const MAGIC: usize = 4;

/// How much compressed data is read at once, in bytes.
const BUFFER: usize = 256 << 10;

/// How a layer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// Tells by the first bytes. No tar begins with these: it begins with a name.
    pub(crate) fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            // RFC 8878: a frame, or one to be skipped.
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// Reads uncompressed what `input` gives. All members or frames count, as for gzip(1) and zstd(1).
pub(crate) fn reader<'a>(
    input: impl Read + 'a,
    compression: Compression,
) -> std::io::Result<Box<dyn Read + 'a>> {
    Ok(match compression {
        Compression::None => Box::new(input),
        Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, input))),
        Compression::Zstd => {
            let input = BufReader::with_capacity(BUFFER, input);
            Box::new(zstd::stream::read::Decoder::with_buffer(input)?)
        }
    })
}
