//! Checks that run a command in a container.

use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::check::CheckKind;
use super::command::Command;
use super::exit::ExitExpectation;
use super::file::FilesExpectation;
use super::kind::{CheckType, one, settings, with_settings};
use super::limits::{Capability, Cpus, Pids, Tmpfs};
use super::pattern::PatternKind;
use super::size::Bytes;
use super::text::TextExpectation;
use crate::diagnostic::Diagnostic;
use crate::engine::{Isolation, Network};
use crate::platform::Platform;
use crate::source::{Located, Place};
use crate::yaml::{Context, Decode, Definitions, Describe, Keys, Kind, Node, Pairs, object, words};

/// What a command may take when the spec says nothing.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Engines give no container less memory than this, in bytes.
const LEAST_MEMORY: u64 = 6 << 20;

/// `run`
pub(super) const TYPE: CheckType = CheckType {
    key: "run",
    what: "a run check",
    read: |entries, defaults, context| {
        let run = RunCheck::take(entries, context);
        let settings = settings(entries, defaults, context);
        let (run, settings) = (run?, settings?);
        run.validate(&settings, context);
        Some(one(CheckKind::Run(Box::new(run), Box::new(settings))))
    },
    keys: |definitions| with_settings(RunCheck::keys(definitions), definitions),
};

object! {
    /// Runs a command in a fresh container and looks at what it does.
    pub struct RunCheck: "a run check" {
        /// The command.
        required run: Located<Command>,
        /// What it reads on its standard input.
        optional stdin: Located<Stdin>,
        /// A command that prepares the container; what it prints is not looked at.
        optional setup: Located<Command>,
        /// The code it must exit with; 0 unless said otherwise.
        optional exit: Located<ExitExpectation>,
        /// What it must write on its standard output.
        optional stdout: TextExpectation,
        /// What it must write on its standard error.
        optional stderr: TextExpectation,
        /// What it must leave behind: paths or globs, and what must be there.
        optional files: FilesExpectation,
        /// The time that it must not exceed.
        optional within: Located<Duration>,
        /// The memory that it must not exceed.
        optional max_memory: Located<Bytes>,
    }
}

object! {
    /// How the container of a command is set up; `defaults` may say these for a whole spec.
    pub struct RunSettings: "the settings of a run" {
        /// What is put in front of the command.
        optional entrypoint: Entrypoint,
        /// Variables in addition to the image's.
        optional env: Pairs<String>,
        /// User, and group after a colon, by name or number.
        optional user: Located<String>,
        /// Working directory.
        optional workdir: Located<String>,
        /// Files and folders of the project that the command sees, read-only.
        optional mounts: Pairs<Located<String>>,
        /// Folders in memory that it can write to.
        optional tmpfs: Tmpfs,
        /// Network: none, bridge or host.
        optional network: Network,
        /// The memory that it has; what needs more is killed.
        optional memory: Located<Bytes>,
        /// The processors that it has.
        optional cpus: Cpus,
        /// The processes and threads that it may have at a time.
        optional pids: Pids,
        /// Capabilities in addition to the engine's default ones.
        optional cap_add: Vec<Located<Capability>>,
        /// Capabilities of the default ones that it does without.
        optional cap_drop: Vec<Located<Capability>>,
        /// Whether its root file system can't be written to.
        optional read_only: bool,
        /// The platform of the image: `os/architecture`.
        optional platform: Located<Platform>,
        /// Whether each command has a container of its own.
        optional isolation: Isolation,
        /// The time after which the command is killed.
        optional timeout: Located<Duration>,
    }
}

impl RunCheck {
    /// A command that must succeed, of which nothing else is expected.
    pub(super) fn of(run: Located<Command>) -> Self {
        Self {
            run,
            stdin: None,
            setup: None,
            exit: None,
            stdout: None,
            stderr: None,
            files: None,
            within: None,
            max_memory: None,
        }
    }

    /// Records what contradicts itself.
    pub(super) fn validate(&self, settings: &RunSettings, context: &mut Context) {
        let timeout = settings.timeout.as_ref();
        if let Some(within) = &self.within
            && within.value > timeout.map_or(DEFAULT_TIMEOUT, |timeout| timeout.value)
        {
            let (message, help) = match timeout {
                Some(_) => (
                    "`within` is longer than `timeout`",
                    "a command is killed when its `timeout` is over",
                ),
                None => (
                    "`within` is longer than 60s, after which the command is killed",
                    "say a longer `timeout` too",
                ),
            };
            context.report(Diagnostic::new(&within.place, message).help(help));
        }
        if let Some(most) = &self.max_memory {
            refuse_little(most, context);
        }
        if let (Some(most), Some(memory)) = (&self.max_memory, &settings.memory)
            && most.value.0 > memory.value.0
        {
            context.report(
                Diagnostic::new(&most.place, "`max_memory` is more than `memory`")
                    .help("a command is killed when its `memory` is used up"),
            );
        }
        if let (Some(most), Some(_)) = (&self.max_memory, &self.setup) {
            let message = "`max_memory` can't be told apart from what `setup` needs";
            context.report(Diagnostic::new(&most.place, message).help("leave out one of them"));
        }
        self.refuse_unseen_files(settings, context);
        if settings.isolation == Some(Isolation::Shared) {
            self.validate_shared(settings, context);
        }
    }

    /// What lies in memory goes with the command, and what is mounted is not the image's: neither
    /// is there when it is looked at, so that `exists: false` would hold whatever was written.
    fn refuse_unseen_files(&self, settings: &RunSettings, context: &mut Context) {
        let mounts = settings.mounts.iter().flat_map(|pairs| &pairs.0);
        let mounts = mounts.map(|(_, target)| (target.value.as_str(), "a mount"));
        let folders = settings.tmpfs.iter().flat_map(|tmpfs| &tmpfs.0);
        let folders = folders.map(|(folder, _)| (folder.value.as_str(), "a folder in memory"));
        let unseen: Vec<_> = mounts.chain(folders).collect();
        for (path, _) in self.files.iter().flat_map(|files| &files.0) {
            // Of a glob the folder before its first wildcard counts.
            let text = match path.kind() {
                PatternKind::Glob(glob) => glob.folder(),
                PatternKind::Path(path) => path.as_str(),
            };
            let within = |place: &str| Path::new(text).starts_with(place);
            if let Some((place, what)) = unseen.iter().find(|(place, _)| within(place)) {
                let message = format!("what is below {place} can't be looked at: it is {what}");
                context.report(
                    Diagnostic::new(&path.place, message)
                        .help("let the command write somewhere else, or print what is there"),
                );
            }
        }
    }

    /// What is fixed for a container can't differ between checks that share it.
    fn validate_shared(&self, settings: &RunSettings, context: &mut Context) {
        if let Some(most) = &self.max_memory {
            let message = "`max_memory` can't be told in a shared container";
            context.report(Diagnostic::new(&most.place, message).help("leave out `isolation`"));
        }
        if let Some(setup) = &self.setup {
            let message = "`setup` needs a container of its own";
            let help = "leave out `isolation: shared`";
            context.report(Diagnostic::new(&setup.place, message).help(help));
        }
        if let Some(Entrypoint::Image) = settings.entrypoint {
            // Run beside the container's own process an entrypoint does other things than as it.
            let message = "the image's entrypoint needs a container of its own";
            let place = &self.run.place;
            context.report(Diagnostic::new(place, message).help("leave out `isolation: shared`"));
        }
    }
}

impl RunSettings {
    /// Settings that say nothing.
    pub const EMPTY: Self = Self {
        entrypoint: None,
        env: None,
        user: None,
        workdir: None,
        mounts: None,
        tmpfs: None,
        network: None,
        memory: None,
        cpus: None,
        pids: None,
        cap_add: None,
        cap_drop: None,
        read_only: None,
        platform: None,
        isolation: None,
        timeout: None,
    };

    /// Fills in from `defaults` what is not said here; maps are joined key by key.
    #[must_use]
    pub fn or(self, defaults: &Self) -> Self {
        Self {
            entrypoint: self.entrypoint.or_else(|| defaults.entrypoint.clone()),
            env: join(self.env, defaults.env.as_ref()),
            user: self.user.or_else(|| defaults.user.clone()),
            workdir: self.workdir.or_else(|| defaults.workdir.clone()),
            mounts: join(self.mounts, defaults.mounts.as_ref()),
            tmpfs: self.tmpfs.or_else(|| defaults.tmpfs.clone()),
            network: self.network.or(defaults.network),
            memory: self.memory.or_else(|| defaults.memory.clone()),
            cpus: self.cpus.or(defaults.cpus),
            pids: self.pids.or(defaults.pids),
            cap_add: self.cap_add.or_else(|| defaults.cap_add.clone()),
            cap_drop: self.cap_drop.or_else(|| defaults.cap_drop.clone()),
            read_only: self.read_only.or(defaults.read_only),
            platform: self.platform.or_else(|| defaults.platform.clone()),
            isolation: self.isolation.or(defaults.isolation),
            timeout: self.timeout.or_else(|| defaults.timeout.clone()),
        }
    }

    /// Records paths that a container can't have.
    pub(super) fn validate(&self, context: &mut Context) {
        let mut absolute = |path: &Located<String>, what: &str| {
            if !path.value.starts_with('/') {
                context.report(
                    Diagnostic::new(&path.place, format!("{what} must be an absolute path"))
                        .label("does not begin with `/`"),
                );
            }
        };
        if let Some(workdir) = &self.workdir {
            absolute(workdir, "the working directory");
        }
        for (_, target) in self.mounts.iter().flat_map(|pairs| &pairs.0) {
            absolute(target, "the place of a mount in the container");
        }
        for (source, target) in self.mounts.iter().flat_map(|pairs| &pairs.0) {
            if target.trim_end_matches('/').is_empty() && target.starts_with('/') {
                let message = "a mount can't take the place of the whole image";
                context.report(Diagnostic::new(&target.place, message));
            }
            if source.value.is_empty() {
                context.report(Diagnostic::new(&source.place, "this names no file"));
            }
        }
        self.refuse_same_place(context);
        for (name, _) in self.env.iter().flat_map(|pairs| &pairs.0) {
            if name.value.is_empty() || name.value.contains('=') {
                context.report(Diagnostic::new(&name.place, "not a variable name"));
            }
        }
        if let Some(user) = &self.user {
            refuse_no_user(user, context);
        }
        if let Some(memory) = &self.memory {
            refuse_little(memory, context);
        }
        let dropped = self.cap_drop.iter().flatten();
        let dropped: Vec<&str> = dropped.map(|dropped| dropped.0.as_str()).collect();
        for added in self.cap_add.iter().flatten() {
            if dropped.contains(&added.0.as_str()) {
                let message = format!("`{}` is added and dropped", added.0);
                context.report(Diagnostic::new(&added.place, message).help("say one of the two"));
            }
        }
    }

    /// Only one thing can be at one place of a container.
    fn refuse_same_place(&self, context: &mut Context) {
        let mounts = self.mounts.iter().flat_map(|pairs| &pairs.0);
        let folders = self.tmpfs.iter().flat_map(|tmpfs| &tmpfs.0);
        let places = mounts
            .map(|(_, target)| target)
            .chain(folders.map(|(folder, _)| folder));
        let mut seen: HashMap<&str, &Place> = HashMap::new();
        for place in places {
            let path = place.trim_end_matches('/');
            if let Some(first) = seen.insert(path, &place.place) {
                let message = format!("`{path}` is mounted twice");
                context.report(
                    Diagnostic::new(&place.place, message).related(first, "first mounted here"),
                );
            }
        }
    }
}

fn refuse_little(memory: &Located<Bytes>, context: &mut Context) {
    if memory.value.0 < LEAST_MEMORY {
        let message = "no container can have so little memory";
        context.report(Diagnostic::new(&memory.place, message).help("the least is 6MiB"));
    }
}

fn refuse_no_user(user: &Located<String>, context: &mut Context) {
    let mut parts = user.split(':');
    if user.split(':').count() > 2 || parts.any(|part| part.trim().is_empty()) {
        let message = format!("`{}` is not a user", user.value);
        context.report(
            Diagnostic::new(&user.place, message)
                .help("write `USER` or `USER:GROUP`, by name or number"),
        );
    }
}

fn join<T: Clone>(own: Option<Pairs<T>>, defaults: Option<&Pairs<T>>) -> Option<Pairs<T>> {
    let Some(defaults) = defaults else { return own };
    let mut pairs = own.unwrap_or_default();
    for (name, value) in &defaults.0 {
        if pairs.0.iter().all(|(known, _)| known.value != name.value) {
            pairs.0.push((name.clone(), value.clone()));
        }
    }
    Some(pairs)
}

/// What is put in front of a command.
#[derive(Debug, Clone)]
pub enum Entrypoint {
    /// The image's own entrypoint.
    Image,
    /// This program with these arguments.
    Command(Vec<String>),
}

impl Decode for Entrypoint {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match &node.kind {
            Kind::Scalar { text, .. } if text == "image" => Some(Self::Image),
            Kind::Sequence(_) => {
                let command: Vec<String> = Vec::decode(node, context)?;
                // Nothing in front of the command is `[]`.
                if command.first().is_some_and(String::is_empty) {
                    context.report(Diagnostic::new(&node.place, "there is no command here"));
                    return None;
                }
                Some(Self::Command(command))
            }
            _ => context.mismatch(node, "`image` or a list of arguments"),
        }
    }
}

impl Decode for Network {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match node.scalar() {
            Some("none") => Some(Self::None),
            Some("bridge") => Some(Self::Bridge),
            Some("host") => Some(Self::Host),
            _ => context.mismatch(node, "`none`, `bridge` or `host`"),
        }
    }
}

/// What a command reads on its standard input.
#[derive(Debug, Clone)]
pub enum Stdin {
    /// This text.
    Text(String),
    /// The content of this file of the project.
    File(Located<PathBuf>),
}

object! {
    /// The two ways to say what stands on the standard input.
    pub struct StdinKeys: "the standard input" {
        /// This text.
        optional text: String,
        /// The content of this file of the project.
        optional file: Located<String>,
    }
}

impl Decode for Stdin {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let Kind::Mapping(_) = node.kind else {
            return context.mismatch(node, "`{text: …}` or `{file: …}`");
        };
        let before = context.count();
        let keys = StdinKeys::decode(node, context)?;
        match (keys.text, keys.file) {
            (Some(text), None) => Some(Self::Text(text)),
            (None, Some(file)) if file.is_empty() => {
                context.report(Diagnostic::new(&file.place, "this names no file"));
                None
            }
            (None, Some(file)) => {
                let path = PathBuf::from(&file.value);
                Some(Self::File(Located::new(path, file.place)))
            }
            _ if context.count() > before => None,
            (Some(_), Some(_)) => {
                let message = "the standard input is a `text` or a `file`, not both";
                context.report(Diagnostic::new(&node.place, message));
                None
            }
            (None, None) => {
                let help = "say `text` or `file`, or leave out `stdin`";
                context.report(Diagnostic::new(&node.place, "there is no input here").help(help));
                None
            }
        }
    }
}

impl Describe for Entrypoint {
    fn schema(definitions: &mut Definitions) -> Value {
        let list = Vec::<String>::schema(definitions);
        json!({"anyOf": [words(&["image"]), list], "examples": ["image", ["/bin/bash"]]})
    }
}

impl Describe for Network {
    fn schema(_: &mut Definitions) -> Value {
        words(&["none", "bridge", "host"])
    }
}

impl Describe for Stdin {
    fn schema(definitions: &mut Definitions) -> Value {
        StdinKeys::schema(definitions)
    }
}
