//! Checks of the image's configuration; no container is started for them.

use super::check::CheckKind;
use super::health::HealthExpectation;
use super::kind::{CheckType, one, preset};
use super::list::ListExpectation;
use super::setting::{NameGlob, Setting};
use super::text::TextExpectation;
use crate::diagnostic::Diagnostic;
use crate::source::Located;
use crate::yaml::{Context, Decode, Entries, Node, OneOrMany, Pairs, object};

/// `config`
pub(super) const TYPE: CheckType = CheckType {
    key: "config",
    what: "a config check",
    read: |entries, _, context| {
        let config = ConfigCheck::take_from(entries, context)?;
        Some(one(CheckKind::Config(Box::new(config))))
    },
    keys: |definitions| {
        let about = "What the image's configuration must say.";
        vec![preset::<ConfigCheck>("config", about, definitions)]
    },
};

object! {
    /// What the image's configuration must say.
    pub struct ConfigCheck: "a config check" {
        /// Variables and what their values must be.
        optional env: Located<Pairs<Setting>>,
        /// Names that no variable may have.
        optional not_env: OneOrMany<Located<NameGlob>>,
        /// Labels and what their values must be.
        optional labels: Located<Pairs<Setting>>,
        /// Names that no label may have.
        optional not_labels: OneOrMany<Located<NameGlob>>,
        /// The entrypoint, in exec form.
        optional entrypoint: ListExpectation,
        /// The default arguments, in exec form.
        optional cmd: ListExpectation,
        /// The shell of shell forms.
        optional shell: ListExpectation,
        /// The user; empty for root.
        optional user: TextExpectation,
        /// The working directory.
        optional workdir: TextExpectation,
        /// Ports with their protocols.
        optional exposed_ports: ListExpectation,
        /// Paths that become volumes.
        optional volumes: ListExpectation,
        /// How the engine finds out whether a container is well.
        optional healthcheck: Located<HealthExpectation>,
        /// The signal that stops a container; empty if none is said.
        optional stop_signal: TextExpectation,
        /// Instructions for images that are built from this one.
        optional onbuild: ListExpectation,
        /// Who made it; empty if nobody is said.
        optional author: TextExpectation,
        /// The CPU architecture, such as amd64.
        optional architecture: TextExpectation,
        /// The variant of the architecture, such as v8; empty if none is said.
        optional variant: TextExpectation,
        /// The operating system, such as linux.
        optional os: TextExpectation,
    }
}

impl ConfigCheck {
    /// Takes the `config` key of a check.
    pub(super) fn take_from(entries: &mut Entries<'_>, context: &mut Context) -> Option<Self> {
        let node: &Node = entries.take("config")?;
        let before = context.count();
        let config = Self::decode(node, context)?;
        if context.count() > before {
            return None;
        }
        if config.is_empty() {
            let help = "say what it must be, such as `{user: nobody}`";
            context.report(Diagnostic::new(&node.place, "this expects nothing").help(help));
            return None;
        }
        config.validate_names(context);
        if let Some(health) = &config.healthcheck {
            health.validate(&health.place, context);
        }
        for (port, place) in config.exposed_ports.iter().flat_map(ListExpectation::items) {
            if !is_port(port) {
                context.report(
                    Diagnostic::new(place, format!("`{port}` is not a port"))
                        .help("write `80` or `53/udp`; a range of an `EXPOSE` is a list of ports"),
                );
            }
        }
        (context.count() == before).then_some(config)
    }

    /// All text expectations in it.
    pub fn texts(&self) -> impl Iterator<Item = &TextExpectation> {
        let pairs = [&self.env, &self.labels].into_iter().flatten();
        let values = pairs.flat_map(|pairs| &pairs.value.0);
        let values = values.filter_map(|(_, setting)| match setting {
            Setting::Text(text) => Some(text),
            Setting::Exists(_) => None,
        });
        let fields = [
            &self.user,
            &self.workdir,
            &self.stop_signal,
            &self.author,
            &self.architecture,
            &self.variant,
            &self.os,
        ];
        values.chain(fields.into_iter().flatten())
    }

    /// Records names that nothing can have.
    fn validate_names(&self, context: &mut Context) {
        for pairs in [&self.env, &self.labels].into_iter().flatten() {
            if pairs.0.is_empty() {
                context.report(
                    Diagnostic::new(&pairs.place, "this expects nothing")
                        .help("say what must be set, such as `{NAME: value}`, or leave it out"),
                );
            }
        }
        let pairs = |pairs: &Option<Located<Pairs<Setting>>>| {
            let pairs = pairs.iter().flat_map(|pairs| &pairs.value.0);
            pairs.map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        for name in pairs(&self.env).iter().chain(&pairs(&self.labels)) {
            if name.is_empty() {
                context.report(Diagnostic::new(&name.place, "there is no name here"));
            }
        }
        let variables = pairs(&self.env);
        let forbidden = self.not_env.iter().flat_map(|globs| &globs.0);
        let forbidden = forbidden.map(|glob| (glob.text(), &glob.place));
        let names = variables.iter().map(|name| (name.as_str(), &name.place));
        for (name, place) in names.chain(forbidden) {
            if name.contains('=') {
                context.report(
                    Diagnostic::new(place, "a variable has no `=` in its name")
                        .help("write `env: {NAME: value}`"),
                );
            }
        }
    }

    fn is_empty(&self) -> bool {
        let lists = [
            &self.entrypoint,
            &self.cmd,
            &self.shell,
            &self.exposed_ports,
            &self.volumes,
            &self.onbuild,
        ];
        self.env.is_none()
            && self.labels.is_none()
            && self.not_env.is_none()
            && self.not_labels.is_none()
            && self.healthcheck.is_none()
            && lists.iter().all(|list| list.is_none())
            && self.texts().next().is_none()
    }
}

fn is_port(text: &str) -> bool {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    is_number
        && number.parse::<u16>().is_ok_and(|port| port > 0)
        && matches!(protocol, "tcp" | "udp" | "sctp")
}
