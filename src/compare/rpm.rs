//! The packages of rpm, whose database only rpm itself can read.

use std::time::Duration;

use super::model::FileChange;
use crate::engine::{Ended, Engine, EngineError, Image, Process};
use crate::inspect::packages::Package;

/// What rpm may take to list all packages.
const TIMEOUT: Duration = Duration::from_secs(60);
/// No image has more packages than fit.
const OUTPUT: usize = 16 << 20;
/// Where rpm keeps its database.
const FOLDERS: [&str; 2] = ["/var/lib/rpm", "/usr/lib/sysimage/rpm"];
/// A line for each package; an epoch only where there is one.
const FORMAT: &str = "%{NAME}\\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\t%{ARCH}\\n";

/// Whether the databases differ.
pub(super) fn is_touched(changes: &[FileChange]) -> bool {
    let is_inside = |path: &str| {
        let rest = FOLDERS.iter().find_map(|folder| path.strip_prefix(folder));
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    changes.iter().any(|it| is_inside(&it.path))
}

/// All packages, as rpm of the image tells them; none without a database. The other error says why
/// that is not known.
pub(super) fn packages(
    engine: &dyn Engine,
    image: &Image,
) -> Result<Result<Vec<Package>, String>, EngineError> {
    let files = engine.files(image);
    let mut has_database = false;
    for folder in FOLDERS {
        has_database |= files.stat(folder)?.is_some();
    }
    drop(files);
    if !has_database {
        return Ok(Ok(Vec::new()));
    }
    let argv = ["rpm", "-qa", "--qf", FORMAT];
    let process = Process {
        env: vec![("LC_ALL".to_owned(), "C".to_owned())],
        output_limit: OUTPUT,
        ..Process::new("packages of rpm", argv.map(str::to_owned).to_vec(), TIMEOUT)
    };
    let outcome = engine.run(image, &process, None)?;
    let why = match outcome.ended {
        _ if outcome.stdout.omitted() > 0 => "rpm said too much".to_owned(),
        Ended::Exited { code: 0, .. } => {
            let output = String::from_utf8_lossy(outcome.stdout.kept());
            return Ok(Ok(output.lines().filter_map(package).collect()));
        }
        Ended::Exited { code, .. } => format!("rpm ended with {code}"),
        Ended::TimedOut => format!("rpm did not end within {TIMEOUT:?}"),
        Ended::NotStarted { reason, .. } => format!("rpm can't be run in it: {reason}"),
    };
    Ok(Err(why))
}

/// Several architectures of one package are several packages.
fn package(line: &str) -> Option<Package> {
    let mut fields = line.split('\t');
    let (name, version) = (fields.next()?, fields.next()?);
    let at = fields.next().unwrap_or_default();
    Some(Package {
        manager: "rpm",
        name: name.to_owned(),
        version: Some(version.to_owned()),
        at: format!("rpm {at}"),
    })
}
