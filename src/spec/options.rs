//! What can be said of any check.

use serde_json::{Value, json};

use super::retries::Retries;
use crate::diagnostic::Diagnostic;
use crate::platform::Platform;
use crate::source::Located;
use crate::yaml::{Context, Decode, Definitions, Describe, Kind, Node, OneOrMany, object, words};

object! {
    /// What can be said of any check, whatever its kind.
    pub struct CheckOptions: "a check" {
        /// Words to select it by (`--tag`).
        optional tags: OneOrMany<Located<String>>,
        /// It is not run; the reason.
        optional skip: Located<String>,
        /// It is run only there, and skipped elsewhere.
        optional only: Located<Only>,
        /// How often it is tried again when it does not pass; 0 unless said otherwise.
        optional retries: Retries,
        /// It is known to fail; the reason. Passing is then the failure.
        optional xfail: Located<String>,
    }
}

object! {
    /// What can be said for all checks of a spec.
    pub struct DefaultOptions: "the defaults" {
        /// Words to select the checks by, beside their own.
        optional tags: OneOrMany<Located<String>>,
        /// They are run only there.
        optional only: Located<Only>,
        /// How often a check is tried again.
        optional retries: Retries,
    }
}

/// Where a check can be run.
#[derive(Debug, Clone)]
pub struct Only {
    /// On these kinds of engines.
    pub engine: Option<OneOrMany<Located<String>>>,
    /// For these platforms: `os/architecture`.
    pub platform: Option<OneOrMany<Located<String>>>,
}

object! {
    /// Where a check can be run.
    struct OnlyKeys: "the places to run at" {
        /// On these kinds of engines.
        optional engine: OneOrMany<Located<EngineName>>,
        /// For these platforms: `os/architecture`, such as `linux/amd64`.
        optional platform: OneOrMany<Located<Platform>>,
    }
}

/// The engines that a spec can name.
const ENGINES: [&str; 3] = ["docker", "podman", "embedded"];

impl CheckOptions {
    /// Fills in from `defaults` what is not said here; tags are put together.
    #[must_use]
    pub fn or(self, defaults: &DefaultOptions) -> Self {
        Self {
            tags: join(self.tags, defaults.tags.as_ref()),
            only: self.only.or_else(|| defaults.only.clone()),
            retries: self.retries.or(defaults.retries),
            ..self
        }
    }

    /// Its tags, in order.
    pub fn tags(&self) -> Vec<String> {
        let tags = self.tags.iter().flat_map(|tags| &tags.0);
        tags.map(|tag| tag.value.clone()).collect()
    }

    /// Whether it has this tag.
    pub fn has_tag(&self, tag: &str) -> bool {
        let tags = self.tags.iter().flat_map(|tags| &tags.0);
        tags.into_iter().any(|known| known.value == tag)
    }

    /// Records what can't be meant.
    pub(super) fn validate(&self, context: &mut Context) {
        for (key, reason) in [("skip", &self.skip), ("xfail", &self.xfail)] {
            if let Some(reason) = reason
                && (reason.trim().is_empty() || ["true", "false"].contains(&reason.as_str()))
            {
                context.report(
                    Diagnostic::new(&reason.place, format!("`{key}` needs a reason"))
                        .help(format!("say why: `{key}: waits for samtools 1.17`")),
                );
            }
        }
        if let (Some(skip), Some(_)) = (&self.skip, &self.xfail) {
            let message = "a check that is skipped can't be known to fail";
            context.report(Diagnostic::new(&skip.place, message).help("say one of the two"));
        }
        for tag in self.tags.iter().flat_map(|tags| &tags.0) {
            let sound = |c: char| c.is_alphanumeric() || "._-/:".contains(c);
            if tag.is_empty() {
                context.report(Diagnostic::new(&tag.place, "a tag can't be empty"));
            } else if !tag.chars().all(sound) {
                context.report(
                    Diagnostic::new(&tag.place, format!("`{}` can't be a tag", tag.value))
                        .help("tags are one word of letters, digits, . _ - / and :"),
                );
            }
        }
        if let Some(only) = &self.only {
            only.validate(context);
        }
    }
}

impl DefaultOptions {
    /// Defaults that say nothing.
    pub const EMPTY: Self = Self {
        tags: None,
        only: None,
        retries: None,
    };
}

impl Decode for Only {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        if let Kind::Scalar { .. } = node.kind {
            return context.mismatch(node, "a map such as `{engine: docker}`");
        }
        let before = context.count();
        let keys = OnlyKeys::decode(node, context)?;
        if context.count() > before {
            return None;
        }
        Some(Self {
            engine: keys.engine.map(|names| texts(names, |name| name.0)),
            platform: keys.platform.map(|names| texts(names, |name| name.0)),
        })
    }
}

fn texts<T>(many: OneOrMany<Located<T>>, text: fn(T) -> String) -> OneOrMany<Located<String>> {
    let one = |one: Located<T>| Located::new(text(one.value), one.place);
    OneOrMany(many.0.into_iter().map(one).collect())
}

impl Describe for Only {
    fn schema(definitions: &mut Definitions) -> Value {
        let mut keys = OnlyKeys::schema(definitions);
        keys["minProperties"] = json!(1);
        keys
    }
}

/// A kind of engine that a spec can name.
#[derive(Debug, Clone)]
struct EngineName(String);

impl Decode for EngineName {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let name = String::decode(node, context)?;
        if ENGINES.contains(&name.as_str()) {
            return Some(Self(name));
        }
        let message = format!("there is no engine `{name}`");
        context.report(Diagnostic::new(&node.place, message).suggest(&name, ENGINES));
        None
    }
}

impl Describe for EngineName {
    fn schema(_: &mut Definitions) -> Value {
        words(&ENGINES)
    }
}

impl Located<Only> {
    /// Records a choice of no place.
    pub(super) fn validate(&self, context: &mut Context) {
        if self.engine.is_none() && self.platform.is_none() {
            let help = "say `engine`, `platform` or both, or leave out `only`";
            context.report(Diagnostic::new(&self.place, "this names no place").help(help));
        }
    }
}

fn join(
    own: Option<OneOrMany<Located<String>>>,
    defaults: Option<&OneOrMany<Located<String>>>,
) -> Option<OneOrMany<Located<String>>> {
    match (own, defaults) {
        (Some(mut own), Some(defaults)) => {
            own.0.extend(defaults.0.iter().cloned());
            Some(own)
        }
        (own, defaults) => own.or_else(|| defaults.cloned()),
    }
}
