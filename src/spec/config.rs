//! Checks of the image's configuration; no container is started for them.

use super::text::TextExpectation;
use crate::diagnostic::Diagnostic;
use crate::source::Located;
use crate::yaml::{Context, Decode, Entries, Node, Pairs, object};

object! {
    /// What the image's configuration must say.
    pub struct ConfigCheck: "a config check" {
        /// Variables and what their values must be.
        optional env: Pairs<TextExpectation>,
        /// Labels and what their values must be.
        optional labels: Pairs<TextExpectation>,
        /// The entrypoint, word for word; an empty list for none.
        optional entrypoint: Located<Vec<String>>,
        /// The default arguments, word for word; an empty list for none.
        optional cmd: Located<Vec<String>>,
        /// The user; empty for root.
        optional user: Located<String>,
        /// The working directory.
        optional workdir: Located<String>,
        /// The CPU architecture, such as amd64.
        optional architecture: Located<String>,
        /// The operating system, such as linux.
        optional os: Located<String>,
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
        Some(config)
    }

    fn is_empty(&self) -> bool {
        self.env.as_ref().is_none_or(|pairs| pairs.0.is_empty())
            && self.labels.as_ref().is_none_or(|pairs| pairs.0.is_empty())
            && self.entrypoint.is_none()
            && self.cmd.is_none()
            && self.user.is_none()
            && self.workdir.is_none()
            && self.architecture.is_none()
            && self.os.is_none()
    }
}
