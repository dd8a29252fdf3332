//! ELF files made to measure for unit tests: 64 bits, little endian, only what loaders read.

/// What is in the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Made<'a> {
    pub(super) machine: u16,
    pub(super) interpreter: Option<&'a str>,
    pub(super) soname: Option<&'a str>,
    pub(super) needed: &'a [&'a str],
    pub(super) rpath: Option<&'a str>,
    pub(super) runpath: Option<&'a str>,
    pub(super) no_default_folders: bool,
    /// Libraries and the version needed of each.
    pub(super) needs: &'a [(&'a str, &'a str)],
    pub(super) versions: &'a [&'a str],
    /// Strings without meaning to the format.
    pub(super) data: &'a [u8],
}

impl Made<'_> {
    /// A program for glibc that needs these libraries.
    pub(super) fn program<'a>(needed: &'a [&'a str]) -> Made<'a> {
        Made {
            interpreter: Some("/lib64/ld-linux-x86-64.so.2"),
            needed,
            ..Made::default()
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut strings = vec![0];
        let mut dynamic: Vec<(u64, u64)> = Vec::new();
        let mut add = |text: &str| {
            let at = strings.len();
            strings.extend(text.bytes().chain([0]));
            at as u64
        };
        for name in self.needed {
            dynamic.push((1, add(name)));
        }
        for (tag, text) in [(14, self.soname), (15, self.rpath), (29, self.runpath)] {
            dynamic.extend(text.map(|text| (tag, add(text))));
        }
        let mut needs = Vec::new();
        for (index, (library, version)) in self.needs.iter().enumerate() {
            let last = index + 1 == self.needs.len();
            let (library, version) = (add(library) as u32, add(version) as u32);
            push16(&mut needs, [1, 1]);
            push32(&mut needs, [library, 16, if last { 0 } else { 32 }]);
            push32(&mut needs, [0, 0, version, 0]);
        }
        let mut versions = Vec::new();
        for (index, version) in self.versions.iter().enumerate() {
            let last = index + 1 == self.versions.len();
            let version = add(version) as u32;
            push16(&mut versions, [1, 0, 1, 1]);
            push32(&mut versions, [0, 20, if last { 0 } else { 28 }]);
            push32(&mut versions, [version, 0]);
        }
        let interpreter = self.interpreter.map_or(0, |text| add(text) as usize);
        let start = 64 + 3 * 56;
        let needs_at = start + strings.len();
        let versions_at = needs_at + needs.len();
        let dynamic_at = versions_at + versions.len();
        dynamic.extend([(5, start as u64), (10, strings.len() as u64)]);
        if !needs.is_empty() {
            dynamic.push((0x6fff_fffe, needs_at as u64));
        }
        if !versions.is_empty() {
            dynamic.push((0x6fff_fffc, versions_at as u64));
        }
        if self.no_default_folders {
            dynamic.push((0x6fff_fffb, 0x800));
        }
        dynamic.push((0, 0));
        let size = dynamic_at + 16 * dynamic.len();

        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(16, 0);
        let machine = if self.machine == 0 { 62 } else { self.machine };
        push16(&mut file, [3, machine]);
        push32(&mut file, [1]);
        push64(&mut file, [0, 64, 0]);
        push32(&mut file, [0]);
        push16(&mut file, [64, 56, 3, 0, 0, 0]);
        let interpreter = match self.interpreter {
            Some(text) => (3, start + interpreter, text.len() + 1),
            None => (0, 0, 0),
        };
        for (kind, at, size) in [
            (1, 0, size),
            (2, dynamic_at, size - dynamic_at),
            interpreter,
        ] {
            push32(&mut file, [kind, 4]);
            let (at, size) = (at as u64, size as u64);
            push64(&mut file, [at, at, at, size, size, 8]);
        }
        file.extend(strings);
        file.extend(needs);
        file.extend(versions);
        for (tag, value) in dynamic {
            push64(&mut file, [tag, value]);
        }
        file.push(0);
        file.extend(self.data);
        file
    }
}

fn push16<const N: usize>(to: &mut Vec<u8>, numbers: [u16; N]) {
    to.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn push32<const N: usize>(to: &mut Vec<u8>, numbers: [u32; N]) {
    to.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn push64<const N: usize>(to: &mut Vec<u8>, numbers: [u64; N]) {
    to.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}
