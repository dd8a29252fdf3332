//! The 512 bytes before each entry of a tar: ustar and GNU (POSIX pax(1), GNU tar's manual).

/// The size of a block, in bytes.
pub(super) const BLOCK: usize = 512;

/// A block as bytes, and where its fields are.
pub(super) struct Header(pub(super) [u8; BLOCK]);

impl Header {
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }

    /// Whether its checksum is right. Some old programs summed up signed bytes.
    pub(super) fn is_sound(&self) -> bool {
        let bytes = || {
            let is_sum = |at: &usize| (148..156).contains(at);
            let all = self.0.iter().enumerate();
            all.map(move |(at, byte)| if is_sum(&at) { b' ' } else { *byte })
        };
        let unsigned: i64 = bytes().map(i64::from).sum();
        let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
        number(&self.0[148..156]).is_some_and(|sum| sum == unsigned || sum == signed)
    }

    pub(super) fn kind(&self) -> u8 {
        self.0[156]
    }

    /// The path, with the prefix that ustar has for long ones.
    pub(super) fn path(&self) -> Vec<u8> {
        let name = text(&self.0[..100]);
        let prefix = text(&self.0[345..500]);
        // GNU has other things in that place.
        if &self.0[257..263] != b"ustar\0" || prefix.is_empty() {
            return name.to_vec();
        }
        [prefix, b"/", name].concat()
    }

    pub(super) fn link(&self) -> Vec<u8> {
        text(&self.0[157..257]).to_vec()
    }

    pub(super) fn mode(&self) -> Option<i64> {
        number(&self.0[100..108])
    }

    pub(super) fn uid(&self) -> Option<i64> {
        number(&self.0[108..116])
    }

    pub(super) fn gid(&self) -> Option<i64> {
        number(&self.0[116..124])
    }

    /// The bytes that follow in the archive.
    pub(super) fn size(&self) -> Option<u64> {
        number(&self.0[124..136])?.try_into().ok()
    }

    pub(super) fn mtime(&self) -> Option<i64> {
        number(&self.0[136..148])
    }

    /// Major and minor number.
    pub(super) fn device(&self) -> Option<(u32, u32)> {
        let major = number(&self.0[329..337])?.try_into().ok()?;
        let minor = number(&self.0[337..345])?.try_into().ok()?;
        Some((major, minor))
    }

    /// GNU's old sparse files: the length with all holes.
    pub(super) fn sparse_size(&self) -> Option<u64> {
        number(&self.0[483..495])?.try_into().ok()
    }

    /// GNU's old sparse files: the first parts, and whether a block with more of them follows.
    pub(super) fn sparse_parts(&self) -> (&[u8], bool) {
        (&self.0[386..482], self.0[482] != 0)
    }
}

/// A field that is text, up to its first NUL.
fn text(field: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, field).unwrap_or(field.len());
    &field[..end]
}

/// A field that is a number: octal digits among blanks and NULs, or GNU's binary for large and
/// negative ones. An empty one is zero.
pub(super) fn number(field: &[u8]) -> Option<i64> {
    if let Some((first, rest)) = field.split_first()
        && *first >= 0x80
    {
        // Two's complement; the highest bit of all is the mark.
        let first = if first & 0x40 == 0 {
            i64::from(first & 0x7f)
        } else {
            i64::from(first.cast_signed())
        };
        return rest.iter().try_fold(first, |value, byte| {
            Some(value.checked_mul(256)? | i64::from(*byte))
        });
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| !is_blank(byte));
    let digits = &field[start.unwrap_or(field.len())..];
    let end = digits.iter().position(is_blank).unwrap_or(digits.len());
    digits[..end].iter().try_fold(0_i64, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 8)?;
        value.checked_mul(8)?.checked_add(i64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_octal_or_binary() {
        let table: [(&[u8], Option<i64>); 13] = [
            (b"0000644\0", Some(0o644)),
            (b"   644 \0", Some(0o644)),
            (b"644", Some(0o644)),
            (b"\0\0\0\0", Some(0)),
            (b"        ", Some(0)),
            (b"777777777777", Some(0o777_777_777_777)),
            (b"0000648\0", None),
            (b"-1\0", None),
            (b"0x1f\0", None),
            (b"\x80\0\0\0\0\0\x01\0", Some(256)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1)),
            (b"\x80\0\0\x02\0\0\0\0\0\0\0\0", None),
            (
                b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
                Some(i64::MAX),
            ),
        ];
        for (field, expected) in table {
            assert_eq!(number(field), expected, "{field:?}");
        }
    }
}
