//! Checks that run a command in a container.

use std::path::PathBuf;
use std::time::Duration;

use super::command::Command;
use super::text::TextExpectation;
use crate::diagnostic::Diagnostic;
use crate::engine::Network;
use crate::source::Located;
use crate::yaml::{Context, Decode, Kind, Node, Pairs, object};

object! {
    /// Runs a command in a fresh container and looks at what it does.
    pub struct RunCheck: "a run check" {
        /// The command.
        required run: Located<Command>,
        /// What it reads on its standard input.
        optional stdin: Located<Stdin>,
        /// The code it must exit with; 0 unless said otherwise.
        optional exit: Located<ExitCode>,
        /// What it must write on its standard output.
        optional stdout: TextExpectation,
        /// What it must write on its standard error.
        optional stderr: TextExpectation,
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
        optional user: String,
        /// Working directory.
        optional workdir: Located<String>,
        /// Files and folders of the project that the command sees, read-only.
        optional mounts: Pairs<Located<String>>,
        /// Network: none, bridge or host.
        optional network: Network,
        /// The time after which the command is killed.
        optional timeout: Duration,
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
        network: None,
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
            network: self.network.or(defaults.network),
            timeout: self.timeout.or(defaults.timeout),
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
        for (name, _) in self.env.iter().flat_map(|pairs| &pairs.0) {
            if name.value.is_empty() || name.value.contains('=') {
                context.report(Diagnostic::new(&name.place, "not a variable name"));
            }
        }
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
            Kind::Sequence(_) => Vec::decode(node, context).map(Self::Command),
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
    File(PathBuf),
}

object! {
    /// The two ways to say what stands on the standard input.
    pub struct StdinKeys: "the standard input" {
        /// This text.
        optional text: String,
        /// The content of this file of the project.
        optional file: String,
    }
}

impl Decode for Stdin {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        if let Kind::Scalar { .. } = node.kind {
            return context.mismatch(node, "`{text: …}` or `{file: …}`");
        }
        let keys = StdinKeys::decode(node, context)?;
        match (keys.text, keys.file) {
            (Some(text), None) => Some(Self::Text(text)),
            (None, Some(file)) => Some(Self::File(PathBuf::from(file))),
            _ => context.mismatch(node, "one of `text` and `file`"),
        }
    }
}

/// The exit code that a command must end with.
#[derive(Debug, Clone)]
pub struct ExitCode(pub i64);

impl Decode for ExitCode {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match node.scalar().and_then(|text| text.parse().ok()) {
            Some(code) if (0..=255).contains(&code) => Some(Self(code)),
            _ => context.mismatch(node, "an exit code from 0 to 255"),
        }
    }
}
