//! What a version must be.

use std::fmt;

use super::compare::Version;

/// What a version must be, such as `>=1.16, <2`.
///
/// | form | holds for |
/// |---|---|
/// | `1.16.1`, `=1.16.1`, `==1.16.1` | this version; `1.16` is `1.16.0` but not `1.16.1` |
/// | `!=1.16.1` | any other |
/// | `<2`, `<=2`, `>1.16`, `>=1.16` | versions by their order |
/// | `^1.16` | at least 1.16, with the same first number that is not zero |
/// | `~1.16`, `~1.16.1` | at least this, with the same first two numbers; `~1` the same first |
/// | `1.16.*`, `!=1.16.*` | what begins with these numbers (or does not) |
/// | `*` | any version |
///
/// `,` joins comparators that must all hold, `||` alternatives. A release candidate comes before its
/// release, so `<2` holds for `2.0rc1`; `^1.16` does not.
#[derive(Debug, Clone)]
pub struct VersionRequirement {
    /// One of these must hold; each is a list of which all must. Neither is empty.
    alternatives: Vec<Vec<Comparator>>,
}

#[derive(Debug, Clone)]
struct Comparator {
    relation: Relation,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Caret,
    Tilde,
    /// Begins with so many numbers of the version.
    Within(usize),
    NotWithin(usize),
}

/// Why a text is no requirement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequirementError {
    /// A comparator that can't be read; empty where one is missing.
    #[error("not a requirement of a version: `{0}`")]
    NotAComparator(String),
    /// No version can fulfil this.
    #[error("no version can be {0}")]
    NeverHolds(String),
}

impl VersionRequirement {
    /// Reads a requirement.
    ///
    /// # Errors
    /// A comparator that is none, or bounds that exclude each other.
    pub fn parse(text: &str) -> Result<Self, RequirementError> {
        let alternatives: Result<Vec<Vec<Comparator>>, _> = text
            .split("||")
            .map(|all| all.split(',').map(Comparator::parse).collect())
            .collect();
        let alternatives = alternatives?;
        for all in &alternatives {
            if never_holds(all) {
                return Err(RequirementError::NeverHolds(joined(all)));
            }
        }
        Ok(Self { alternatives })
    }

    /// Whether `version` fulfils it.
    pub fn allows(&self, version: &Version) -> bool {
        let mut alternatives = self.alternatives.iter();
        alternatives.any(|all| all.iter().all(|one| one.allows(version)))
    }
}

impl Comparator {
    fn parse(text: &str) -> Result<Self, RequirementError> {
        let text = text.trim();
        let mistake = || RequirementError::NotAComparator(text.to_owned());
        let relations = [
            ("==", Relation::Equal),
            ("!=", Relation::NotEqual),
            ("<=", Relation::LessOrEqual),
            (">=", Relation::GreaterOrEqual),
            ("=", Relation::Equal),
            ("<", Relation::Less),
            (">", Relation::Greater),
            ("^", Relation::Caret),
            ("~", Relation::Tilde),
        ];
        let stripped = relations
            .into_iter()
            .find_map(|(sign, relation)| Some((relation, text.strip_prefix(sign)?)));
        let (relation, version) = stripped.unwrap_or((Relation::Equal, text));
        let version = version.trim_start();
        let prefix = match version {
            "*" => Some(""),
            _ => version.strip_suffix(".*"),
        };
        // In other tools a wildcard; here it would be a letter that no version has.
        if version.ends_with(['x', 'X']) && version[..version.len() - 1].ends_with('.') {
            return Err(mistake());
        }
        let Some(prefix) = prefix else {
            let version = Version::parse(version).ok_or_else(mistake)?;
            return Ok(Self { relation, version });
        };
        let version = Version::parse(if prefix.is_empty() { "0" } else { prefix });
        let version = version.filter(Version::is_plain).ok_or_else(mistake)?;
        let count = if prefix.is_empty() {
            0
        } else {
            version.written()
        };
        let relation = match relation {
            Relation::Equal => Relation::Within(count),
            Relation::NotEqual if count > 0 => Relation::NotWithin(count),
            _ => return Err(mistake()),
        };
        Ok(Self { relation, version })
    }

    fn allows(&self, actual: &Version) -> bool {
        let wanted = &self.version;
        match self.relation {
            Relation::Equal => actual == wanted,
            Relation::NotEqual => actual != wanted,
            Relation::Less => actual < wanted,
            Relation::LessOrEqual => actual <= wanted,
            Relation::Greater => actual > wanted,
            Relation::GreaterOrEqual => actual >= wanted,
            Relation::Caret | Relation::Tilde => {
                actual >= wanted && actual.same_numbers(wanted, self.kept())
            }
            Relation::Within(count) => actual.same_numbers(wanted, count),
            Relation::NotWithin(count) => !actual.same_numbers(wanted, count),
        }
    }

    /// How many numbers `^` and `~` keep as they are.
    fn kept(&self) -> usize {
        let written = self.version.written();
        match self.relation {
            Relation::Caret => {
                let first = (0..written).find(|at| !self.version.number(*at).is_zero());
                first.map_or(written, |at| at + 1)
            }
            _ => written.min(2),
        }
    }

    /// The least that it can allow, and whether that itself is allowed.
    fn lower(&self) -> Option<(Version, bool)> {
        match self.relation {
            Relation::Equal | Relation::GreaterOrEqual | Relation::Caret | Relation::Tilde => {
                Some((self.version.clone(), true))
            }
            Relation::Greater => Some((self.version.clone(), false)),
            _ => None,
        }
    }

    /// The most that it can allow, and whether that itself is allowed.
    fn upper(&self) -> Option<(Version, bool)> {
        match self.relation {
            Relation::Equal | Relation::LessOrEqual => Some((self.version.clone(), true)),
            Relation::Less => Some((self.version.clone(), false)),
            Relation::Caret | Relation::Tilde => {
                Some((self.version.after_numbers(self.kept()), false))
            }
            Relation::Within(count) if count > 0 => {
                Some((self.version.after_numbers(count), false))
            }
            _ => None,
        }
    }
}

/// Whether a lower bound lies above an upper one. Not every contradiction is found.
fn never_holds(all: &[Comparator]) -> bool {
    all.iter()
        .filter_map(Comparator::lower)
        .any(|(low, with_low)| {
            let mut uppers = all.iter().filter_map(Comparator::upper);
            uppers.any(|(high, with_high)| low > high || (low == high && !(with_low && with_high)))
        })
}

fn joined(all: &[Comparator]) -> String {
    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
    all.join(", ")
}

impl fmt::Display for Comparator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.relation {
            Relation::Within(0) => return f.write_str("*"),
            Relation::Within(_) => return write!(f, "{}.*", self.version),
            Relation::NotWithin(_) => return write!(f, "!={}.*", self.version),
            Relation::Equal => "",
            Relation::NotEqual => "!=",
            Relation::Less => "<",
            Relation::LessOrEqual => "<=",
            Relation::Greater => ">",
            Relation::GreaterOrEqual => ">=",
            Relation::Caret => "^",
            Relation::Tilde => "~",
        };
        write!(f, "{sign}{}", self.version)
    }
}

impl fmt::Display for VersionRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alternatives: Vec<String> = self.alternatives.iter().map(|all| joined(all)).collect();
        f.write_str(&alternatives.join(" || "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requirements() {
        // The requirement, what it allows, what it does not.
        let table: &[(&str, &[&str], &[&str])] = &[
            (
                ">=1.16, <2",
                &["1.16", "1.16.1", "1.99"],
                &["1.10.2", "1.9", "2", "2.0.1"],
            ),
            (
                "1.16.1",
                &["1.16.1", "v1.16.1", "1.16.1+x"],
                &["1.16", "1.16.10", "1.16.1-1"],
            ),
            ("=1.16", &["1.16", "1.16.0"], &["1.16.1", "1.16rc1"]),
            ("== 1.16", &["1.16.0"], &["1.16.1"]),
            ("!=1.16", &["1.15", "1.16.1"], &["1.16", "1.16.0"]),
            (
                ">0.7.17",
                &["0.7.17-r1188", "0.7.18"],
                &["0.7.17", "0.7.16"],
            ),
            (">=0.7.17", &["0.7.17-r1188", "0.7.17"], &["0.7.17-rc1"]),
            ("<=1.9", &["1.9", "1.9-beta", "1.8"], &["1.9a", "1.16"]),
            ("<2", &["1.16", "2.0rc1"], &["2", "2.0"]),
            (
                "^1.16",
                &["1.16", "1.16.1", "1.17", "1.20a"],
                &["1.9", "2.0", "2.0rc1", "1.16rc1"],
            ),
            ("^0.3", &["0.3", "0.3.9"], &["0.4", "1.3", "0.2"]),
            ("^0.0.3", &["0.0.3", "0.0.3.1"], &["0.0.4", "0.1"]),
            ("^0", &["0.1", "0.9"], &["1.0"]),
            ("^1", &["1.0", "1.99"], &["2", "0.9"]),
            ("~1.16", &["1.16", "1.16.9"], &["1.17", "1.15", "2.16"]),
            ("~1.16.1", &["1.16.1", "1.16.9"], &["1.16.0", "1.17"]),
            ("~1", &["1.0", "1.9"], &["2.0"]),
            (
                "1.16.*",
                &["1.16", "1.16.1", "1.16.1-1", "1.16rc1"],
                &["1.1", "1.17", "1.160"],
            ),
            ("=1.16.*", &["1.16.3"], &["1.17"]),
            ("!=1.16.*", &["1.17"], &["1.16.3"]),
            ("*", &["0", "1.2"], &[]),
            (">=1.16,!=1.17,<2", &["1.16", "1.18"], &["1.17", "2"]),
            ("~1.16 || >=3, <4", &["1.16.1", "3.5"], &["2", "4.0"]),
            ("1.1.1w", &["1.1.1w"], &["1.1.1", "1.1.1v"]),
            (">=1.8.0_300", &["1.8.0_352", "17.0.5"], &["1.8.0_92"]),
            (">=v1.2", &["1.2"], &["1.1"]),
            (
                ">=18446744073709551616",
                &["99999999999999999999999"],
                &["18446744073709551615"],
            ),
        ];
        for (text, allowed, refused) in table {
            let requirement = VersionRequirement::parse(text).unwrap();
            let allows = |version: &str| requirement.allows(&Version::parse(version).unwrap());
            for version in *allowed {
                assert!(allows(version), "{text} allows {version}");
            }
            for version in *refused {
                assert!(!allows(version), "{text} refuses {version}");
            }
            // What is shown is a requirement too, and the same one.
            let shown = VersionRequirement::parse(&requirement.to_string()).unwrap();
            assert_eq!(shown.to_string(), requirement.to_string());
        }
    }

    #[test]
    fn not_every_text_is_a_requirement() {
        let table = [
            "",
            " ",
            ",",
            ">=1.16,",
            "|| 1",
            ">=",
            "latest",
            "=>1.16",
            "~=1.16",
            "~>1.16",
            ">=1.16.*",
            ">=1.16 <2",
            "1.16 - 1.18",
            "1.*.2",
            "1.x",
            "^*",
            "!=*",
            "1.2rc1.*",
            "<>1",
            "^^1",
        ];
        for text in table {
            let parsed = VersionRequirement::parse(text);
            assert!(
                matches!(parsed, Err(RequirementError::NotAComparator(_))),
                "{text:?}: {parsed:?}"
            );
        }
    }

    #[test]
    fn bounds_that_exclude_each_other_are_told() {
        for text in [
            ">2, <1",
            ">=2, <2",
            ">2, <=2",
            "1.16, >2",
            "^1, >=2",
            "~1.16, >1.17",
            "1.16.*, >=2",
        ] {
            let parsed = VersionRequirement::parse(text);
            assert!(
                matches!(parsed, Err(RequirementError::NeverHolds(_))),
                "{text}"
            );
        }
        for text in [
            ">=2, <=2",
            ">1, <2",
            "^1, <2",
            "1.16.*, >=1.16.1",
            "1.16.*, <=1.16",
        ] {
            assert!(VersionRequirement::parse(text).is_ok(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_tried(text in "[ -~é]{0,30}", other in "[<>=^~!|, *.0-9xrc]{0,20}") {
            let _ = VersionRequirement::parse(&text);
            let _ = VersionRequirement::parse(&other);
        }
    }
}
