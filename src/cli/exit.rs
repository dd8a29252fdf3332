//! Exit codes: part of the interface, never to change their meaning.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: all that was asked for is well.
    AllPassed,
    /// 1: a check or a build failed.
    Failed,
    /// 2: the command line is wrong.
    Usage,
    /// 3: the engine or seatrial itself could not do its work.
    Harness,
    /// 4: the selection selects nothing.
    NothingSelected,
    /// 78: a spec or the project file is invalid (`EX_CONFIG` of sysexits).
    InvalidSpec,
    /// 128+N: stopped by signal N.
    Signal(i32),
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::AllPassed => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Harness => 3,
            Self::NothingSelected => 4,
            Self::InvalidSpec => 78,
            // No signal of Linux has a number above 64.
            Self::Signal(number) => u8::try_from(number.clamp(0, 127)).unwrap_or(0) | 128,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_codes_are_the_documented_ones() {
        let table = [
            (Exit::AllPassed, 0),
            (Exit::Failed, 1),
            (Exit::Usage, 2),
            (Exit::Harness, 3),
            (Exit::NothingSelected, 4),
            (Exit::InvalidSpec, 78),
            (Exit::Signal(2), 130),
            (Exit::Signal(15), 143),
        ];
        for (exit, code) in table {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }
}
