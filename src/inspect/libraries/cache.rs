//! `/etc/ld.so.cache`: all that glibc's loader knows of folders outside of its default ones. The
//! file `ld.so.conf` is what ldconfig makes it of; no program reads that.

use std::collections::HashMap;

/// The format since glibc 2.2; the older one may stand before it.
const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const OLD_MAGIC: &[u8] = b"ld.so-1.7.0\0";
const HEADER: usize = 48;
const ENTRY: usize = 24;

/// Which files the cache names for a library.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cache(HashMap<String, Vec<String>>);

impl Cache {
    /// Reads the file; `None` if it is in no format that a loader of glibc 2.2 or later knows, which
    /// is as if it were not there.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let start = if bytes.starts_with(OLD_MAGIC) {
            let count = u32::from_ne_bytes(bytes.get(12..16)?.try_into().ok()?);
            (16 + 12 * count as usize).next_multiple_of(8)
        } else {
            0
        };
        let bytes = bytes.get(start..)?;
        if !bytes.starts_with(MAGIC) {
            return None;
        }
        // 2 and 3 say little and big endian; older caches say nothing.
        let big = bytes.get(28)? & 3 == 3;
        let number = |at: usize| {
            let number: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
            Some(if big {
                u32::from_be_bytes(number)
            } else {
                u32::from_le_bytes(number)
            })
        };
        let text = |at: u32| {
            let rest = bytes.get(at as usize..)?;
            let end = rest.iter().take(4096).position(|byte| *byte == 0)?;
            Some(String::from_utf8_lossy(&rest[..end]).into_owned())
        };
        let mut found: HashMap<String, Vec<String>> = HashMap::new();
        let count = number(20)? as usize;
        if count > bytes.len() / ENTRY {
            return None;
        }
        for index in 0..count {
            let at = HEADER + index * ENTRY;
            // Entries for special processors are no promise for any other.
            let for_all = number(at + 16)? == 0 && number(at + 20)? == 0;
            if for_all {
                let (name, path) = (text(number(at + 4)?)?, text(number(at + 8)?)?);
                found.entry(name).or_default().push(path);
            }
        }
        Some(Self(found))
    }

    /// The files that are named for a library, best first.
    pub(super) fn files(&self, library: &str) -> &[String] {
        self.0.get(library).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A cache with these entries, as ldconfig writes it on a little-endian machine.
    pub(in super::super) fn cache(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut table = MAGIC.to_vec();
        let mut strings = Vec::new();
        table.extend((entries.len() as u32).to_le_bytes());
        table.extend([0; 4]);
        table.extend([2, 0, 0, 0]);
        table.extend([0; 16]);
        let strings_at = HEADER + ENTRY * entries.len();
        for (name, path) in entries {
            table.extend(0x0303_u32.to_le_bytes());
            for text in [name, path] {
                table.extend(((strings_at + strings.len()) as u32).to_le_bytes());
                strings.extend(text.bytes().chain([0]));
            }
            table.extend([0; 12]);
        }
        table.extend(strings);
        table
    }

    #[test]
    fn entries_by_name() {
        let bytes = cache(&[
            ("libz.so.1", "/lib/libz.so.1"),
            ("libz.so.1", "/lib32/libz.so.1"),
        ]);
        let parsed = Cache::parse(&bytes).unwrap();
        assert_eq!(
            parsed.files("libz.so.1"),
            ["/lib/libz.so.1", "/lib32/libz.so.1"]
        );
        assert!(parsed.files("libz.so.2").is_empty());
        let mut old = OLD_MAGIC.to_vec();
        old.extend(1_u32.to_ne_bytes());
        old.extend([0; 16]);
        old.extend(&bytes);
        assert_eq!(Cache::parse(&old), Some(parsed));
    }

    #[test]
    fn the_cache_of_this_machine() {
        let Ok(bytes) = std::fs::read("/etc/ld.so.cache") else {
            return;
        };
        let files = Cache::parse(&bytes).unwrap();
        let libc = files.files("libc.so.6");
        assert!(
            libc.iter().any(|path| path.ends_with("/libc.so.6")),
            "{libc:?}"
        );
    }

    #[test]
    fn no_cache_is_trusted_beyond_its_end() {
        let bytes = cache(&[("libz.so.1", "/lib/libz.so.1")]);
        for end in 0..bytes.len() {
            assert_eq!(Cache::parse(&bytes[..end]), None, "{end}");
        }
        let mut huge = bytes.clone();
        huge[20..24].fill(0xff);
        assert_eq!(Cache::parse(&huge), None);
    }
}
