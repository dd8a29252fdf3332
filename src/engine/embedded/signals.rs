//! Signals by name, as images name their stop signals.

use rustix::process::Signal;

use super::client::failed;
use crate::engine::EngineError;

const NAMES: [(&str, Signal); 15] = [
    ("HUP", Signal::HUP),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("ABRT", Signal::ABORT),
    ("KILL", Signal::KILL),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
    ("PIPE", Signal::PIPE),
    ("ALRM", Signal::ALARM),
    ("TERM", Signal::TERM),
    ("CHLD", Signal::CHILD),
    ("CONT", Signal::CONT),
    ("STOP", Signal::STOP),
    ("TSTP", Signal::TSTP),
    ("WINCH", Signal::WINCH),
];

/// The signal of a name (with or without `SIG`, in any case) or number.
///
/// # Errors
/// When there is none.
pub(super) fn named(name: &str) -> Result<Signal, EngineError> {
    let upper = name.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    let by_name = NAMES.iter().find(|(known, _)| *known == short);
    let by_number = || name.parse().ok().and_then(Signal::from_named_raw);
    by_name
        .map(|(_, signal)| *signal)
        .or_else(by_number)
        .ok_or_else(|| {
            failed(
                "send a signal to a container",
                format!("there is no signal `{name}`"),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names_and_numbers() {
        for (name, signal) in [
            ("SIGTERM", Signal::TERM),
            ("quit", Signal::QUIT),
            ("SIGWINCH", Signal::WINCH),
            ("9", Signal::KILL),
            ("15", Signal::TERM),
        ] {
            assert_eq!(named(name).unwrap(), signal, "{name}");
        }
        for name in ["", "SIG", "SIGNOTHING", "0", "-1", "999"] {
            assert!(named(name).is_err(), "{name}");
        }
    }
}
