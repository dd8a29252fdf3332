//! What the version of a package must be.

use crate::inspect::packages::Manager;
use crate::version::{Version, VersionRequirement, upstream};
use crate::yaml::{Context, Decode, Kind, Node};

/// A requirement of the version of a package.
///
/// Package managers add to the version of the software: `1:2.30.0+dfsg-3` is a package of 2.30.0. A
/// requirement that says nothing of packaging is one of the software, and any other is one of the
/// package.
#[derive(Debug, Clone)]
pub struct PackageVersion {
    requirement: VersionRequirement,
    /// As it is written.
    text: String,
}

impl PackageVersion {
    /// Whether a package of this version is as it must be. `manager` is `None` for rpm, which tells
    /// the version of the software.
    pub fn allows(&self, version: &str, manager: Option<Manager>) -> bool {
        let version = version.trim();
        let has_packaging = software(&self.text, manager) != self.text;
        if has_packaging && is_version(&self.text) {
            let wants_epoch = self.text.contains(':');
            let version = if wants_epoch {
                version
            } else {
                without_epoch(version)
            };
            return self.text == version;
        }
        let version = if has_packaging {
            without_epoch(version)
        } else {
            installed_software(version, manager)
        };
        Version::parse(version).is_some_and(|version| self.requirement.allows(&version))
    }
}

impl std::fmt::Display for PackageVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Decode for PackageVersion {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let text = node.scalar().unwrap_or_default().trim().to_owned();
        // An epoch is no part of any version that a requirement knows.
        let known = if is_version(&text) {
            without_epoch(&text)
        } else {
            &text
        };
        let node = Node {
            kind: Kind::Scalar {
                text: known.to_owned(),
                plain: false,
            },
            place: node.place.clone(),
        };
        let requirement = VersionRequirement::decode(&node, context)?;
        Some(Self { requirement, text })
    }
}

/// Whether it is nothing but a version.
fn is_version(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains([',', '|', '*', ' '])
}

fn without_epoch(version: &str) -> &str {
    match version.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => version,
    }
}

/// The version of the software in a package.
fn software(version: &str, manager: Option<Manager>) -> &str {
    match manager {
        Some(Manager::Dpkg) => upstream(version),
        Some(Manager::Apk) => {
            let is_revision = |text: &&str| {
                let number = text.strip_prefix('r');
                number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
            };
            let (software, revision) = version.rsplit_once('-').unwrap_or((version, ""));
            if is_revision(&revision) {
                software
            } else {
                version
            }
        }
        Some(Manager::Pip | Manager::Conda | Manager::R) => version,
        None => without_epoch(version),
    }
}

/// The same of a version that is certainly one of a package.
fn installed_software(version: &str, manager: Option<Manager>) -> &str {
    let software = software(version, manager);
    if manager == Some(Manager::Dpkg) && software == without_epoch(version) {
        // A revision that is no number; in what people write it may belong to the software.
        return software.rsplit_once('-').map_or(software, |(it, _)| it);
    }
    software
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;
    use crate::yaml::parse;

    #[test]
    fn packaging_counts_where_it_is_written() {
        let (dpkg, apk) = (Some(Manager::Dpkg), Some(Manager::Apk));
        let r = Some(Manager::R);
        let table = [
            ("1.16.1", "1:1.16.1-2", dpkg, true),
            ("1.16.1", "1:1.16.1+dfsg-2", dpkg, true),
            ("1.16.1-2", "1:1.16.1-2", dpkg, true),
            ("1:1.16.1-2", "1:1.16.1-2", dpkg, true),
            ("1:1.16.1-3", "1:1.16.1-2", dpkg, false),
            ("2:1.16.1-2", "1:1.16.1-2", dpkg, false),
            ("1.16.1-2+b1", "1.16.1-2", dpkg, false),
            ("1.16.1-2", "1.16.1", dpkg, false),
            ("1.16.2-2", "1.16.1-2", dpkg, false),
            (">1.16.1", "1.16.1-2", dpkg, false),
            ("!=1.16.1", "1.16.1-2", dpkg, false),
            ("<1.16.1", "1.16.1-2", dpkg, false),
            (">=1.16.1-2", "1.16.1-2", dpkg, true),
            (">=1.16.1-3", "1.16.1-2", dpkg, false),
            ("!=1.16.1-3", "1.16.1-2", dpkg, true),
            ("1.16.*", "1:1.16.1-2", dpkg, true),
            ("1.16.1", "1.16.1-r2", dpkg, true),
            ("1.2.4", "1.2.4-r0", apk, true),
            ("1.2.4-r1", "1.2.4-r0", apk, false),
            ("1.2.4-r0", "1.2.4-r0", apk, true),
            (">1.2.4", "1.2.4-r0", apk, false),
            ("1.5-3", "1.5-3", r, true),
            ("1.5-4", "1.5-3", r, false),
            (">=1.5-4", "1.5-3", r, false),
            ("4.2", "4.2", None, true),
            ("1.2.3.post1", "1.2.3.post1", Some(Manager::Pip), true),
            ("1.2.3", "1.2.3.post1", Some(Manager::Pip), false),
        ];
        for (wanted, version, manager, allows) in table {
            let node = parse(&Source::new("t.yaml", format!("'{wanted}'"))).unwrap();
            let mut context = Context::default();
            let wanted = PackageVersion::decode(&node, &mut context);
            let wanted = wanted.unwrap_or_else(|| panic!("{:?}", context.into_diagnostics()));
            assert_eq!(
                wanted.allows(version, manager),
                allows,
                "{wanted} {version}"
            );
        }
    }
}
