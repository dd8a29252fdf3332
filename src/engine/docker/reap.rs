//! Removes what dead runs left on the engine, and touches nothing else.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::query_parameters::ListContainersOptionsBuilder;
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::connection::Connection;
use super::container::Container;
use super::ending::cleared_up;
use super::owner::{Labelled, RUN_LABEL};
use super::steps::step;
use crate::engine::EngineError;

/// More removals at once only make the engine wait for itself.
const AT_ONCE: usize = 4;

/// What dead runs leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A container.
    Container,
    /// A folder among the temporary files.
    Folder,
    /// A control group of the embedded engine.
    ControlGroup,
}

/// Something that a run has made, of this time or an earlier one.
#[derive(Debug, Clone)]
pub struct Leftover {
    /// What it is.
    pub what: What,
    /// Its name, for a folder its path.
    pub name: String,
    /// What it served; empty if that is always the same.
    pub purpose: String,
    /// Why it is removed or left.
    pub reason: String,
}

/// What came of cleaning. In a dry run, `removed` is what would be.
#[derive(Debug, Default)]
pub struct Cleaned {
    /// What is gone.
    pub removed: Vec<Leftover>,
    /// What may be in use.
    pub left: Vec<Leftover>,
    /// What is in nobody's use and could not be removed, and why.
    pub failed: Vec<(Leftover, String)>,
}

/// How much is done for it.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// How long it may take in all, beyond the time for looking.
    pub limit: Duration,
    /// How often to look, until nothing of a dead run is seen: removals take their time, and an
    /// engine may still be creating what was asked for last.
    pub looks: usize,
    /// How long to wait before looking again.
    pub pause: Duration,
    /// Whether something of a dead run was seen already, elsewhere.
    pub suspicion: bool,
}

/// Tells what containers there are of dead runs and of living ones, and removes none.
///
/// # Errors
/// When the engine does not answer.
pub async fn find_containers(connection: &Connection) -> Result<Cleaned, EngineError> {
    let (dead, left) = look(connection).await?;
    Ok(Cleaned {
        removed: dead,
        left,
        failed: Vec::new(),
    })
}

/// Removes the containers of dead runs. Several may do so at once.
///
/// # Errors
/// When the engine does not answer. What it refuses to remove is told in the result.
pub async fn clean_containers(
    connection: &Connection,
    effort: Effort,
) -> Result<Cleaned, EngineError> {
    let until = Instant::now() + effort.limit;
    let mut removed = BTreeMap::new();
    let mut cleaned = Cleaned::default();
    for count in 0..effort.looks {
        let (dead, left) = look(connection).await?;
        let is_quiet = dead.is_empty();
        cleaned.left = left;
        cleaned.failed.clear();
        let mut removals = futures_util::stream::iter(dead)
            .map(|leftover| remove(connection, leftover, until))
            .buffer_unordered(AT_ONCE);
        while let Some((leftover, result)) = removals.next().await {
            match result {
                // Seen twice when its removal was still going on.
                Ok(()) => _ = removed.insert(leftover.name.clone(), leftover),
                Err(reason) => cleaned.failed.push((leftover, reason)),
            }
        }
        let is_settled = is_quiet && (count > 0 || !effort.suspicion);
        if is_settled || Instant::now() + effort.pause >= until {
            break;
        }
        tokio::time::sleep(effort.pause).await;
    }
    for (leftover, _) in &cleaned.failed {
        removed.remove(&leftover.name);
    }
    cleaned.removed = removed.into_values().collect();
    Ok(cleaned)
}

async fn remove(
    connection: &Connection,
    leftover: Leftover,
    until: Instant,
) -> (Leftover, Result<(), String>) {
    let container = Container {
        connection,
        name: leftover.name.clone(),
    };
    let result = match timeout_at(until, container.remove()).await {
        Ok(Ok(())) => Ok(()),
        // Somebody else is at it.
        Ok(Err(error)) if error.to_string().contains("is already in progress") => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the engine took too long".to_owned()),
    };
    (leftover, result)
}

/// One request: the containers of dead runs, and those that may be in use.
async fn look(connection: &Connection) -> Result<(Vec<Leftover>, Vec<Leftover>), EngineError> {
    let options = ListContainersOptionsBuilder::default()
        .all(true)
        .filters(&HashMap::from([("label", vec![RUN_LABEL])]))
        .build();
    let docker = connection.docker();
    let request = cleared_up(|| docker.list_containers(Some(options.clone())));
    let found = step(connection, "list the containers", request).await?;
    let (mut dead, mut left) = (Vec::new(), Vec::new());
    for container in found {
        let names = container.names.unwrap_or_default();
        let labels = container.labels.unwrap_or_default();
        let Some(labelled) = Labelled::read(&names, &labels) else {
            continue;
        };
        let place = if labelled.fate.is_over() {
            &mut dead
        } else {
            &mut left
        };
        place.push(Leftover {
            what: What::Container,
            name: labelled.name,
            purpose: labelled.purpose,
            reason: labelled.reason,
        });
    }
    Ok((dead, left))
}
