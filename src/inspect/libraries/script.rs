//! Which program a `#!` line runs.

use super::super::binary::Script;
use super::super::path::name;

/// What runs a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interpreter {
    /// The path in the first line.
    pub(super) path: String,
    /// The program that `env` seeks in PATH, if the line goes by `env`.
    pub(super) sought: Option<String>,
}

/// Reads the line; an error is what is wrong with it.
pub(super) fn interpreter(script: &Script) -> Result<Interpreter, String> {
    let path = script.interpreter.clone();
    if path.is_empty() {
        return Err("its first line names no interpreter".to_owned());
    }
    let sought = match (name(&path), &script.argument) {
        ("env", Some(argument)) => Some(program(argument)?),
        ("env", None) => return Err("its first line gives env no program".to_owned()),
        _ => None,
    };
    Ok(Interpreter { path, sought })
}

/// The program in the arguments of `env`. The kernel hands them over as one.
fn program(argument: &str) -> Result<String, String> {
    let split = ["-S", "--split-string=", "-vS"]
        .iter()
        .find_map(|option| argument.strip_prefix(option));
    let Some(words) = split else {
        return match argument.split_once([' ', '\t']) {
            Some((program, _)) if !program.starts_with('-') => Err(format!(
                "its first line makes env seek a program named `{argument}`; `env -S` splits words"
            )),
            _ if argument.starts_with('-') => {
                Err(format!("its first line gives env only `{argument}`"))
            }
            _ => Ok(argument.to_owned()),
        };
    };
    let words = shlex::split(words).unwrap_or_default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-u" | "--unset" | "-C" | "--chdir" => {
                words.next();
            }
            option if option.starts_with('-') => {}
            assignment if assignment.contains('=') => {}
            program => return Ok(program.to_owned()),
        }
    }
    Err("its first line gives env no program".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_first_line_runs() {
        let table = [
            (("/bin/sh", None), Ok(None)),
            (("/usr/bin/perl", Some("-w")), Ok(None)),
            (("/usr/bin/env", Some("python3")), Ok(Some("python3"))),
            (("/usr/bin/env", Some("-S python3 -u")), Ok(Some("python3"))),
            (
                ("/usr/bin/env", Some("-S -i -u X A=1 perl -w")),
                Ok(Some("perl")),
            ),
            (
                ("/usr/bin/env", Some("python3 -u")),
                Err("`env -S` splits words"),
            ),
            (("/usr/bin/env", Some("-i")), Err("only `-i`")),
            (("/usr/bin/env", None), Err("no program")),
            (("", None), Err("no interpreter")),
        ];
        for ((path, argument), expected) in table {
            let script = Script {
                interpreter: path.to_owned(),
                argument: argument.map(ToOwned::to_owned),
            };
            let found = interpreter(&script);
            match (&found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found.sought.as_deref(), expected),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
                _ => panic!("{path} {argument:?}: {found:?}"),
            }
        }
    }
}
