//! The command line that does by hand what a check did.

use std::path::Path;

use crate::engine::{Image, Network, Process};
use crate::source::Located;
use crate::spec::{Command, FileCheck, FileType, RunCheck, Stdin};

/// A text on the standard input that is longer than this makes no readable line.
const LONGEST_STDIN: usize = 200;

/// `docker run …` for the process of a check, or for one that no check says more of.
pub(super) fn run(
    engine: &str,
    image: &Image,
    process: &Process,
    check: Option<&RunCheck>,
    root: &Path,
) -> String {
    let setup = check.and_then(|check| check.setup.as_ref());
    let input = check.and_then(|check| check.stdin.as_ref());
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
    let limits = &process.limits;
    if let Some(memory) = limits.memory {
        // No swap on top of it, as in the check.
        option("--memory", &memory.to_string());
        option("--memory-swap", &memory.to_string());
    }
    if let Some(cpus) = limits.cpus {
        option("--cpus", &cpus.to_string());
    }
    if let Some(pids) = limits.pids {
        option("--pids-limit", &pids.to_string());
    }
    for capability in &process.cap_drop {
        option("--cap-drop", capability);
    }
    for capability in &process.cap_add {
        option("--cap-add", capability);
    }
    for (folder, options) in &process.tmpfs {
        let colon = if options.is_empty() { "" } else { ":" };
        option("--tmpfs", &format!("{folder}{colon}{options}"));
    }
    if let Some(platform) = &process.platform {
        option("--platform", platform);
    }
    if process.read_only {
        words.push("--read-only".to_owned());
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
            match bind.strip_prefix("$PWD/") {
                Some(inside) => format!("\"$PWD\"/{}", quote(inside)),
                None => quote(&bind),
            }
        });
    }
    let (before, after) = stdin(input);
    if input.is_some() {
        words.push("-i".to_owned());
    }
    let argv = match setup {
        None => process.argv.clone(),
        Some(setup) => prepared(setup, &process.argv),
    };
    let (program, arguments) = argv.split_first().map_or(("", &[][..]), |(p, a)| (p, a));
    words.extend([
        "--entrypoint".to_owned(),
        quote(program),
        quote(&image.reference),
    ]);
    words.extend(arguments.iter().map(|argument| quote(argument)));
    format!("{before}{}{after}", words.join(" "))
}

/// A command that prepares the container and then becomes the command of the check.
fn prepared(setup: &Command, argv: &[String]) -> Vec<String> {
    let setup = match setup {
        Command::Shell(line) => line.trim_end().to_owned(),
        Command::Exec(argv) => argv
            .iter()
            .map(|word| quote(word))
            .collect::<Vec<_>>()
            .join(" "),
    };
    // In a shell of its own that reads nothing: neither its folder nor its variables are the
    // command's, and the standard input is.
    let script = format!("(\n{setup}\n) </dev/null && exec \"$@\"");
    let sh = ["/bin/sh", "-c", &script, "sh"].map(str::to_owned);
    sh.into_iter().chain(argv.iter().cloned()).collect()
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

fn stdin(stdin: Option<&Located<Stdin>>) -> (String, String) {
    match stdin.map(|stdin| &stdin.value) {
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
