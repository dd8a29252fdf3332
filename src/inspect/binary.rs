//! What a file is to whoever wants to run it: an ELF file, a script, or neither.

use super::elf::{self, Elf};

/// Larger files are not read: no loader's tables lie in a file like this.
pub(super) const MAX_BINARY: u64 = 512 << 20;
/// As much of a script's first line as the kernel reads (`BINPRM_BUF_SIZE`).
const SCRIPT_LINE: usize = 256;

/// A file in brief; its bytes are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Binary {
    /// A program or a library.
    Elf(Box<Elf>),
    /// A text that begins with `#!`.
    Script(Script),
    /// It begins like an ELF file, but no loader can make sense of it; the reason.
    Broken(&'static str),
    /// Neither.
    Other,
}

/// The first line of a script, as the kernel splits it (`execve(2)`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Script {
    /// The interpreter; empty if the line names none.
    pub(super) interpreter: String,
    /// All that follows, as one argument.
    pub(super) argument: Option<String>,
}

impl Binary {
    /// Looks at the content of a file.
    pub(super) fn of(bytes: &[u8]) -> Self {
        if elf::is_elf(bytes) {
            return match elf::parse(bytes) {
                Ok(elf) => Self::Elf(Box::new(elf)),
                Err(reason) => Self::Broken(reason),
            };
        }
        match bytes.strip_prefix(b"#!") {
            Some(rest) => Self::Script(script(rest)),
            None => Self::Other,
        }
    }
}

fn script(rest: &[u8]) -> Script {
    let line = &rest[..rest.len().min(SCRIPT_LINE - 2)];
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or(line);
    let line = String::from_utf8_lossy(line);
    let blank = [' ', '\t'];
    let line = line.trim_matches(blank);
    let (interpreter, argument) = line.split_once(blank).unwrap_or((line, ""));
    let argument = argument.trim_matches(blank);
    Script {
        interpreter: interpreter.to_owned(),
        argument: (!argument.is_empty()).then(|| argument.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines_are_split_as_the_kernel_does() {
        let table = [
            ("#!/bin/sh\necho", "/bin/sh", None),
            (
                "#! /usr/bin/env  python3 -u \n",
                "/usr/bin/env",
                Some("python3 -u"),
            ),
            ("#!/usr/bin/perl\t-w", "/usr/bin/perl", Some("-w")),
            ("#!/bin/sh\r\n", "/bin/sh\r", None),
            ("#!\n", "", None),
        ];
        for (text, interpreter, argument) in table {
            let expected = Script {
                interpreter: interpreter.to_owned(),
                argument: argument.map(ToOwned::to_owned),
            };
            assert_eq!(
                Binary::of(text.as_bytes()),
                Binary::Script(expected),
                "{text}"
            );
        }
        assert_eq!(Binary::of(b"text"), Binary::Other);
        assert!(matches!(Binary::of(b"\x7fELF"), Binary::Broken(_)));
    }
}
