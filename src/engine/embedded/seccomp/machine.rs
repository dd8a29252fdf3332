//! The machines whose containers we can filter, and how programs call their kernels.

use super::tables;

/// What a kernel runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Machine {
    X86_64,
    Aarch64,
}

/// One way to call a kernel: a table of numbers.
pub(super) struct Abi {
    /// What the kernel calls it (`AUDIT_ARCH_*` of `linux/audit.h`).
    pub(super) architecture: u32,
    /// What every number starts from: a bit that marks x32 among the calls of x86-64.
    pub(super) base: u32,
    /// Whether arguments are compared in all of their 64 bits. libseccomp compares the lower half
    /// alone on x32, too.
    pub(super) wide: bool,
    /// The names, as in [`tables`].
    pub(super) calls: &'static str,
}

/// `__X32_SYSCALL_BIT`.
pub(super) const X32_BIT: u32 = 0x4000_0000;

const X86_64: u32 = 0xc000_003e;
const I386: u32 = 0x4000_0003;
const AARCH64: u32 = 0xc000_00b7;
const ARM: u32 = 0x4000_0028;

const X86_64_ABIS: [Abi; 3] = [
    Abi {
        architecture: X86_64,
        base: 0,
        wide: true,
        calls: tables::X86_64,
    },
    Abi {
        architecture: X86_64,
        base: X32_BIT,
        wide: false,
        calls: tables::X32,
    },
    Abi {
        architecture: I386,
        base: 0,
        wide: false,
        calls: tables::X86,
    },
];

const AARCH64_ABIS: [Abi; 2] = [
    Abi {
        architecture: AARCH64,
        base: 0,
        wide: true,
        calls: tables::AARCH64,
    },
    Abi {
        architecture: ARM,
        base: 0,
        wide: false,
        calls: tables::ARM,
    },
];

impl Machine {
    /// The one that we run on; `None` if we have no tables for it.
    pub(super) const fn current() -> Option<Self> {
        if cfg!(target_arch = "x86_64") {
            Some(Self::X86_64)
        } else if cfg!(target_arch = "aarch64") && cfg!(target_endian = "little") {
            Some(Self::Aarch64)
        } else {
            None
        }
    }

    /// The ways to call its kernel that Docker admits: its own first, those of one architecture
    /// side by side and in the order of their numbers.
    pub(super) const fn abis(self) -> &'static [Abi] {
        match self {
            Self::X86_64 => &X86_64_ABIS,
            Self::Aarch64 => &AARCH64_ABIS,
        }
    }
}

impl Abi {
    /// The calls and their numbers, without the base. A number can have two names.
    pub(super) fn calls(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let mut next = 0;
        self.calls.split_ascii_whitespace().filter_map(move |word| {
            if let Ok(number) = word.parse() {
                next = number;
                return None;
            }
            next += 1;
            Some((word, next - 1))
        })
    }
}
