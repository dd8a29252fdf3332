//! What is kept of one image: a file of lines, to which runs append.
//!
//! A line is a digest of its rest and the rest, in JSON: a check passed, or does not pass any more.
//! Of a file in which a line is torn, damaged or of another form only what comes after it counts.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::key::Key;
use crate::spec::Sha256Digest;

/// The form of the lines.
const FORM: u32 = 1;

/// A file that is larger than this is begun anew; larger ones are not read.
pub(super) const LARGEST: u64 = 16 << 20;

/// For how long a result is taken. What has a date in it, such as a certificate, would not pass
/// for ever.
pub(super) const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    form: u32,
    /// Whether it passed; if not, nothing that was known before counts any more.
    passed: bool,
    /// When the check was performed, in milliseconds since 1970.
    performed: u64,
    key: Key,
}

/// The results of one image.
#[derive(Debug)]
pub(super) struct ImageFile {
    path: PathBuf,
    image: String,
    now: SystemTime,
    /// What is in it, read when that is first asked: who only adds to it need not know.
    known: Option<HashMap<Key, SystemTime>>,
    /// Open when it was written to.
    open: Option<File>,
    was_used: bool,
}

impl ImageFile {
    /// The file of an image in a folder, as far as it can be relied on.
    pub(super) fn of(folder: &Path, image: &str, now: SystemTime) -> Self {
        let digest = Sha256Digest::from(Sha256::new_with_prefix(image));
        Self {
            path: folder.join(format!("{digest}.results")),
            image: image.to_owned(),
            now,
            known: None,
            open: None,
            was_used: false,
        }
    }

    fn known(&mut self) -> &mut HashMap<Key, SystemTime> {
        let (path, image, now) = (&self.path, &self.image, self.now);
        self.known
            .get_or_insert_with(|| Self::read(path, image, now))
    }

    fn read(path: &Path, image: &str, now: SystemTime) -> HashMap<Key, SystemTime> {
        let bytes = trusted(path).unwrap_or_default();
        let lines = bytes.split(|byte| *byte == b'\n');
        let mut known = HashMap::new();
        for line in lines.filter(|line| !line.is_empty()) {
            let Some(line) = parse(line) else {
                // It may have taken back whatever came before it.
                known.clear();
                continue;
            };
            // What was performed in the future was not: a clock was wrong.
            let performed = UNIX_EPOCH.checked_add(Duration::from_millis(line.performed));
            let age = performed.and_then(|performed| now.duration_since(performed).ok());
            let holds = line.passed && age.is_some_and(|age| age <= LONGEST);
            match performed.filter(|_| holds && line.key.image == image) {
                Some(performed) => known.insert(line.key, performed),
                None => known.remove(&line.key),
            };
        }
        known
    }

    /// When a check of exactly this key was performed.
    pub(super) fn find(&mut self, key: &Key) -> Option<SystemTime> {
        let found = self.known().get(key).copied();
        if found.is_some() && !std::mem::replace(&mut self.was_used, true) {
            // The files that were used last are removed last; that they are is no condition.
            let file = OpenOptions::new()
                .append(true)
                .custom_flags(no_link())
                .open(&self.path);
            let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
        }
        found
    }

    /// Adds a result.
    ///
    /// # Errors
    /// When it can't be written: then it is not kept.
    pub(super) fn add(&mut self, key: Key, performed: SystemTime) -> io::Result<()> {
        self.append(&key, performed, true)?;
        if let Some(known) = &mut self.known {
            known.insert(key, performed);
        }
        Ok(())
    }

    /// Takes a result back, because the check does not pass any more.
    ///
    /// # Errors
    /// When that can't be written.
    pub(super) fn revoke(&mut self, key: &Key) -> io::Result<()> {
        if self.known().remove(key).is_none() {
            return Ok(());
        }
        self.append(key, SystemTime::now(), false)
    }

    fn append(&mut self, key: &Key, performed: SystemTime, passed: bool) -> io::Result<()> {
        let line = text(key, performed, passed)?;
        let file = match &mut self.open {
            Some(file) => file,
            none => none.insert(open(&self.path)?),
        };
        // One call, so that lines of other runs are beside it and not in it. The first break ends
        // what a killed run may have torn.
        file.write_all(format!("\n{line}\n").as_bytes())
    }

    /// Removes all that is known of the image.
    ///
    /// # Errors
    /// When it can't be removed.
    pub(super) fn remove(&mut self) -> io::Result<()> {
        self.known = Some(HashMap::new());
        self.open = None;
        fs::remove_file(&self.path)
    }
}

fn text(key: &Key, performed: SystemTime, passed: bool) -> io::Result<String> {
    let since = performed.duration_since(UNIX_EPOCH).unwrap_or_default();
    let line = Line {
        form: FORM,
        passed,
        performed: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        key: key.clone(),
    };
    let json = serde_json::to_string(&line)?;
    Ok(format!("{} {json}", sum(json.as_bytes())))
}

fn parse(line: &[u8]) -> Option<Line> {
    let (said, rest) = line.split_at_checked(64)?;
    let json = rest.strip_prefix(b" ")?;
    if said != sum(json).hex().as_bytes() {
        return None;
    }
    let line: Line = serde_json::from_slice(json).ok()?;
    (line.form == FORM).then_some(line)
}

fn sum(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest::from(Sha256::new_with_prefix(bytes))
}

fn no_link() -> i32 {
    OFlags::NOFOLLOW.bits() as i32
}

/// The bytes of a file that nobody else could write, and that is not too large.
fn trusted(path: &Path) -> Option<Vec<u8>> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(no_link() | OFlags::NONBLOCK.bits() as i32)
        .open(path)
        .ok()?;
    if !is_ours(&file).ok()? {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= LARGEST).then_some(bytes)
}

fn is_ours(file: &File) -> io::Result<bool> {
    let found = file.metadata()?;
    let user = rustix::process::geteuid().as_raw();
    Ok(found.is_file() && found.uid() == user && found.mode() & 0o077 == 0 && found.nlink() == 1)
}

/// Opens the file to append to it. One that is not ours, or too large, is begun anew.
fn open(path: &Path) -> io::Result<File> {
    for _ in 0..3 {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(no_link() | OFlags::NONBLOCK.bits() as i32)
            .open(path);
        if let Ok(file) = file
            && is_ours(&file)?
            && file.metadata()?.len() < LARGEST / 2
        {
            return Ok(file);
        }
        // Whoever appends to what is removed here adds nothing, which is a loss of time alone.
        fs::remove_file(path)?;
    }
    Err(io::Error::other("somebody else writes the results"))
}
