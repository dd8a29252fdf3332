//! ELF files, as far as a dynamic loader looks at them: program headers and what they lead to.
//! Section headers are not needed to run a program and are not read (`elf(5)`).

use std::collections::BTreeSet;

/// Names in an ELF file are names of files and versions; all of them together are no longer.
const MAX_NAMES: usize = 4 << 20;
/// More versions than any library has.
const MAX_VERSIONS: usize = 1 << 16;

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const VER_FLG_WEAK: u16 = 2;
/// In `DT_FLAGS_1`: the default folders are not searched.
const NO_DEFAULT_FOLDERS: u64 = 0x800;

/// What kind of machine an ELF file is for. A loader takes only libraries of its own kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Abi {
    /// 64 bits rather than 32.
    pub(super) wide: bool,
    /// Least significant byte first.
    pub(super) little: bool,
    /// `e_machine`.
    pub(super) machine: u16,
}

/// A version that an object needs of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NeededVersion {
    /// The library, by the name it is needed by.
    pub(super) library: String,
    /// The version, such as `GLIBC_2.38`.
    pub(super) version: String,
    /// Whether the loader goes on without it.
    pub(super) weak: bool,
}

/// An ELF file in brief.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Elf {
    pub(super) abi: Abi,
    /// Whether it can be loaded as a library: `ET_DYN`.
    pub(super) is_shared: bool,
    /// The dynamic loader it asks for.
    pub(super) interpreter: Option<String>,
    pub(super) soname: Option<String>,
    pub(super) needed: Vec<String>,
    /// `DT_RPATH` and `DT_RUNPATH`, as they are written.
    pub(super) rpath: Option<String>,
    pub(super) runpath: Option<String>,
    /// Whether it refuses libraries of the default folders.
    pub(super) no_default_folders: bool,
    pub(super) needs: Vec<NeededVersion>,
    /// The versions it defines; `None` if it has no table of them.
    pub(super) versions: Option<BTreeSet<String>>,
    /// For glibc's loader: the default folders that are compiled into it.
    pub(super) default_folders: Vec<String>,
}

/// Whether this is the beginning of an ELF file.
pub(super) fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF")
}

/// Reads an ELF file.
///
/// # Errors
/// What a loader would stumble over, in a few words.
pub(super) fn parse(bytes: &[u8]) -> Result<Elf, &'static str> {
    let reader = Reader::new(bytes).ok_or("it is cut short or no ELF file")?;
    let segments = reader.segments().ok_or("its program headers are broken")?;
    let mut names = Names { left: MAX_NAMES };
    let mut elf = Elf {
        abi: reader.abi,
        is_shared: reader.u16(16) == Some(3),
        interpreter: None,
        soname: None,
        needed: Vec::new(),
        rpath: None,
        runpath: None,
        no_default_folders: false,
        needs: Vec::new(),
        versions: None,
        default_folders: Vec::new(),
    };
    for segment in &segments {
        if segment.kind == PT_INTERP {
            let text = segment.content(bytes).and_then(|text| names.take(text));
            elf.interpreter = Some(text.ok_or("the name of its loader is broken")?);
        }
    }
    if let Some(dynamic) = segments.iter().find(|segment| segment.kind == PT_DYNAMIC) {
        let dynamic = dynamic
            .content(bytes)
            .ok_or("its dynamic table is broken")?;
        Dynamic::read(&reader, &segments, dynamic)
            .ok_or("its dynamic table is broken")?
            .fill(&mut elf, &mut names)
            .ok_or("the names or versions of its libraries are broken")?;
    }
    let is_loader = elf
        .soname
        .as_deref()
        .is_some_and(|name| name.starts_with("ld"));
    if is_loader && elf.interpreter.is_none() {
        elf.default_folders = default_folders(bytes);
    }
    Ok(elf)
}

struct Segment {
    kind: u32,
    offset: usize,
    address: u64,
    size: usize,
}

impl Segment {
    fn content<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        bytes.get(self.offset..self.offset.checked_add(self.size)?)
    }
}

/// Numbers of a file, at offsets that may lie anywhere.
struct Reader<'a> {
    bytes: &'a [u8],
    abi: Abi,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        let wide = match bytes.get(4)? {
            1 => false,
            2 => true,
            _ => return None,
        };
        let little = match bytes.get(5)? {
            1 => true,
            2 => false,
            _ => return None,
        };
        let abi = Abi {
            wide,
            little,
            machine: 0,
        };
        let mut reader = is_elf(bytes).then_some(Self { bytes, abi })?;
        reader.abi.machine = reader.u16(18)?;
        Some(reader)
    }

    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        let mut array: [u8; N] = self.bytes.get(at..at.checked_add(N)?)?.try_into().ok()?;
        if !self.abi.little {
            array.reverse();
        }
        Some(array)
    }

    fn u16(&self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    fn u32(&self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    /// A number as wide as an address.
    fn word(&self, at: usize) -> Option<u64> {
        if self.abi.wide {
            self.array(at).map(u64::from_le_bytes)
        } else {
            self.u32(at).map(u64::from)
        }
    }

    fn segments(&self) -> Option<Vec<Segment>> {
        let (table, size_at, kinds) = if self.abi.wide {
            (32, 54, [8, 16, 32])
        } else {
            (28, 42, [4, 8, 16])
        };
        let table = usize::try_from(self.word(table)?).ok()?;
        let size = usize::from(self.u16(size_at)?);
        let count = usize::from(self.u16(size_at + 2)?);
        let segment = |index: usize| {
            let at = table.checked_add(index.checked_mul(size)?)?;
            let [offset, address, length] = kinds.map(|field| self.word(at.checked_add(field)?));
            Some(Segment {
                kind: self.u32(at)?,
                offset: usize::try_from(offset?).ok()?,
                address: address?,
                size: usize::try_from(length?).ok()?,
            })
        };
        (0..count).map(segment).collect()
    }
}

/// Bounds what all names together may take.
struct Names {
    left: usize,
}

impl Names {
    /// The text up to the first NUL.
    fn take(&mut self, bytes: &[u8]) -> Option<String> {
        let within = &bytes[..bytes.len().min(self.left)];
        let end = within.iter().position(|byte| *byte == 0)?;
        self.left -= end;
        Some(String::from_utf8_lossy(&within[..end]).into_owned())
    }
}

/// The dynamic table and what it points to.
struct Dynamic<'a> {
    reader: &'a Reader<'a>,
    entries: Vec<(u64, u64)>,
    strings: &'a [u8],
    segments: &'a [Segment],
}

impl<'a> Dynamic<'a> {
    fn read(reader: &'a Reader<'a>, segments: &'a [Segment], table: &'a [u8]) -> Option<Self> {
        let start = table.as_ptr() as usize - reader.bytes.as_ptr() as usize;
        let width = if reader.abi.wide { 8 } else { 4 };
        let mut entries = Vec::new();
        for at in (start..start + table.len()).step_by(2 * width) {
            let entry = (reader.word(at)?, reader.word(at + width)?);
            if entry.0 == 0 {
                break;
            }
            entries.push(entry);
        }
        let mut dynamic = Self {
            reader,
            entries,
            strings: &[],
            segments,
        };
        if let Some(address) = dynamic.value(5) {
            let start = dynamic.offset(address)?;
            let rest = reader.bytes.get(start..)?;
            let size = dynamic
                .value(10)
                .and_then(|size| usize::try_from(size).ok());
            dynamic.strings = rest.get(..size.unwrap_or(rest.len()))?;
        }
        Some(dynamic)
    }

    fn value(&self, tag: u64) -> Option<u64> {
        let found = self.entries.iter().find(|entry| entry.0 == tag);
        found.map(|entry| entry.1)
    }

    /// Where in the file the byte at an address is.
    fn offset(&self, address: u64) -> Option<usize> {
        self.segments.iter().find_map(|segment| {
            let within = usize::try_from(address.checked_sub(segment.address)?).ok()?;
            let there = segment.kind == PT_LOAD && within < segment.size;
            there.then(|| segment.offset.checked_add(within))?
        })
    }

    fn name(&self, offset: u64, names: &mut Names) -> Option<String> {
        names.take(self.strings.get(usize::try_from(offset).ok()?..)?)
    }

    fn fill(&self, elf: &mut Elf, names: &mut Names) -> Option<()> {
        for (tag, value) in &self.entries {
            match tag {
                1 => elf.needed.push(self.name(*value, names)?),
                14 => elf.soname = Some(self.name(*value, names)?),
                15 => elf.rpath = Some(self.name(*value, names)?),
                29 => elf.runpath = Some(self.name(*value, names)?),
                0x6fff_fffb => elf.no_default_folders = value & NO_DEFAULT_FOLDERS != 0,
                _ => {}
            }
        }
        if let Some(address) = self.value(0x6fff_fffe) {
            elf.needs = self.needed_versions(self.offset(address)?, names)?;
        }
        if let Some(address) = self.value(0x6fff_fffc) {
            elf.versions = Some(self.defined_versions(self.offset(address)?, names)?);
        }
        Some(())
    }

    fn needed_versions(&self, mut at: usize, names: &mut Names) -> Option<Vec<NeededVersion>> {
        let reader = self.reader;
        let mut found = Vec::new();
        let mut steps = 0;
        loop {
            let library = self.name(reader.u32(at.checked_add(4)?)?.into(), names)?;
            let mut aux = at.checked_add(reader.u32(at.checked_add(8)?)? as usize)?;
            for _ in 0..reader.u16(at.checked_add(2)?)? {
                steps += 1;
                found.push(NeededVersion {
                    library: library.clone(),
                    version: self.name(reader.u32(aux.checked_add(8)?)?.into(), names)?,
                    weak: reader.u16(aux.checked_add(4)?)? & VER_FLG_WEAK != 0,
                });
                // The name of the library is kept with each version.
                names.left = names.left.checked_sub(library.len())?;
                match reader.u32(aux.checked_add(12)?)? {
                    0 => break,
                    next => aux = aux.checked_add(next as usize)?,
                }
                (steps <= MAX_VERSIONS).then_some(())?;
            }
            steps += 1;
            (steps <= MAX_VERSIONS).then_some(())?;
            match reader.u32(at.checked_add(12)?)? {
                0 => return Some(found),
                next => at = at.checked_add(next as usize)?,
            }
        }
    }

    fn defined_versions(&self, mut at: usize, names: &mut Names) -> Option<BTreeSet<String>> {
        let reader = self.reader;
        let mut found = BTreeSet::new();
        for _ in 0..MAX_VERSIONS {
            // The first name is the version's own, further ones are those it builds on.
            let aux = at.checked_add(reader.u32(at.checked_add(12)?)? as usize)?;
            found.insert(self.name(reader.u32(aux)?.into(), names)?);
            match reader.u32(at.checked_add(16)?)? {
                0 => return Some(found),
                next => at = at.checked_add(next as usize)?,
            }
        }
        None
    }
}

/// glibc's loader holds its default folders one after the other, each with a slash at its end.
fn default_folders(bytes: &[u8]) -> Vec<String> {
    let is_folder = |text: &[u8]| {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(byte);
        text.len() > 2 && text.starts_with(b"/") && text.ends_with(b"/") && text.iter().all(plain)
    };
    let mut best: Vec<&[u8]> = Vec::new();
    let mut run: Vec<&[u8]> = Vec::new();
    for text in bytes.split(|byte| *byte == 0) {
        // The first one may follow other bytes; all others stand alone.
        if is_folder(text) {
            run.push(text);
            if run.len() > best.len() {
                best.clone_from(&run);
            }
        } else {
            run.clear();
        }
    }
    let text = |folder: &&[u8]| {
        let text = String::from_utf8_lossy(folder);
        text.trim_end_matches('/').to_owned()
    };
    best.iter().map(text).collect()
}

#[cfg(test)]
#[path = "elf_tests.rs"]
mod tests;
