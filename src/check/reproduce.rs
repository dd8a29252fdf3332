//! The command line that does by hand what a check did.

use std::path::Path;

use crate::engine::{Image, Network, Process};
use crate::inspect::hygiene::Rule;
use crate::inspect::packages::Manager;
use crate::source::Located;
use crate::spec::{
    Command, ConfigCheck, FileCheck, HygieneCheck, LayersCheck, LibraryCheck, PackageCheck,
    PackageManager, PatternKind, RunCheck, Stdin,
};

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
    let mut words = options(engine, process, root);
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

/// `docker run …` for a service, whose ports are published under the same numbers. What the image
/// says itself is left out.
pub(super) fn service(
    engine: &str,
    image: &Image,
    process: &Process,
    is_own_entrypoint: bool,
    root: &Path,
) -> String {
    let mut words = options(engine, process, root);
    for port in &process.ports {
        words.extend(["-p".to_owned(), format!("127.0.0.1:{port}:{port}")]);
    }
    let own = &image.config;
    let mut arguments = &process.argv[..];
    if is_own_entrypoint {
        arguments = arguments
            .strip_prefix(&own.entrypoint[..])
            .unwrap_or(arguments);
    } else if let Some((program, rest)) = arguments.split_first() {
        words.extend(["--entrypoint".to_owned(), quote(program)]);
        arguments = rest;
    }
    words.push(quote(&image.reference));
    if !is_own_entrypoint || arguments != own.cmd {
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
    words
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
    let expected = &check.expected;
    // A check of the link itself must not be shown what the link leads to.
    let looks_at_link = !expected.must_exist() || expected.is_about_link();
    let list = if looks_at_link { "-ld" } else { "-ldL" };
    let (tool, arguments) = match check.file.kind() {
        PatternKind::Path(path) => {
            let path = quote(path);
            if expected.content.is_some() {
                ("cat", path)
            } else if expected.sha256.is_some() {
                ("sha256sum", path)
            } else {
                ("ls", format!("{list} {path}"))
            }
        }
        // A shell knows neither of these; its `*` and `?` are ours.
        PatternKind::Glob(glob)
            if ["{", "**"]
                .iter()
                .any(|sign| check.file.text().contains(sign)) =>
        {
            ("find", quote(glob.folder()))
        }
        PatternKind::Glob(_) => {
            let tool = if expected.content.is_some() {
                "tail -n +1".to_owned()
            } else if expected.sha256.is_some() {
                "sha256sum".to_owned()
            } else {
                format!("ls {list}")
            };
            let line = format!("{tool} {}", shell_glob(check.file.text()));
            ("sh", format!("-c {}", quote(&line)))
        }
    };
    let (program, reference) = (program(engine), quote(&image.reference));
    format!("{program} run --rm --network none --entrypoint {tool} {reference} {arguments}")
}

/// A glob for a shell: what means more to a shell than to us gets a backslash.
fn shell_glob(glob: &str) -> String {
    let mut shell = String::new();
    for c in glob.chars() {
        if !(c.is_alphanumeric() || "/._-+,:@%=*?[]!\\".contains(c)) {
            shell.push('\\');
        }
        shell.push(c);
    }
    shell
}

/// How to look at the size by hand.
pub(super) fn size(engine: &str, image: &Image) -> String {
    let (program, reference) = (program(engine), quote(&image.reference));
    format!("{program} image inspect --format '{{{{.Size}}}}' {reference}")
}

/// How to look at the layers by hand.
pub(super) fn layers(engine: &str, image: &Image, check: &LayersCheck) -> String {
    let (program, reference) = (program(engine), quote(&image.reference));
    if check.largest.is_some() {
        return format!("{program} history --no-trunc {reference}");
    }
    format!("{program} image inspect --format '{{{{len .RootFS.Layers}}}}' {reference}")
}

/// How to look at the configuration by hand.
pub(super) fn config(engine: &str, image: &Image, check: &ConfigCheck) -> String {
    let (program, reference) = (program(engine), quote(&image.reference));
    let beside = [
        &check.author,
        &check.architecture,
        &check.variant,
        &check.os,
    ];
    if beside.iter().any(|text| text.is_some()) {
        // These stand beside the configuration, not in it.
        return format!("{program} image inspect {reference}");
    }
    configuration(engine, image)
}

fn configuration(engine: &str, image: &Image) -> String {
    let (program, reference) = (program(engine), quote(&image.reference));
    format!("{program} image inspect --format '{{{{json .Config}}}}' {reference}")
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
        Rule::Env => return configuration(engine, image),
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
