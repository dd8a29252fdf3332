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
        optional env: Pairs<Setting>,
        /// Names that no variable may have.
        optional not_env: OneOrMany<Located<NameGlob>>,
        /// Labels and what their values must be.
        optional labels: Pairs<Setting>,
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
        let config = Self::decode(node, context)?;
        if config.is_empty() {
            context.report(Diagnostic::new(&node.place, "this expects nothing"));
            return None;
        }
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
        Some(config)
    }

    /// All text expectations in it.
    pub fn texts(&self) -> impl Iterator<Item = &TextExpectation> {
        let pairs = [&self.env, &self.labels].into_iter().flatten();
        let values = pairs.flat_map(|pairs| &pairs.0);
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

    fn is_empty(&self) -> bool {
        let no_pairs = |pairs: &Option<Pairs<Setting>>| {
            let pairs = pairs.as_ref();
            pairs.is_none_or(|pairs| pairs.0.is_empty())
        };
        let lists = [
            &self.entrypoint,
            &self.cmd,
            &self.shell,
            &self.exposed_ports,
            &self.volumes,
            &self.onbuild,
        ];
        no_pairs(&self.env)
            && no_pairs(&self.labels)
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
    is_number && number.parse::<u16>().is_ok() && matches!(protocol, "tcp" | "udp" | "sctp")
}
