//! An image with its checks as the page shows it.

use std::collections::HashMap;

use serde::Serialize;

use super::check::CheckView;
use super::facts::Fact;
use super::words;
use crate::report::record::{ImageRecord, Record};
use crate::report::text::page_text;
use crate::words::count;

/// So many checks that all went well are shown at once; of more only their number.
const FEW: usize = 40;

/// An image.
#[derive(Debug, Serialize)]
pub(super) struct ImageView {
    name: String,
    facts: Vec<Fact>,
    /// Whether its checks are shown from the beginning.
    open: bool,
    summary: String,
    bad: Vec<CheckView>,
    rest: Vec<CheckView>,
    rest_open: bool,
    rest_summary: String,
}

impl ImageView {
    /// All images, those with failures first, otherwise in the order of the plan; and images that
    /// only checks name.
    pub(super) fn all(record: &Record, checks: Vec<CheckView>) -> Vec<Self> {
        let few = checks.len() <= FEW;
        let mut names: Vec<String> = Vec::new();
        let mut by_image: HashMap<String, Vec<CheckView>> = HashMap::new();
        for image in &record.images {
            names.push(page_text(&image.name));
        }
        for check in checks {
            let of_image = by_image.entry(check.image.clone()).or_default();
            if of_image.is_empty() && !names.contains(&check.image) {
                names.push(check.image.clone());
            }
            of_image.push(check);
        }
        let mut views: Vec<Self> = names
            .into_iter()
            .map(|name| {
                let checks = by_image.remove(&name).unwrap_or_default();
                let known = record.images.iter();
                let image = known.clone().find(|image| page_text(&image.name) == name);
                Self::of(name, image, checks, few)
            })
            .collect();
        views.sort_by_key(|view| view.bad.is_empty());
        views
    }

    fn of(name: String, image: Option<&ImageRecord>, checks: Vec<CheckView>, few: bool) -> Self {
        let summary = counted(&checks);
        let (bad, rest): (Vec<_>, Vec<_>) = checks.into_iter().partition(|check| check.bad);
        Self {
            facts: image.map(facts).unwrap_or_default(),
            name,
            open: few || !bad.is_empty(),
            summary,
            rest_open: few || bad.is_empty(),
            rest_summary: counted(&rest),
            bad,
            rest,
        }
    }
}

/// `2 failed, 30 passed`.
fn counted(checks: &[CheckView]) -> String {
    let words = [
        ("failed", "failed"),
        ("error", "errors"),
        ("passed", "passed"),
        ("skipped", "skipped"),
    ];
    let parts: Vec<String> = words
        .iter()
        .filter_map(|(word, shown)| {
            let count = checks.iter().filter(|check| check.word == *word).count();
            let shown = if count == 1 {
                shown.trim_end_matches('s')
            } else {
                shown
            };
            (count > 0).then(|| format!("{count} {shown}"))
        })
        .collect();
    parts.join(", ")
}

fn facts(image: &ImageRecord) -> Vec<Fact> {
    let mut facts = vec![Fact::code("reference", &image.reference)];
    match &image.id {
        Some(id) => facts.push(Fact::code("id", id)),
        None => facts.push(Fact::text("id", "not found")),
    }
    for digest in &image.repo_digests {
        facts.push(Fact::code("digest", digest));
    }
    if let Some(platform) = &image.platform {
        facts.push(Fact::text("platform", platform));
    }
    if let Some(size) = image.size {
        let layers = image.layers.map(|layers| count(layers, "layer"));
        let layers = layers.map(|layers| format!(" in {layers}"));
        let size = words::size(size) + &layers.unwrap_or_default();
        facts.push(Fact::text("size", &size));
    } else if let Some(layers) = image.layers {
        facts.push(Fact::text("layers", &layers.to_string()));
    }
    facts
}
