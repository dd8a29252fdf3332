//! Files with holes, as GNU tar writes them in four forms.

use super::error::{Fault, Refusal};
use super::header::{BLOCK, Header, number};
use super::pax;
use super::stream::Stream;

/// How many parts a sparse file may have.
const PARTS: usize = 1 << 20;

/// What of a file is in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Map {
    /// The length of the file with all its holes.
    pub(super) size: u64,
    /// Offset and length of each part, in order.
    pub(super) parts: Vec<(u64, u64)>,
}

impl Map {
    /// A map that makes sense for `data` bytes in the archive.
    fn checked(size: u64, parts: Vec<(u64, u64)>, data: u64) -> Option<Self> {
        // What the kernel can take as an offset.
        i64::try_from(size).ok()?;
        let mut end = 0;
        let mut sum = 0_u64;
        for (offset, length) in &parts {
            if *offset < end {
                return None;
            }
            end = offset.checked_add(*length)?;
            sum = sum.checked_add(*length)?;
        }
        (end <= size && sum == data).then_some(Self { size, parts })
    }

    /// The old form: the parts are in the header and in blocks behind it.
    pub(super) fn of_header(
        header: &Header,
        data: u64,
        stream: &mut Stream,
    ) -> Result<Self, Fault> {
        let bad = || Fault::entry(&header.path(), Refusal::BadSparse);
        let mut parts = Vec::new();
        let (fields, mut goes_on) = header.sparse_parts();
        add_fields(&mut parts, fields).ok_or_else(bad)?;
        while goes_on {
            let mut block = [0; BLOCK];
            if !stream.fill(&mut block)? {
                return Err(stream.ended());
            }
            add_fields(&mut parts, &block[..504]).ok_or_else(bad)?;
            goes_on = block[504] != 0;
        }
        let size = header.sparse_size().ok_or_else(bad)?;
        Self::checked(size, parts, data).ok_or_else(bad)
    }

    /// The forms that say it in a PAX header; `None` if this is no sparse file. `data` is how many
    /// bytes the archive has, and then without the map that 1.0 has before them.
    pub(super) fn of_pax(
        sparse: &pax::Sparse,
        data: &mut u64,
        path: &[u8],
        stream: &mut Stream,
    ) -> Result<Option<Self>, Fault> {
        let bad = || Fault::entry(path, Refusal::BadSparse);
        let numbers = match (sparse.major, sparse.minor, &sparse.map) {
            (None, None, None) => return Ok(None),
            (None, None, Some(map)) | (Some(0), Some(0 | 1), Some(map)) => map.clone(),
            (Some(1), Some(0), _) => numbers_before_data(data, stream)?.ok_or_else(bad)?,
            _ => return Err(bad()),
        };
        let (pairs, rest) = numbers.as_chunks::<2>();
        let parts: Vec<_> = pairs
            .iter()
            .map(|[offset, length]| (*offset, *length))
            .collect();
        if !rest.is_empty() || parts.len() > PARTS {
            return Err(bad());
        }
        let size = sparse.size.ok_or_else(bad)?;
        Self::checked(size, parts, *data).ok_or_else(bad).map(Some)
    }
}

/// Adds the pairs of a header up to the first empty one.
fn add_fields(parts: &mut Vec<(u64, u64)>, fields: &[u8]) -> Option<()> {
    for field in fields.as_chunks::<24>().0 {
        if field[0] == 0 {
            break;
        }
        let offset = number(&field[..12])?.try_into().ok()?;
        let length = number(&field[12..])?.try_into().ok()?;
        parts.push((offset, length));
    }
    (parts.len() <= PARTS).then_some(())
}

/// The form 1.0: a count and as many pairs, a line for each number, filled up to whole blocks.
/// `None` if that is not there.
fn numbers_before_data(data: &mut u64, stream: &mut Stream) -> Result<Option<Vec<u64>>, Fault> {
    let mut numbers = Vec::new();
    let mut wanted = None;
    let mut line = Vec::new();
    loop {
        let Some(left) = data.checked_sub(BLOCK as u64) else {
            return Ok(None);
        };
        *data = left;
        let mut block = [0; BLOCK];
        if !stream.fill(&mut block)? {
            return Err(stream.ended());
        }
        for byte in block {
            if byte != b'\n' {
                line.push(byte);
                continue;
            }
            let Some(value) = pax::number(&line) else {
                return Ok(None);
            };
            line.clear();
            match wanted {
                None => match usize::try_from(value) {
                    Ok(count) if count <= PARTS => wanted = Some(2 * count),
                    _ => return Ok(None),
                },
                Some(_) => numbers.push(value),
            }
            if wanted == Some(numbers.len()) {
                return Ok(Some(numbers));
            }
        }
        // No number is that long.
        if line.len() > BLOCK {
            return Ok(None);
        }
    }
}
