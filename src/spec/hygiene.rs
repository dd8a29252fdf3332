//! The preset `hygiene`: what should not have been left in an image.

use serde_json::{Value, json};

use super::check::CheckKind;
use super::kind::{CheckType, Found, preset};
use crate::diagnostic::Diagnostic;
use crate::inspect::Pattern;
use crate::inspect::hygiene::Rule;
use crate::source::{Located, Place};
use crate::yaml::{
    Context, Decode, Definitions, Describe, Entries, Key, Kind, Node, OneOrMany, object,
    object_schema,
};

/// `hygiene`
pub(super) const TYPE: CheckType = CheckType {
    key: "hygiene",
    what: "a hygiene check",
    read: |entries, _, context| expand(entries.take("hygiene")?, context),
    keys: |definitions| {
        let about = "What must not be left in the image: all rules, or a map that turns rules off or allows exceptions. One check for each rule.";
        vec![preset::<Hygiene>("hygiene", about, definitions)]
    },
};

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
    struct HygieneKeys: "a rule of hygiene" {
        /// Globs.
        required allow: OneOrMany<Located<String>>,
    }
}

/// Whether a rule is on, and what it leaves alone.
struct Setting {
    is_on: bool,
    allow: Vec<Pattern>,
    /// As they are written.
    globs: Vec<Located<String>>,
}

impl Setting {
    /// Records what no path can match; names of variables may be anything.
    fn refuse_relative(&self, context: &mut Context) {
        for glob in &self.globs {
            if !glob.starts_with(['/', '*', '{', '[', '?']) {
                context.report(
                    Diagnostic::new(
                        &glob.place,
                        "no path matches this: all of them are absolute",
                    )
                    .help(format!("write `/{0}` or `**/{0}`", glob.value)),
                );
            }
        }
    }
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
                globs: Vec::new(),
            });
        };
        let globs = HygieneKeys::decode(node, context)?.allow.0;
        if let Some(empty) = globs.iter().find(|glob| glob.is_empty()) {
            let help = "say what the rule leaves alone";
            context.report(Diagnostic::new(&empty.place, "this allows nothing").help(help));
            return None;
        }
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
            globs,
        })
    }
}

/// One check for each rule that is not turned off.
pub(super) fn expand(node: &Node, context: &mut Context) -> Option<Vec<Found>> {
    let Kind::Mapping(keys) = &node.kind else {
        if bool::decode(node, context)? {
            let all = Rule::ALL.map(|rule| check(rule, &node.place, Vec::new()));
            return Some(all.into());
        }
        return nothing(node, context);
    };
    let before = context.count();
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
            Some(Some(setting)) if setting.is_on => {
                if rule.key() != "env" {
                    setting.refuse_relative(context);
                }
                checks.push(check(rule, place, setting.allow));
            }
            Some(Some(_)) => {}
            None => is_sound = false,
        }
    }
    entries.finish("a hygiene check", context);
    if !is_sound || context.count() > before {
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

fn check(rule: Rule, place: &Place, allow: Vec<Pattern>) -> Found {
    Found {
        name: format!("hygiene: {}", rule.title()),
        item: Some(rule.title().to_owned()),
        place: Some(place.clone()),
        kind: CheckKind::Hygiene(Box::new(HygieneCheck {
            rule: Located::new(rule, place.clone()),
            allow,
        })),
    }
}

/// The form of the preset, for its schema.
struct Hygiene;

impl Describe for Hygiene {
    fn schema(definitions: &mut Definitions) -> Value {
        let is_on = bool::schema(definitions);
        let keys = HygieneKeys::schema(definitions);
        let rules: Vec<Key> = Rule::ALL
            .into_iter()
            .map(|rule| Key {
                name: rule.key(),
                description: rule.title().to_owned(),
                is_required: false,
                schema: json!({"anyOf": [is_on, keys]}),
            })
            .collect();
        json!({
            "anyOf": [{"const": true}, object_schema("", &rules)],
            "examples": [true, {"setuid": {"allow": ["/usr/bin/mount"]}, "temporary": false}],
        })
    }
}
