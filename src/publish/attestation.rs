//! What is said of a published image: an in-toto statement of a test result.
//!
//! <https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md>

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::gate::Decision;
use crate::plan::Plan;
use crate::spec::Sha256Digest;

/// The type of the statement.
pub const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// The type of what it says.
pub const PREDICATE: &str = "https://in-toto.io/attestation/test-result/v0.1";
/// The media type of a statement.
pub const MEDIA_TYPE: &str = "application/vnd.in-toto+json";

/// An in-toto statement (v1) about an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// [`STATEMENT`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// The image, once for each registry that has it.
    pub subject: Vec<Resource>,
    /// [`PREDICATE`].
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// What it came to.
    pub predicate: TestResult,
}

/// Something by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Its name: a repository without a tag, or the path of a spec.
    pub name: String,
    /// Its digests, by algorithm, in hexadecimal.
    pub digest: BTreeMap<String, String>,
}

/// What a test came to, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// All checks passed.
    Passed,
    /// Some were skipped or passed late, as the specs allow.
    Warned,
    /// Something stands in the way.
    Failed,
}

/// The result of a test, version 0.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// What it came to.
    pub result: Outcome,
    /// The specs.
    pub configuration: Vec<Resource>,
    /// Where the run can be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The checks that passed.
    #[serde(default)]
    pub passed_tests: Vec<String>,
    /// The checks that were skipped as the specs say, failed as known, or passed late.
    #[serde(default)]
    pub warned_tests: Vec<String>,
    /// The checks that stand in the way, those that should have run and did not among them.
    #[serde(default)]
    pub failed_tests: Vec<String>,
}

impl Resource {
    /// Named `name`, with this SHA-256 digest; `sha256:` before it is left out.
    pub fn new(name: impl Into<String>, sha256: &str) -> Self {
        let hex = sha256.strip_prefix("sha256:").unwrap_or(sha256);
        let digest = BTreeMap::from([("sha256".to_owned(), hex.to_owned())]);
        Self {
            name: name.into(),
            digest,
        }
    }
}

impl Statement {
    /// Of an image, whose manifest has `digest`, in these repositories.
    pub fn new(
        repositories: &[String],
        digest: &str,
        decision: &Decision,
        configuration: Vec<Resource>,
        url: Option<String>,
    ) -> Self {
        let result = if !decision.is_accepted() {
            Outcome::Failed
        } else if decision.warned.is_empty() {
            Outcome::Passed
        } else {
            Outcome::Warned
        };
        let subject = repositories.iter();
        Self {
            kind: STATEMENT.to_owned(),
            subject: subject.map(|name| Resource::new(name, digest)).collect(),
            predicate_type: PREDICATE.to_owned(),
            predicate: TestResult {
                result,
                configuration,
                url,
                passed_tests: decision.passed.clone(),
                warned_tests: decision.warned.iter().map(|it| it.0.clone()).collect(),
                failed_tests: decision.failed.clone(),
            },
        }
    }

    /// As JSON, the same bytes for the same statement.
    ///
    /// # Errors
    /// Never for values that this program made.
    pub fn to_json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl TestResult {
    /// As JSON, for programs that make the statement themselves.
    ///
    /// # Errors
    /// Never for values that this program made.
    pub fn to_json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// The spec files that say what is checked of an image, with their digests.
pub fn configuration(plan: &Plan, image: &str) -> Vec<Resource> {
    let images = plan.images.iter().filter(|it| it.name == image);
    let files: BTreeMap<String, String> = images
        .flat_map(|image| &image.specs)
        .map(|source| {
            let digest = Sha256::new_with_prefix(source.text().as_bytes());
            (
                source.path().to_string_lossy().into_owned(),
                Sha256Digest::from(digest).hex().to_owned(),
            )
        })
        .collect();
    let files = files.into_iter();
    files
        .map(|(path, sha256)| Resource::new(path, &sha256))
        .collect()
}
