//! The command line that does by hand what a check did.

use std::path::Path;

use crate::engine::{Image, Network, Process};
use crate::spec::{FileCheck, FileType, RunCheck, Stdin};

/// A text on the standard input that is longer than this makes no readable line.
const LONGEST_STDIN: usize = 200;

/// `docker run …` for a process.
pub(super) fn run(
    engine: &str,
    image: &Image,
    process: &Process,
    check: &RunCheck,
    root: &Path,
) -> String {
    let mut words = options(engine, process, root);
    let (before, after) = stdin(check);
    if check.stdin.is_some() {
        words.push("-i".to_owned());
    }
    let (program, arguments) = process
        .argv
        .split_first()
        .map_or(("", &[][..]), |(p, a)| (p, a));
    words.extend([
        "--entrypoint".to_owned(),
        quote(program),
        quote(&image.reference),
    ]);
    words.extend(arguments.iter().map(|argument| quote(argument)));
    format!("{before}{}{after}", words.join(" "))
}

/// `docker run …` for a service. Its ports are published under the same numbers.
pub(super) fn service(
    engine: &str,
    image: &Image,
    process: &Process,
    has_own_program: bool,
    root: &Path,
) -> String {
    let mut words = options(engine, process, root);
    if process.network == Network::Bridge {
        let ports = process.ports.iter();
        words.extend(ports.flat_map(|port| ["-p".to_owned(), format!("127.0.0.1:{port}:{port}")]));
    }
    let mut arguments = &process.argv[..];
    if !has_own_program && let Some((program, rest)) = arguments.split_first() {
        words.extend(["--entrypoint".to_owned(), quote(program)]);
        arguments = rest;
    } else if let Some(rest) = arguments.strip_prefix(&image.config.entrypoint[..]) {
        arguments = rest;
    }
    words.push(quote(&image.reference));
    if !has_own_program || arguments != image.config.cmd {
        words.extend(arguments.iter().map(|argument| quote(argument)));
    }
    words.join(" ")
}

/// The command line of a container up to its image.
fn options(engine: &str, process: &Process, root: &Path) -> Vec<String> {
    let mut words: Vec<String> = vec![program(engine).to_owned(), "run".into(), "--rm".into()];
    let mut option = |name: &str, value: &str| words.extend([name.to_owned(), quote(value)]);
    match process.network {
        Network::None => option("--network", "none"),
        Network::Host => option("--network", "host"),
        Network::Bridge => {}
    }
    for (name, value) in &process.env {
        option("-e", &format!("{name}={value}"));
    }
    if let Some(user) = &process.user {
        option("-u", user);
    }
    if let Some(workdir) = &process.workdir {
        option("-w", workdir);
    }
    for mount in &process.mounts {
        // Readable from the project's folder, where whoever copies the line most likely is.
        let source = match root
            .canonicalize()
            .ok()
            .as_deref()
            .map(|root| mount.source.strip_prefix(root))
        {
            Some(Ok(inside)) => format!("$PWD/{}", inside.display()),
            _ => mount.source.display().to_string(),
        };
        let bind = format!("{source}:{}:ro", mount.target);
        // Double quotes, for $PWD to be filled in.
        let plain = bind
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "$/._-:+=@".contains(c));
        words.push("-v".to_owned());
        words.push(if plain {
            format!("\"{bind}\"")
        } else {
            quote(&bind.replace("$PWD", "."))
        });
    }
    words
}

/// How to look at a file by hand.
pub(super) fn file(engine: &str, image: &Image, check: &FileCheck) -> String {
    let (reference, path) = (quote(&image.reference), quote(&check.file));
    // A check of the link itself must not be shown what the link leads to.
    let looks_at_link = check.exists.as_ref().is_some_and(|exists| !exists.value)
        || check
            .r#type
            .as_ref()
            .is_some_and(|kind| kind.value == FileType::Symlink);
    let options = if looks_at_link { "-ld" } else { "-ldL" };
    let program = program(engine);
    format!("{program} run --rm --network none --entrypoint ls {reference} {options} {path}")
}

/// How to look at the configuration by hand.
pub(super) fn config(engine: &str, image: &Image) -> String {
    let program = program(engine);
    format!(
        "{program} image inspect --format '{{{{json .Config}}}}' {}",
        quote(&image.reference)
    )
}

fn program(engine: &str) -> &str {
    if engine == "podman" {
        "podman"
    } else {
        "docker"
    }
}

fn stdin(check: &RunCheck) -> (String, String) {
    match check.stdin.as_ref().map(|stdin| &stdin.value) {
        None => (String::new(), String::new()),
        Some(Stdin::File(path)) => (
            String::new(),
            format!(" < {}", quote(&path.to_string_lossy())),
        ),
        Some(Stdin::Text(text)) if text.len() <= LONGEST_STDIN => {
            (format!("printf %s {} | ", quote(text)), String::new())
        }
        Some(Stdin::Text(_)) => (
            String::new(),
            " < FILE-WITH-THE-STDIN-OF-THE-SPEC".to_owned(),
        ),
    }
}

/// For a POSIX shell.
fn quote(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), std::borrow::Cow::into_owned)
}
