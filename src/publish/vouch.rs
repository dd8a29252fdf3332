//! Whether what is attached to an image vouches for it.

use std::collections::BTreeSet;

use super::attestation::{Outcome, PREDICATE, Resource, STATEMENT, Statement};

/// What an image must be vouched for by.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The digest of its manifest: `sha256:…`.
    pub digest: &'a str,
    /// The specs that have its checks now.
    pub specs: &'a [Resource],
    /// The whole names of its checks now.
    pub checks: &'a [String],
}

/// The best that the statements say of the image: that it passed, or that it did with warnings.
///
/// # Errors
/// Why none of them vouches for it; of the last, which is the newest where a registry keeps order.
pub fn vouched(statements: &[Statement], wanted: &Wanted<'_>) -> Result<Outcome, String> {
    let mut best = Err("no test result is attached to it".to_owned());
    for statement in statements {
        match (one(statement, wanted), &best) {
            (Ok(Outcome::Passed), _) => return Ok(Outcome::Passed),
            (Ok(outcome), _) => best = Ok(outcome),
            (Err(_), Ok(_)) => {}
            (Err(why), Err(_)) => best = Err(why),
        }
    }
    best
}

fn one(statement: &Statement, wanted: &Wanted<'_>) -> Result<Outcome, String> {
    let Statement {
        kind,
        subject,
        predicate_type,
        predicate,
    } = statement;
    if kind != STATEMENT || predicate_type != PREDICATE {
        return Err(format!("what is attached to it is a {predicate_type}"));
    }
    let hex = wanted.digest.strip_prefix("sha256:");
    let is_meant = |it: &Resource| it.digest.get("sha256").map(String::as_str) == hex;
    if hex.is_none() || !subject.iter().any(is_meant) {
        let other = subject.first().and_then(|it| it.digest.get("sha256"));
        let other = other.map_or("nothing", String::as_str);
        return Err(format!(
            "the test result attached to it is about another image: sha256:{}",
            other.chars().take(12).collect::<String>()
        ));
    }
    if predicate.result == Outcome::Failed || !predicate.failed_tests.is_empty() {
        return Err(format!(
            "its tests failed: {} of them",
            predicate.failed_tests.len()
        ));
    }
    let set = |specs: &[Resource]| -> BTreeSet<(String, Option<String>)> {
        let digest = |it: &Resource| it.digest.get("sha256").cloned();
        specs
            .iter()
            .map(|it| (it.name.clone(), digest(it)))
            .collect()
    };
    let (then, now) = (set(&predicate.configuration), set(wanted.specs));
    if let Some((path, _)) = then.symmetric_difference(&now).next() {
        return Err(format!("it was tested by other specs: {path} has changed"));
    }
    let tested = predicate.passed_tests.iter().chain(&predicate.warned_tests);
    let tested: BTreeSet<&String> = tested.collect();
    if let Some(lacking) = wanted.checks.iter().find(|name| !tested.contains(name)) {
        return Err(format!("it was tested without the check `{lacking}`"));
    }
    if predicate.passed_tests.is_empty() && predicate.warned_tests.is_empty() {
        return Err("no check is named in its test result".to_owned());
    }
    Ok(predicate.result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::attestation::TestResult;

    const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaa";

    fn statement() -> Statement {
        Statement {
            kind: STATEMENT.to_owned(),
            subject: vec![
                Resource::new("x/other", "bb"),
                Resource::new("x/sv", DIGEST),
            ],
            predicate_type: PREDICATE.to_owned(),
            predicate: TestResult {
                result: Outcome::Passed,
                configuration: vec![Resource::new("a.yaml", "1"), Resource::new("b.yaml", "2")],
                url: None,
                passed_tests: vec!["sv::one".to_owned()],
                warned_tests: vec!["sv::two".to_owned()],
                failed_tests: Vec::new(),
            },
        }
    }

    fn judged(statements: &[Statement]) -> Result<Outcome, String> {
        let specs = [Resource::new("b.yaml", "2"), Resource::new("a.yaml", "1")];
        let checks = ["sv::one".to_owned(), "sv::two".to_owned()];
        let wanted = Wanted {
            digest: DIGEST,
            specs: &specs,
            checks: &checks,
        };
        vouched(statements, &wanted)
    }

    type Change = fn(&mut Statement);

    #[test]
    fn only_a_result_of_this_image_and_these_specs_vouches() {
        let table: &[(Change, &str)] = &[
            (|it| it.kind = "x".into(), "what is attached to it is a"),
            (
                |it| it.predicate_type = "https://x/y".into(),
                "is a https://x/y",
            ),
            (
                |it| _ = it.subject.pop(),
                "is about another image: sha256:bb",
            ),
            (|it| it.subject.clear(), "is about another image"),
            (
                |it| it.predicate.result = Outcome::Failed,
                "its tests failed",
            ),
            (
                |it| it.predicate.failed_tests.push("sv::x".into()),
                "its tests failed: 1",
            ),
            (
                |it| it.predicate.configuration[1] = Resource::new("b.yaml", "3"),
                "other specs: b.yaml has changed",
            ),
            (
                |it| _ = it.predicate.configuration.pop(),
                "other specs: b.yaml",
            ),
            (
                |it| {
                    let more = Resource::new("c.yaml", "3");
                    it.predicate.configuration.push(more);
                },
                "other specs: c.yaml",
            ),
            (
                |it| it.predicate.warned_tests.clear(),
                "without the check `sv::two`",
            ),
        ];
        for (change, message) in table {
            let mut bad = statement();
            change(&mut bad);
            let why = judged(&[bad.clone()]).unwrap_err();
            assert!(why.contains(message), "{message}: {why}");
            // One that does is enough.
            assert_eq!(
                judged(&[bad.clone(), statement(), bad]),
                Ok(Outcome::Passed)
            );
        }
        let mut warned = statement();
        warned.predicate.result = Outcome::Warned;
        assert_eq!(judged(&[warned.clone()]), Ok(Outcome::Warned));
        assert_eq!(judged(&[warned, statement()]), Ok(Outcome::Passed));
        let why = judged(&[]).unwrap_err();
        assert_eq!(why, "no test result is attached to it");
    }
}
