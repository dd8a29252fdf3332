//! Results that a file has: what `seatrial test --json` wrote.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::report::record::{Record, RecordError, SealError, check_seal};

/// Why a file vouches for nothing.
#[derive(Debug, thiserror::Error)]
#[error("can't use the result {}: {why}", .file.display())]
pub struct ResultsError {
    file: PathBuf,
    why: Why,
}

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    #[error("{0}")]
    Seal(#[from] SealError),
    #[error("{0}")]
    Record(#[from] RecordError),
    #[error("{0}")]
    Contradiction(String),
}

/// Reads a result that is to vouch for images. `key` is the one that results are sealed with.
///
/// # Errors
/// When it was edited, is cut off, or contradicts itself.
pub fn read_results(path: &Path, key: Option<&[u8]>) -> Result<Record, ResultsError> {
    read(path, key).map_err(|why| ResultsError {
        file: path.to_owned(),
        why,
    })
}

fn read(path: &Path, key: Option<&[u8]>) -> Result<Record, Why> {
    let bytes = std::fs::read(path)?;
    // What is no result at all is told first: no seal can help it.
    let record = Record::from_json(&bytes)?;
    check_seal(&bytes, key)?;
    contradictions(&bytes)?;
    Ok(record)
}

/// What the types of a record pass over: a check that passed has nothing to say for itself.
fn contradictions(bytes: &[u8]) -> Result<(), Why> {
    let document: Value = serde_json::from_slice(bytes).map_err(RecordError::from)?;
    let checks = document["checks"].as_array().into_iter().flatten();
    for check in checks {
        let has = |key: &str| check.get(key).is_some();
        let (foreign, is_known) = match check["verdict"].as_str().unwrap_or_default() {
            "passed" => (["findings", "problem", "reason"].as_slice(), true),
            "failed" => (["problem", "reason"].as_slice(), true),
            "error" => (["findings", "reason"].as_slice(), true),
            "skipped" => (["findings", "problem"].as_slice(), true),
            _ => ([].as_slice(), false),
        };
        let name = format!(
            "{}::{}",
            check["image"].as_str().unwrap_or_default(),
            check["name"].as_str().unwrap_or_default()
        );
        if !is_known || foreign.iter().any(|key| has(key)) {
            let message = format!("the check {name} has what a check of its verdict can't have");
            return Err(Why::Contradiction(message));
        }
        // Whatever passed was performed by somebody.
        if check["verdict"] == "passed" && !has("worker") && !is_cached(check) {
            let message = format!("the check {name} passed, and was never begun");
            return Err(Why::Contradiction(message));
        }
    }
    Ok(())
}

fn is_cached(check: &Value) -> bool {
    check["cached"] == true
}
