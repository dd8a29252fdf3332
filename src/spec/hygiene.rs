//! The preset `hygiene`: what should not have been left in an image.

use super::check::CheckKind;
use super::preset::Expanded;
use crate::diagnostic::Diagnostic;
use crate::inspect::Pattern;
use crate::inspect::hygiene::Rule;
use crate::source::{Located, Place};
use crate::yaml::{Context, Decode, Entries, Kind, Node, OneOrMany, object};

/// One rule of hygiene.
#[derive(Debug, Clone)]
pub struct HygieneCheck {
    /// The rule, and where it is asked for.
    pub rule: Located<Rule>,
    /// Paths that it leaves alone; for the rule about variables: their names.
    pub allow: Vec<Pattern>,
}

object! {
    /// What a rule leaves alone.
    struct Options: "a rule of hygiene" {
        /// Globs.
        required allow: OneOrMany<Located<String>>,
    }
}

/// Whether a rule is on, and what it leaves alone.
struct Setting {
    is_on: bool,
    allow: Vec<Pattern>,
}

impl Decode for Setting {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let Kind::Mapping(_) = node.kind else {
            let Some(is_on @ ("true" | "false")) = node.scalar() else {
                return context.mismatch(node, "`true`, `false` or `{allow: [...]}`");
            };
            return Some(Self {
                is_on: is_on == "true",
                allow: Vec::new(),
            });
        };
        let globs = Options::decode(node, context)?.allow.0;
        let compile = |glob: &Located<String>| match Pattern::new(glob) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                context.report(Diagnostic::new(&glob.place, error.to_string()));
                None
            }
        };
        let allow: Vec<_> = globs.iter().map(compile).collect();
        Some(Self {
            is_on: true,
            allow: allow.into_iter().collect::<Option<_>>()?,
        })
    }
}

/// One check for each rule that is not turned off.
pub(super) fn expand(node: &Node, context: &mut Context) -> Option<Vec<Expanded>> {
    let Kind::Mapping(keys) = &node.kind else {
        if bool::decode(node, context)? {
            let all = Rule::ALL.map(|rule| check(rule, &node.place, Vec::new()));
            return Some(all.into());
        }
        return nothing(node, context);
    };
    let mut entries = Entries::new(node, "a hygiene check", context)?;
    let mut checks = Vec::new();
    let mut is_sound = true;
    for rule in Rule::ALL {
        let key = keys
            .iter()
            .map(|(key, _)| key)
            .find(|key| key.scalar() == Some(rule.key()));
        let place = key.map_or(&node.place, |key| &key.place);
        match entries.optional::<Setting>(rule.key(), context) {
            Some(None) => checks.push(check(rule, place, Vec::new())),
            Some(Some(setting)) if setting.is_on => checks.push(check(rule, place, setting.allow)),
            Some(Some(_)) => {}
            None => is_sound = false,
        }
    }
    entries.finish("a hygiene check", context);
    if !is_sound {
        return None;
    }
    if checks.is_empty() {
        return nothing(node, context);
    }
    Some(checks)
}

fn nothing<T>(node: &Node, context: &mut Context) -> Option<T> {
    context.report(
        Diagnostic::new(&node.place, "this expects nothing")
            .help("write `hygiene: true` for all rules"),
    );
    None
}

fn check(rule: Rule, place: &Place, allow: Vec<Pattern>) -> Expanded {
    Expanded {
        default_name: format!("hygiene: {}", rule.title()),
        item: rule.title().to_owned(),
        place: place.clone(),
        kind: CheckKind::Hygiene(Box::new(HygieneCheck {
            rule: Located::new(rule, place.clone()),
            allow,
        })),
    }
}
