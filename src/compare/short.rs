//! A comparison in a few lines, for what a build changed.

use std::fmt::Write as _;

use super::model::{Comparison, FieldChange, PackageChange};
use super::text::{field_line, package_line, sign, tally};
use super::words::signed;
use crate::report::text::one_line;

/// As many packages are named.
const PACKAGES: usize = 6;
/// As many fields are named.
const FIELDS: usize = 4;

/// What changed, a line for each of the packages and fields that fit, indented by two, each with a
/// line break: the rest is counted.
pub fn short(found: &Comparison) -> String {
    let mut text = String::new();
    let mut said = Vec::new();
    if !found.packages.is_empty() {
        let changes = found.packages.iter().map(PackageChange::change);
        said.push(format!("packages: {}", tally(changes)));
    }
    if !found.config.is_empty() {
        let changes = found.config.iter().map(FieldChange::change);
        said.push(format!("config: {}", tally(changes)));
    }
    if !found.files.is_empty() {
        let changes = found.files.iter().map(|file| file.change);
        said.push(format!("files: {}", tally(changes)));
    }
    if let Some(growth) = found.growth().filter(|growth| *growth != 0) {
        said.push(signed(growth));
    }
    if said.is_empty() && found.undecided.is_empty() {
        said.push("nothing that is in it".to_owned());
    }
    if !said.is_empty() {
        let _ = writeln!(text, "  {}", said.join("; "));
    }
    for package in found.packages.iter().take(PACKAGES) {
        let _ = writeln!(
            text,
            "    {}  {}",
            sign(package.change()),
            package_line(package)
        );
    }
    more(&mut text, found.packages.len(), PACKAGES, "packages");
    for field in found.config.iter().take(FIELDS) {
        let _ = writeln!(text, "    {}  {}", sign(field.change()), field_line(field));
    }
    more(&mut text, found.config.len(), FIELDS, "fields");
    for what in &found.undecided {
        let _ = writeln!(text, "  not compared: {}", one_line(what));
    }
    text
}

fn more(text: &mut String, count: usize, shown: usize, what: &str) {
    if count > shown {
        let _ = writeln!(text, "    … and {} more {what}", count - shown);
    }
}
