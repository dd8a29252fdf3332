//! The entries of a tar: headers and what was said before them, joined.
//!
//! Where readers of tar differ, this one takes the side of Go's `archive/tar`, which the other
//! engines read layers with: global PAX headers say nothing, only files have data, and an archive
//! may end without its two empty blocks. The crate `tar` is not used for it: it takes the values of
//! PAX records for text without line feeds, and writes out the holes of sparse files.

use rustix::fs::Timespec;

use super::error::{Fault, Refusal};
use super::header::{BLOCK, Header};
use super::pax::{self, Pax};
use super::sparse::Map;
use super::stream::Stream;

/// The largest header of names or PAX records, in bytes; Go's own bound.
const SPECIAL: u64 = 1 << 20;

/// One entry.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) path: Vec<u8>,
    pub(super) kind: Kind,
    /// Permissions with setuid, setgid and sticky; no type.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mtime: Timespec,
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What an entry is.
#[derive(Debug)]
pub(super) enum Kind {
    /// A regular file; its data is to be taken from the archive.
    File(Map),
    Folder,
    HardLink(Vec<u8>),
    Symlink(Vec<u8>),
    CharDevice(u32, u32),
    BlockDevice(u32, u32),
    Fifo,
}

/// Reads entries one after the other.
pub(super) struct Entries<'a> {
    stream: &'a mut Stream,
    /// What is left of the last entry's data, and what fills its last block up.
    data: u64,
    padding: u64,
    count: u64,
    limit: u64,
}

/// What comes before a header and concerns it.
#[derive(Default)]
struct Before {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: Pax,
}

impl<'a> Entries<'a> {
    /// At most `limit` entries.
    pub(super) fn new(stream: &'a mut Stream, limit: u64) -> Self {
        Self {
            stream,
            data: 0,
            padding: 0,
            count: 0,
            limit,
        }
    }

    /// How many entries there were.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The next entry; what was not taken of the last one's data is passed over.
    pub(super) fn next_entry(&mut self) -> Result<Option<Entry>, Fault> {
        let mut before = Before::default();
        let mut is_described = false;
        loop {
            self.stream.skip(self.data)?;
            self.data = 0;
            self.stream.skip(self.padding)?;
            self.padding = 0;
            let Some(header) = self.header()? else {
                if is_described {
                    return Err(self
                        .stream
                        .malformed("it ends behind a header without its entry"));
                }
                return Ok(None);
            };
            self.count += 1;
            if self.count > self.limit {
                return Err(Fault::TooLarge {
                    what: "entries",
                    limit: self.limit,
                });
            }
            match header.kind() {
                b'x' => {
                    let records = self.special(&header)?;
                    before.pax = pax::read(&records)
                        .ok_or_else(|| self.stream.malformed("a PAX header is malformed"))?;
                }
                b'g' => {
                    self.special(&header)?;
                    continue;
                }
                b'L' => before.path = Some(self.special_name(&header)?),
                b'K' => before.link = Some(self.special_name(&header)?),
                _ => return self.entry(&header, before).map(Some),
            }
            is_described = true;
        }
    }

    /// The next piece of the entry's data; nothing at its end.
    pub(super) fn peek(&mut self) -> Result<&[u8], Fault> {
        if self.data == 0 {
            return Ok(&[]);
        }
        if self.stream.peek().is_empty() {
            return Err(self.stream.ended());
        }
        let offered = self.stream.peek();
        let length =
            usize::try_from(self.data).map_or(offered.len(), |data| data.min(offered.len()));
        Ok(&offered[..length])
    }

    /// Takes as many bytes of what was peeked.
    pub(super) fn take(&mut self, count: usize) {
        self.stream.take(count);
        self.data -= count as u64;
    }

    /// The next header; `None` at the end of the archive.
    fn header(&mut self) -> Result<Option<Header>, Fault> {
        let mut header = Header([0; BLOCK]);
        if !self.stream.fill(&mut header.0)? {
            return Ok(None);
        }
        if header.is_empty() {
            // The end is two empty blocks, or one and nothing more.
            if self.stream.fill(&mut header.0)? && !header.is_empty() {
                return Err(self
                    .stream
                    .malformed("an empty block is followed by another entry"));
            }
            return Ok(None);
        }
        if !header.is_sound() {
            return Err(self.stream.malformed("the checksum of a header is wrong"));
        }
        Ok(Some(header))
    }

    /// The data of a header that describes the next one.
    fn special(&mut self, header: &Header) -> Result<Vec<u8>, Fault> {
        let malformed = |what| Err(self.stream.malformed(what));
        let size = match header.size() {
            Some(size) if size <= SPECIAL => size,
            Some(_) => return malformed("a header of names or PAX records is larger than 1 MiB"),
            None => return malformed("the size of a header is no number"),
        };
        let mut data = vec![0; usize::try_from(size).unwrap_or_default()];
        if !self.stream.fill(&mut data)? && size > 0 {
            return Err(self.stream.ended());
        }
        self.padding = padding(size);
        Ok(data)
    }

    fn special_name(&mut self, header: &Header) -> Result<Vec<u8>, Fault> {
        let mut name = self.special(header)?;
        let end = memchr::memchr(0, &name).unwrap_or(name.len());
        name.truncate(end);
        Ok(name)
    }

    fn entry(&mut self, header: &Header, before: Before) -> Result<Entry, Fault> {
        let Before { path, link, pax } = before;
        let malformed = |what| self.stream.malformed(what);
        let mut path = path.or(pax.path).unwrap_or_else(|| header.path());
        let link = link.or(pax.link).unwrap_or_else(|| header.link());
        let mode = header
            .mode()
            .ok_or_else(|| malformed("the mode of an entry is no number"))?;
        let uid = pax.uid.or_else(|| header.uid());
        let gid = pax.gid.or_else(|| header.gid());
        let mtime = pax.mtime.or_else(|| {
            let tv_sec = header.mtime()?;
            Some(Timespec { tv_sec, tv_nsec: 0 })
        });
        let mtime = mtime.ok_or_else(|| malformed("the time of an entry is no number"))?;
        let size = pax.size.or_else(|| header.size());
        let size = size.ok_or_else(|| malformed("the size of an entry is no number"));
        let refuse = |path: &[u8], why| Err(Fault::entry(path, why));
        let device = || header.device().ok_or(Refusal::BadDevice);
        let kind = match header.kind() {
            // Before ustar, folders were files with a slash at the end.
            0 if path.ends_with(b"/") => Kind::Folder,
            0 | b'0' | b'7' => {
                let mut data = size?;
                self.padding = padding(data);
                if let Some(name) = &pax.sparse.name {
                    path.clone_from(name);
                }
                let map = Map::of_pax(&pax.sparse, &mut data, &path, self.stream)?;
                self.data = data;
                Kind::File(map.unwrap_or_else(|| Map {
                    size: data,
                    parts: vec![(0, data)],
                }))
            }
            b'S' => {
                let data = size?;
                self.padding = padding(data);
                let map = Map::of_header(header, data, self.stream)?;
                self.data = data;
                Kind::File(map)
            }
            b'1' => Kind::HardLink(link),
            b'2' => Kind::Symlink(link),
            b'3' | b'4' => match (device(), header.kind()) {
                (Ok((major, minor)), b'3') => Kind::CharDevice(major, minor),
                (Ok((major, minor)), _) => Kind::BlockDevice(major, minor),
                (Err(why), _) => return refuse(&path, why),
            },
            b'5' => Kind::Folder,
            b'6' => Kind::Fifo,
            _ => return refuse(&path, Refusal::UnknownKind),
        };
        let (Some(uid), Some(gid)) = (uid.and_then(id), gid.and_then(id)) else {
            return refuse(&path, Refusal::BadId);
        };
        Ok(Entry {
            path,
            kind,
            mode: u32::try_from(mode & 0o7777).unwrap_or_default(),
            uid,
            gid,
            mtime,
            xattrs: pax.xattrs,
        })
    }
}

/// What fills the last block up.
fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

/// A user or group; the highest number means none.
fn id(value: i64) -> Option<u32> {
    u32::try_from(value).ok().filter(|id| *id != u32::MAX)
}
