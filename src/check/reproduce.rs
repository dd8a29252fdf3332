//! The command line that does by hand what a check did.

use std::path::Path;

use crate::engine::{Image, Network, Process};
use crate::inspect::hygiene::Rule;
use crate::inspect::packages::Manager;
use crate::spec::{
    FileCheck, FileType, HygieneCheck, LibraryCheck, PackageCheck, PackageManager, RunCheck, Stdin,
};

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

/// How to look at libraries by hand.
pub(super) fn library(engine: &str, image: &Image, check: &LibraryCheck) -> String {
    if check.pattern.is_some() {
        return in_image(
            engine,
            image,
            &["sh", "-c", &format!("ldd {}", check.path.value)],
        );
    }
    in_image(engine, image, &["ldd", &check.path.value])
}

/// How to look for a package by hand.
pub(super) fn package(engine: &str, image: &Image, check: &PackageCheck) -> String {
    let name = check.name.value.as_str();
    let version = format!("packageVersion(\"{name}\")");
    let words = match check.manager {
        PackageManager::Readable(Manager::Dpkg) => vec!["dpkg-query", "-W", name],
        PackageManager::Readable(Manager::Apk) => vec!["apk", "list", "--installed", name],
        PackageManager::Readable(Manager::Pip) => vec!["python3", "-m", "pip", "show", name],
        PackageManager::Readable(Manager::Conda) => match &check.folder {
            Some(folder) => vec!["conda", "list", "--prefix", &folder.value, name],
            None => vec!["conda", "list", name],
        },
        PackageManager::Readable(Manager::R) => vec!["Rscript", "-e", &version],
        PackageManager::Rpm => vec!["rpm", "-q", name],
    };
    in_image(engine, image, &words)
}

/// How to look for leftovers by hand.
pub(super) fn hygiene(engine: &str, image: &Image, check: &HygieneCheck) -> String {
    let find = ["find", "/", "-xdev"];
    let words: &[&str] = match check.rule.value {
        Rule::Setuid => &["-type", "f", "-perm", "/6000"],
        Rule::WorldWritable => &["-perm", "-2", "!", "-type", "l", "!", "-perm", "-1000"],
        Rule::PrivateKeys => {
            let words = [
                "grep",
                "-rIl",
                "-e",
                "-----BEGIN.*PRIVATE KEY",
                "/etc",
                "/home",
                "/root",
            ];
            return in_image(engine, image, &words);
        }
        Rule::Credentials => &["-name", ".*", "-type", "f"],
        Rule::PackageLists => {
            return in_image(
                engine,
                image,
                &["find", "/var/lib/apt/lists", "/var/cache", "-type", "f"],
            );
        }
        Rule::Env => return config(engine, image),
        Rule::Temporary => return in_image(engine, image, &["ls", "-la", "/tmp", "/var/tmp"]),
        Rule::Path => return in_image(engine, image, &["sh", "-c", "echo $PATH"]),
    };
    in_image(engine, image, &[&find, words].concat())
}

/// `docker run …` of a command that only looks.
fn in_image(engine: &str, image: &Image, words: &[&str]) -> String {
    let (program, arguments) = words.split_first().map_or(("", &[][..]), |(p, a)| (*p, a));
    let engine = self::program(engine);
    let image = quote(&image.reference);
    let arguments: Vec<String> = arguments.iter().map(|word| quote(word)).collect();
    let arguments = arguments.join(" ");
    format!("{engine} run --rm --network none --entrypoint {program} {image} {arguments}")
}
