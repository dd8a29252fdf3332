//! Package checks.

use std::time::Duration;

use super::files::ImageFiles;
use crate::engine::{Ended, Engine, Files, Process};
use crate::inspect::packages::{Manager, Package, Unreadable, installed};
use crate::spec::{PackageCheck, PackageManager, WantedPackage};
use crate::verdict::{Finding, Problem};

/// What rpm may take to look up one package.
const RPM_TIMEOUT: Duration = Duration::from_secs(60);
/// The versions of one package are few.
const RPM_OUTPUT: usize = 64 << 10;
/// Where rpm keeps its database.
const RPM_FOLDERS: [&str; 2] = ["/var/lib/rpm", "/usr/lib/sysimage/rpm"];

/// Judges one package. `name` is the check's.
pub(super) fn judge(
    check: &PackageCheck,
    files: &ImageFiles,
    engine: &dyn Engine,
    name: &str,
) -> Result<Vec<Finding>, Problem> {
    match check.manager {
        PackageManager::Readable(manager) => read(check, manager, files, engine),
        PackageManager::Rpm => ask_rpm(check, files, engine, name),
    }
}

fn read(
    check: &PackageCheck,
    manager: Manager,
    files: &ImageFiles,
    engine: &dyn Engine,
) -> Result<Vec<Finding>, Problem> {
    let view = files.view_of_large(engine);
    let folder = check.folder.as_ref().map(|folder| folder.value.as_str());
    let env = &files.image().config.env;
    let packages = installed(manager, folder, &view, files.facts(), env)?;
    let word = manager.word();
    let Some(packages) = packages else {
        let is_absent = matches!(check.wanted, WantedPackage::Absent);
        // Without any environment there is no package. But a database that was deleted says
        // nothing, and neither does a folder that is not there.
        if is_absent && manager.has_environments() && folder.is_none() {
            return Ok(Vec::new());
        }
        let message = match (folder, manager.has_environments()) {
            (Some(folder), _) => format!("there are no {word} packages in {folder}"),
            (None, true) => format!("the image has no {word} packages"),
            (None, false) => format!("the image has no {word} database"),
        };
        return Ok(vec![finding(check, message)]);
    };
    let of_name = |package: &&Package| manager.is_same(&package.name, &check.name);
    let found: Vec<&Package> = packages.iter().filter(of_name).collect();
    let found = found
        .iter()
        .map(|package| (package.version.as_deref(), package.at.as_str()));
    let close = closest(
        &check.name,
        packages.iter().map(|package| package.name.as_str()),
    );
    decide(check, &found.collect::<Vec<_>>(), close)
}

/// Judges what is installed under the name: versions, and where they are recorded.
fn decide(
    check: &PackageCheck,
    found: &[(Option<&str>, &str)],
    close: Option<&str>,
) -> Result<Vec<Finding>, Problem> {
    let shown = format!("the {} package {}", check.manager.word(), check.name.value);
    let requirement = match &check.wanted {
        WantedPackage::Absent => {
            let message = |(version, at): &(Option<&str>, &str)| {
                let version = version
                    .map(|version| format!(" {version}"))
                    .unwrap_or_default();
                format!("{shown}{version} is installed ({at}), which it must not be")
            };
            let messages = found.iter().map(message);
            return Ok(messages.map(|message| finding(check, message)).collect());
        }
        _ if found.is_empty() => {
            let hint = close.map(|name| format!("; did you mean `{name}`?"));
            let message = format!("{shown} is not installed{}", hint.unwrap_or_default());
            return Ok(vec![finding(check, message)]);
        }
        WantedPackage::Any => return Ok(Vec::new()),
        WantedPackage::Version(requirement) => requirement,
    };
    let manager = match check.manager {
        PackageManager::Readable(manager) => Some(manager),
        PackageManager::Rpm => None,
    };
    let mut findings = Vec::new();
    // Whichever of several is used: it must be the right one.
    for (version, at) in found {
        let version = version.ok_or_else(|| Problem {
            kind: "packages",
            message: format!("the version of {shown} can't be told: its record in {at} is broken"),
        })?;
        if !requirement.value.allows(version, manager) {
            let message = format!(
                "the version of {shown} must be {}, it is {version} ({at})",
                requirement.value
            );
            findings.push(Finding::new(&requirement.place, "packages", message));
        }
    }
    Ok(findings)
}

/// Only rpm itself reads all formats of its database.
fn ask_rpm(
    check: &PackageCheck,
    files: &ImageFiles,
    engine: &dyn Engine,
    name: &str,
) -> Result<Vec<Finding>, Problem> {
    let view = files.view(engine);
    let mut has_database = false;
    for folder in RPM_FOLDERS {
        has_database |= view.stat(folder)?.is_some();
    }
    if !has_database {
        return Ok(vec![finding(
            check,
            "the image has no rpm database".to_owned(),
        )]);
    }
    let outcome = engine.run(files.image(), &rpm(name, &check.name), None)?;
    let problem = |message: String| Problem {
        kind: "packages",
        message,
    };
    if outcome.stdout.omitted() > 0 {
        return Err(problem("rpm said too much about the package".to_owned()));
    }
    let output = String::from_utf8_lossy(outcome.stdout.kept());
    match outcome.ended {
        Ended::Exited { code: 0, .. } => {
            let versions = output.lines().filter(|line| !line.trim().is_empty());
            let versions: Vec<_> = versions.map(|line| (Some(line.trim()), "rpm")).collect();
            if versions.is_empty() {
                return Err(problem("rpm said nothing about the package".to_owned()));
            }
            decide(check, &versions, None)
        }
        Ended::Exited { code: 1, .. } if output.contains("is not installed") => {
            decide(check, &[], None)
        }
        Ended::Exited { code, .. } => Err(problem(format!("rpm ended with {code}: {output}"))),
        Ended::TimedOut => Err(problem(format!("rpm did not end within {RPM_TIMEOUT:?}"))),
        Ended::NotStarted { reason, .. } => Err(problem(format!(
            "the rpm database can only be read by rpm itself, which can't be run: {reason}"
        ))),
    }
}

fn rpm(name: &str, package: &str) -> Process {
    let argv = ["rpm", "-q", "--qf", "%{VERSION}\n", "--", package];
    Process {
        // Its messages are compared.
        env: vec![("LC_ALL".to_owned(), "C".to_owned())],
        output_limit: RPM_OUTPUT,
        ..Process::new(name, argv.map(str::to_owned).to_vec(), RPM_TIMEOUT)
    }
}

fn finding(check: &PackageCheck, message: String) -> Finding {
    Finding::new(&check.name.place, "packages", message)
}

/// The installed package that a slip may have meant.
fn closest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_ascii_lowercase();
    let distance = |known: &'a str| {
        (
            strsim::damerau_levenshtein(&lower, &known.to_ascii_lowercase()),
            known,
        )
    };
    let closest = known.map(distance).min()?;
    (closest.0 <= 1.max(name.chars().count() / 4)).then_some(closest.1)
}

impl From<Unreadable> for Problem {
    fn from(error: Unreadable) -> Self {
        match error {
            Unreadable::Engine(error) => error.into(),
            Unreadable::Broken { .. } => Self {
                kind: "packages",
                message: error.to_string(),
            },
        }
    }
}
