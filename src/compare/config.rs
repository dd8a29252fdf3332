//! Fields of the configuration that differ.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::model::FieldChange;
use crate::engine::{Healthcheck, Image};

/// What an image says: the place of the field among all, its name, and its value.
type Fields = BTreeMap<(usize, String), String>;

/// Compares the configurations of two images.
pub(super) fn compare(old: &Image, new: &Image) -> Vec<FieldChange> {
    let (old, new) = (fields(old), fields(new));
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let names = names.into_iter();
    names
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| FieldChange {
            field: name.1.clone(),
            old: old.get(name).cloned(),
            new: new.get(name).cloned(),
        })
        .collect()
}

/// All that is said; what is empty says nothing.
fn fields(image: &Image) -> Fields {
    let config = &image.config;
    let mut fields = Fields::new();
    let single = [
        ("architecture", config.architecture.clone()),
        ("variant", config.variant.clone()),
        ("os", config.os.clone()),
        ("user", config.user.clone()),
        ("workdir", config.workdir.clone()),
        ("entrypoint", list(&config.entrypoint)),
        ("cmd", list(&config.cmd)),
        ("shell", list(&config.shell)),
        ("exposed_ports", list(&config.exposed_ports)),
        ("volumes", list(&config.volumes)),
        ("stop_signal", config.stop_signal.clone()),
        (
            "healthcheck",
            config.healthcheck.as_ref().map(health).unwrap_or_default(),
        ),
        ("onbuild", list(&config.onbuild)),
        ("author", image.author.clone()),
    ];
    let count = single.len();
    let single = single.into_iter().enumerate();
    fields.extend(single.filter_map(|(at, (name, value))| {
        (!value.is_empty()).then(|| ((at, name.to_owned()), value))
    }));
    // Of several the last one counts, as in a process.
    let env = config.env.iter();
    fields.extend(env.map(|(name, value)| ((count, format!("env.{name}")), value.clone())));
    let labels = config.labels.iter();
    let labels = labels.map(|(name, value)| ((count + 1, format!("labels.{name}")), value.clone()));
    fields.extend(labels);
    fields
}

fn list(words: &[String]) -> String {
    if words.is_empty() {
        return String::new();
    }
    serde_json::json!(words).to_string()
}

fn health(check: &Healthcheck) -> String {
    let mut text = list(&check.test);
    let times = [
        ("interval", check.interval),
        ("timeout", check.timeout),
        ("start period", check.start_period),
    ];
    for (name, time) in times {
        if time > Duration::ZERO {
            text.push_str(&format!(", {name} {time:?}"));
        }
    }
    if check.retries > 0 {
        text.push_str(&format!(", {} retries", check.retries));
    }
    text
}
