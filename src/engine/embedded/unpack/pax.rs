//! The records of a PAX header (POSIX pax(1)): `LENGTH KEY=VALUE\n`, where a value may hold any
//! bytes, also line feeds.

use rustix::fs::Timespec;

/// What a PAX header says of the next entry, as far as it concerns us.
#[derive(Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<i64>,
    pub(super) gid: Option<i64>,
    pub(super) mtime: Option<Timespec>,
    /// `SCHILY.xattr.NAME`, without the prefix.
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) sparse: Sparse,
}

/// What GNU tar says of a sparse file.
#[derive(Default)]
pub(super) struct Sparse {
    /// The version of the form, if it says so: 1.0 is the last one.
    pub(super) major: Option<u64>,
    pub(super) minor: Option<u64>,
    pub(super) name: Option<Vec<u8>>,
    /// The length with all holes.
    pub(super) size: Option<u64>,
    /// Offsets and lengths in turn, of the forms 0.0 and 0.1.
    pub(super) map: Option<Vec<u64>>,
}

/// Reads all records; `None` if one is malformed.
pub(super) fn read(mut data: &[u8]) -> Option<Pax> {
    let mut pax = Pax::default();
    while !data.is_empty() {
        let space = memchr::memchr(b' ', data)?;
        let length = usize::try_from(number(&data[..space])?).ok()?;
        if length <= space + 1 || length > data.len() {
            return None;
        }
        let (record, rest) = data.split_at(length);
        let (&b'\n', record) = record[space + 1..].split_last()? else {
            return None;
        };
        let equals = memchr::memchr(b'=', record)?;
        pax.take(&record[..equals], &record[equals + 1..])?;
        data = rest;
    }
    Some(pax)
}

impl Pax {
    fn take(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        if key.is_empty() || key.contains(&0) {
            return None;
        }
        if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
            self.xattrs.push((name.to_vec(), value.to_vec()));
            return Some(());
        }
        if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
            return self.sparse.take(key, value);
        }
        // An empty value takes back what was said before.
        let is_given = !value.is_empty();
        match key {
            b"path" => self.path = name(value)?,
            b"linkpath" => self.link = name(value)?,
            b"size" => self.size = given(is_given, || number(value))?,
            b"uid" => self.uid = given(is_given, || id(value))?,
            b"gid" => self.gid = given(is_given, || id(value))?,
            b"mtime" => self.mtime = given(is_given, || time(value))?,
            // Access times, names of users and comments make no difference.
            _ => {}
        }
        Some(())
    }
}

impl Sparse {
    fn take(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        match key {
            b"major" => self.major = Some(number(value)?),
            b"minor" => self.minor = Some(number(value)?),
            b"name" => self.name = name(value)?,
            b"size" | b"realsize" => self.size = Some(number(value)?),
            b"map" => {
                let numbers = value.split(|byte| *byte == b',');
                self.map = Some(numbers.map(number).collect::<Option<_>>()?);
            }
            // 0.0 has a record for each number.
            b"offset" => {
                let map = self.map.get_or_insert_default();
                map.len().is_multiple_of(2).then_some(())?;
                map.push(number(value)?);
            }
            b"numbytes" => {
                let map = self.map.get_or_insert_default();
                (!map.len().is_multiple_of(2)).then_some(())?;
                map.push(number(value)?);
            }
            // How many there are shows.
            _ => {}
        }
        Some(())
    }
}

/// None is no value, and that is no error.
fn given<T>(is_given: bool, read: impl FnOnce() -> Option<T>) -> Option<Option<T>> {
    if is_given {
        read().map(Some)
    } else {
        Some(None)
    }
}

fn name(value: &[u8]) -> Option<Option<Vec<u8>>> {
    if value.contains(&0) {
        return None;
    }
    Some((!value.is_empty()).then(|| value.to_vec()))
}

fn id(value: &[u8]) -> Option<i64> {
    number(value)?.try_into().ok()
}

/// A decimal number without a sign.
pub(super) fn number(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Seconds since 1970, with a fraction of any length and perhaps a minus.
fn time(value: &[u8]) -> Option<Timespec> {
    let (is_negative, value) = match value {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, value),
    };
    let mut parts = value.splitn(2, |byte| *byte == b'.');
    let seconds = i64::try_from(number(parts.next()?)?).ok()?;
    let fraction = parts.next().unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let nanoseconds = (0..9).fold(0, |value, at| {
        let digit = fraction.get(at).map_or(0, |digit| digit - b'0');
        value * 10 + i64::from(digit)
    });
    let (tv_sec, tv_nsec) = match (is_negative, nanoseconds) {
        (false, _) => (seconds, nanoseconds),
        (true, 0) => (-seconds, 0),
        (true, _) => (-seconds - 1, 1_000_000_000 - nanoseconds),
    };
    Some(Timespec { tv_sec, tv_nsec })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text, and the seconds and nanoseconds of it.
    type Row = (&'static [u8], Option<(i64, i64)>);

    #[test]
    fn times_have_fractions_and_signs() {
        let table: [Row; 11] = [
            (b"0", Some((0, 0))),
            (b"12", Some((12, 0))),
            (b"12.5", Some((12, 500_000_000))),
            (b"12.0000000019", Some((12, 1))),
            (b"12.", Some((12, 0))),
            (b"-1", Some((-1, 0))),
            (b"-1.25", Some((-2, 750_000_000))),
            (b"", None),
            (b"1.2.3", None),
            (b"1e3", None),
            (b"99999999999999999999", None),
        ];
        for (text, expected) in table {
            let found = time(text).map(|time| (time.tv_sec, time.tv_nsec));
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn values_may_hold_anything_and_lengths_may_not_lie() {
        let pax = read(b"11 path=a/b\n29 SCHILY.xattr.user.x=a\n\0=b\n").unwrap_or_default();
        assert!(pax.path.is_none(), "the length is one too short");
        let pax = read(b"12 path=a/b\n29 SCHILY.xattr.user.x=a\n\0=b\n").unwrap();
        assert_eq!(pax.path.unwrap(), b"a/b");
        assert_eq!(pax.xattrs, [(b"user.x".to_vec(), b"a\n\0=b".to_vec())]);
        for bad in [
            b"".as_slice(),
            b"12 path=a/c",
            b"99 path=a/c\n",
            b"3 \n",
            b"0 path=a\n",
            b"-2 path=a\n",
            b"18446744073709551616 path=a\n",
            b"7 path\n",
            b"5 =a\n",
            b"12 path=a\0c\n",
            b"10 uid=-1\n",
            b"12 size=1x1\n",
        ] {
            assert_eq!(read(bad).is_none(), !bad.is_empty(), "{bad:?}");
        }
    }
}
