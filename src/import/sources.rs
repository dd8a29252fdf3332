//! What a Dockerfile copies from its context.

use std::collections::HashMap;

use crate::dockerfile::{Dockerfile, Instruction, Kind, expand, variables};

/// Something that is taken from the context.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// All of it.
    Whole,
    /// This path of it, which may have wildcards.
    Path(String),
    /// Something that depends on what is not known; as it is written.
    Unknown(String),
}

/// All that `file` takes from its context, each once.
pub(super) fn sources(file: &Dockerfile) -> Vec<Source> {
    let mut found = Vec::new();
    let mut known: HashMap<String, String> = HashMap::new();
    for instruction in &file.instructions {
        match &instruction.kind {
            Kind::Arg(arguments) => {
                for argument in arguments {
                    let Some(default) = &argument.default else {
                        continue;
                    };
                    match fill(default, file.escape, &known) {
                        Some(value) => known.insert(argument.name.value.clone(), value),
                        None => known.remove(&argument.name.value),
                    };
                }
            }
            Kind::Copy(copying) if copying.from.is_none() => {
                for source in &copying.sources {
                    if !is_elsewhere(source) {
                        found.push(source_of(source, file.escape, &known));
                    }
                }
            }
            Kind::Run(_) => found.extend(mounts(instruction)),
            _ => {}
        }
    }
    found.sort();
    found.dedup();
    found
}

/// What `RUN --mount=type=bind` shows of the context.
fn mounts(instruction: &Instruction) -> Vec<Source> {
    let mounts = instruction.flags.iter().filter(|flag| flag.name == "mount");
    let is_bind = |kind: Option<&str>| kind.is_none_or(|kind| kind.eq_ignore_ascii_case("bind"));
    let mounts = mounts.filter(|flag| is_bind(flag.entry("type")) && flag.entry("from").is_none());
    let mounts = mounts.map(|flag| {
        let source = flag.entry("source").or_else(|| flag.entry("src"));
        cleaned(source.unwrap_or("."))
    });
    mounts.collect()
}

/// What `ADD` fetches.
fn is_elsewhere(source: &str) -> bool {
    source.contains("://") || source.starts_with("git@")
}

fn source_of(written: &str, escape: char, known: &HashMap<String, String>) -> Source {
    match fill(written, escape, known) {
        Some(path) if is_elsewhere(&path) => Source::Unknown(written.to_owned()),
        Some(path) => cleaned(&path),
        None => Source::Unknown(written.to_owned()),
    }
}

fn fill(written: &str, escape: char, known: &HashMap<String, String>) -> Option<String> {
    let used = variables(written, escape);
    let all_known = used.iter().all(|name| known.contains_key(name));
    expand(written, escape, &|name| known.get(name).cloned())
        .ok()
        .filter(|_| all_known)
}

/// The path relative to the context, without `.`, `..` and slashes at its ends.
fn cleaned(path: &str) -> Source {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            // Above the context there is nothing.
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        Source::Whole
    } else {
        Source::Path(parts.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_taken_from_the_context_is_found() {
        let file = Dockerfile::parse(
            "Dockerfile",
            "ARG V=1\nFROM x AS one\nARG W=w-$V X NO=$X\nCOPY ./a/ /b/../c.txt /d/\nADD https://x/y git@x:y /e\n\
             COPY --from=one /no /f\nCOPY [\"a b\", \"/\"]\nCOPY ${W} \"q\" /x\nCOPY pre$X/y *.sh /x\n\
             RUN --mount=type=cache,target=/c --mount=target=/m,src=m/n --mount=type=bind,from=one,source=o x\n\
             COPY <<EOF /here\nCOPY no /no\nEOF\n",
        );
        let path = |path: &str| Source::Path(path.to_owned());
        assert_eq!(
            sources(&file.unwrap()),
            [
                path("*.sh"),
                path("a"),
                path("a b"),
                path("c.txt"),
                path("m/n"),
                path("q"),
                path("w-1"),
                Source::Unknown("pre$X/y".to_owned()),
            ]
        );
        for line in ["COPY . /x", "ADD / /x", "RUN --mount=target=/x y"] {
            let file = Dockerfile::parse("Dockerfile", format!("FROM x\n{line}\n")).unwrap();
            assert_eq!(sources(&file), [Source::Whole], "{line}");
        }
    }
}
