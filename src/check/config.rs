//! Config checks.

use std::path::Path;

use super::health;
use super::judged::Judged;
use super::lists::{self, Order};
use super::texts;
use crate::engine::Image;
use crate::source::Located;
use crate::spec::{ConfigCheck, ListExpectation, NameGlob, Setting};
use crate::verdict::{Finding, Problem};
use crate::yaml::{OneOrMany, Pairs};

/// Judges the image's configuration.
pub(super) fn judge(
    check: &ConfigCheck,
    image: &Image,
    root: &Path,
) -> Result<Vec<Finding>, Problem> {
    let mut judged = Judged::default();
    judge_texts(check, image, root, &mut judged);
    judge_lists(check, image, &mut judged);
    if let Some(expected) = &check.healthcheck {
        let actual = image.config.healthcheck.as_ref();
        judged.add(Ok(health::judge(expected, actual)));
    }
    judge_names(check, image, root, &mut judged);
    judged.finish()
}

fn judge_texts(check: &ConfigCheck, image: &Image, root: &Path, judged: &mut Judged) {
    let config = &image.config;
    let fields = [
        (&check.user, "config.user", "user", &config.user),
        (
            &check.workdir,
            "config.workdir",
            "working directory",
            &config.workdir,
        ),
        (
            &check.stop_signal,
            "config.stop_signal",
            "stop signal",
            &config.stop_signal,
        ),
        (&check.author, "config.author", "author", &image.author),
        (
            &check.architecture,
            "config.architecture",
            "architecture",
            &config.architecture,
        ),
        (&check.variant, "config.variant", "variant", &config.variant),
        (&check.os, "config.os", "operating system", &config.os),
    ];
    for (expected, kind, name, actual) in fields {
        if let Some(expected) = expected {
            judged.add(texts::judge(
                kind,
                &format!("the {name}"),
                expected,
                actual,
                root,
            ));
        }
    }
}

fn judge_lists(check: &ConfigCheck, image: &Image, judged: &mut Judged) {
    let config = &image.config;
    let mut judge = |kind, name, expected: &Option<ListExpectation>, actual: &[String], order| {
        if let Some(expected) = expected {
            judged.add(Ok(lists::judge(kind, name, expected, actual, order)));
        }
    };
    judge(
        "config.entrypoint",
        "the entrypoint",
        &check.entrypoint,
        &config.entrypoint,
        Order::Counts,
    );
    judge(
        "config.cmd",
        "the command",
        &check.cmd,
        &config.cmd,
        Order::Counts,
    );
    judge(
        "config.shell",
        "the shell",
        &check.shell,
        &config.shell,
        Order::Counts,
    );
    judge(
        "config.onbuild",
        "the list of ONBUILD instructions",
        &check.onbuild,
        &config.onbuild,
        Order::Counts,
    );
    judge(
        "config.volumes",
        "the list of volumes",
        &check.volumes,
        &config.volumes,
        Order::IsNothing,
    );
    let ports = check.exposed_ports.clone();
    judge(
        "config.exposed_ports",
        "the list of exposed ports",
        &ports.map(|ports| ports.map(with_protocol)),
        &config.exposed_ports,
        Order::IsNothing,
    );
}

fn judge_names(check: &ConfigCheck, image: &Image, root: &Path, judged: &mut Judged) {
    let config = &image.config;
    let env = |name: &str| config.variable(name);
    let label = |name: &str| config.labels.get(name).map(String::as_str);
    let mut variables: Vec<&str> = config.env.iter().map(|(name, _)| name.as_str()).collect();
    variables.sort_unstable();
    variables.dedup();
    let labels: Vec<&str> = config.labels.keys().map(String::as_str).collect();
    pairs(
        "config.env",
        "variable",
        check.env.as_ref().map(|pairs| &pairs.value),
        &env,
        root,
        judged,
    );
    let forbidden = check.not_env.as_ref();
    judged.add(Ok(names(
        "config.not_env",
        "variable",
        forbidden,
        &variables,
    )));
    pairs(
        "config.labels",
        "label",
        check.labels.as_ref().map(|pairs| &pairs.value),
        &label,
        root,
        judged,
    );
    let forbidden = check.not_labels.as_ref();
    judged.add(Ok(names("config.not_labels", "label", forbidden, &labels)));
}

fn pairs<'a>(
    kind: &'static str,
    word: &str,
    expected: Option<&Pairs<Setting>>,
    actual: &dyn Fn(&str) -> Option<&'a str>,
    root: &Path,
    judged: &mut Judged,
) {
    for (name, expected) in expected.into_iter().flat_map(|pairs| &pairs.0) {
        let shown = format!("the {word} `{}`", name.value);
        let finding = |place, message| Ok(vec![Finding::new(place, kind, message)]);
        judged.add(match (expected, actual(&name.value)) {
            (Setting::Exists(exists), Some(_)) if !exists.value => {
                // Not its value: what must not be there may be a secret.
                finding(
                    &exists.place,
                    format!("{shown} is set, which it must not be"),
                )
            }
            (Setting::Exists(exists), None) if exists.value => {
                finding(&exists.place, format!("{shown} is not set"))
            }
            (Setting::Exists(_), _) => Ok(Vec::new()),
            (Setting::Text(text), Some(value)) => texts::judge(kind, &shown, text, value, root),
            (Setting::Text(_), None) => finding(&name.place, format!("{shown} is not set")),
        });
    }
}

fn names(
    kind: &'static str,
    word: &str,
    forbidden: Option<&OneOrMany<Located<NameGlob>>>,
    actual: &[&str],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for glob in forbidden.into_iter().flat_map(|many| &many.0) {
        for name in actual.iter().filter(|name| glob.is_match(name)) {
            let message = if *name == glob.text() {
                format!("the {word} `{name}` is set, which it must not be")
            } else {
                let glob = glob.text();
                format!("the {word} `{name}` is set, no name may match `{glob}`")
            };
            findings.push(Finding::new(&glob.place, kind, message));
        }
    }
    findings
}

/// A port is one of TCP unless it says otherwise.
fn with_protocol(port: &str) -> String {
    if port.contains('/') {
        port.to_owned()
    } else {
        format!("{port}/tcp")
    }
}
