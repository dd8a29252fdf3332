//! Which results belong together, which contradict each other, and what is missing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{Duration, SystemTime};

use super::attempts::{decide, is_broken_off};
use crate::report::record::{
    CaseRecord, CheckRecord, CountsRecord, Ended, EngineRecord, Record, SelectionRecord,
};

/// A result and the name of the file that it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The file.
    pub file: String,
    /// What it says.
    pub record: Record,
}

/// Why results can't be joined.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// There is nothing to join.
    #[error("there is no result")]
    Nothing,
    /// One name stands for two images.
    #[error(
        "the image {image} is not the same in all results: it is {} in {}, and {} in {}",
        .one.0, .one.1, .other.0, .other.1
    )]
    OtherImage {
        /// The name.
        image: String,
        /// An id, and a file that has it.
        one: (String, String),
        /// Another.
        other: (String, String),
    },
    /// The parts are not of one whole.
    #[error("{} is one of {} shards, and {} is one of {}", .one.1, .one.0, .other.1, .other.0)]
    OtherShards {
        /// How many shards there are, and a file that says so.
        one: (usize, String),
        /// Another.
        other: (usize, String),
    },
}

/// What a joined result must be made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Expected {
    /// Whatever there is, if it says nothing of more.
    #[default]
    Anything,
    /// So many shards, or results if they are no shards.
    Count(usize),
    /// Checks of each of these images.
    Images(Vec<String>),
}

type Name = (String, String);

/// Makes one result of several: of the shards of a run, of the runs of several images, of further
/// attempts. What is missing of that or of what is `expected` is an error in it.
///
/// # Errors
/// When they contradict each other.
pub fn join(mut documents: Vec<Document>, expected: &Expected) -> Result<Record, JoinError> {
    documents.sort_by(|one, other| {
        let key = |document: &Document| (document.record.started, document.file.clone());
        key(one).cmp(&key(other))
    });
    // The same result under two names is one result.
    let mut distinct: Vec<Document> = Vec::new();
    for document in documents {
        if !distinct.iter().any(|known| known.record == document.record) {
            distinct.push(document);
        }
    }
    same_images(&distinct)?;
    let shards = same_shards(&distinct)?;
    let mut missing = missing_results(&distinct, shards, expected);
    let mut joined = match <[Document; 1]>::try_from(distinct) {
        Ok([only]) => {
            let left = left_out(&[&only.record], &only.record.checks);
            let mut record = only.record;
            record.checks.extend(left);
            record
        }
        Err(documents) => {
            let mut record = together(&documents).ok_or(JoinError::Nothing)?;
            for document in &documents {
                let more = document.record.missing.iter();
                missing.extend(more.map(|what| format!("{}: {what}", document.file)));
            }
            record.joined = Some(documents.len());
            record
        }
    };
    joined.missing.extend(missing);
    joined.shard = None;
    joined.selection.selected = joined.checks.len();
    joined.counts = CountsRecord::of(&joined.checks, joined.missing.len());
    Ok(joined)
}

fn same_images(documents: &[Document]) -> Result<(), JoinError> {
    let mut known: HashMap<&str, (&str, &str)> = HashMap::new();
    for Document { file, record } in documents {
        for image in &record.images {
            let Some(id) = &image.id else { continue };
            let (known_id, known_file) = *known.entry(&image.name).or_insert((id, file));
            if known_id != id {
                return Err(JoinError::OtherImage {
                    image: image.name.clone(),
                    one: (known_id.to_owned(), known_file.to_owned()),
                    other: (id.clone(), file.clone()),
                });
            }
        }
    }
    Ok(())
}

/// How many shards there are, if any result is one.
fn same_shards(documents: &[Document]) -> Result<Option<usize>, JoinError> {
    let mut known: Option<(usize, &str)> = None;
    for Document { file, record } in documents {
        let Some(shard) = &record.shard else { continue };
        let (total, known_file) = *known.get_or_insert((shard.total, file));
        if total != shard.total {
            return Err(JoinError::OtherShards {
                one: (total, known_file.to_owned()),
                other: (shard.total, file.clone()),
            });
        }
    }
    Ok(known.map(|(total, _)| total))
}

fn missing_results(
    documents: &[Document],
    shards: Option<usize>,
    expected: &Expected,
) -> Vec<String> {
    let mut missing = Vec::new();
    if let Expected::Images(images) = expected {
        let there = documents.iter().flat_map(|it| &it.record.checks);
        let there: HashSet<&str> = there.map(|check| check.case.image.as_str()).collect();
        let absent = images
            .iter()
            .filter(|image| !there.contains(image.as_str()));
        missing.extend(absent.map(|image| format!("there is no result of the image {image}")));
    }
    let expected = match expected {
        Expected::Count(count) => Some(*count),
        Expected::Anything | Expected::Images(_) => None,
    };
    let Some(total) = shards else {
        let there = documents.len();
        if let Some(expected) = expected.filter(|expected| *expected > there) {
            missing.push(format!(
                "{expected} results are expected, and there are {there}"
            ));
        }
        return missing;
    };
    if let Some(expected) = expected.filter(|expected| *expected != total) {
        missing.push(format!(
            "{expected} shards are expected, and there are {total}"
        ));
    }
    let there = documents.iter().filter_map(|it| it.record.shard.as_ref());
    let there: BTreeSet<usize> = there.map(|shard| shard.number).collect();
    let absent = (1..=total).filter(|number| !there.contains(number));
    missing.extend(absent.map(|number| format!("there is no result of shard {number}/{total}")));
    missing
}

/// Errors for the checks that were left to others, and that no result has.
fn left_out(records: &[&Record], checks: &[CheckRecord]) -> Vec<CheckRecord> {
    let name = |case: &CaseRecord| (case.image.clone(), case.name.clone());
    let mut known: HashSet<Name> = checks.iter().map(|check| name(&check.case)).collect();
    let shards = records.iter().filter_map(|record| record.shard.as_ref());
    let elsewhere = shards.flat_map(|shard| &shard.elsewhere);
    elsewhere
        .filter(|case| known.insert(name(case)))
        .map(|case| {
            let message = "not run: it was left to another shard, whose result is missing";
            CheckRecord::undecided(case.clone(), "missing", message)
        })
        .collect()
}

/// All of them as one. `missing`, `selected` and the counts are for the caller to fill in.
fn together(documents: &[Document]) -> Option<Record> {
    let records: Vec<&Record> = documents.iter().map(|document| &document.record).collect();
    let first = *records.first()?;
    let mut joined = first.clone();
    joined.missing.clear();
    joined.seatrial = listed(records.iter().map(|record| Some(record.seatrial.as_str())))?;
    joined.hostname = listed(records.iter().map(|record| record.hostname.as_deref()));
    joined.left_behind = listed(records.iter().map(|record| record.left_behind.as_deref()));
    joined.engine = engine(&records);
    let threads = records.iter().map(|record| record.threads);
    joined.threads = threads.fold(0, usize::saturating_add);
    joined.selection = selection(&records);
    let ends = records.iter().map(|record| {
        let since = since(first, record);
        since.saturating_add(record.duration.into())
    });
    joined.duration = ends.max().unwrap_or_default().into();

    joined.images.clear();
    for image in records.iter().flat_map(|record| &record.images) {
        match joined.images.iter_mut().find(|it| it.name == image.name) {
            None => joined.images.push(image.clone()),
            Some(known) if known.id.is_none() => *known = image.clone(),
            Some(_) => {}
        }
    }

    let specs = records.iter().flat_map(|record| record.specs.clone());
    joined.specs = BTreeSet::from_iter(specs).into_iter().collect();
    joined.checks = checks(first, &records);
    let left = left_out(&records, &joined.checks);
    joined.checks.extend(left);
    let indexes: BTreeSet<usize> = joined.checks.iter().map(|it| it.case.index).collect();
    if indexes.len() == joined.checks.len() {
        // They are of one plan.
        joined.checks.sort_by_key(|check| check.case.index);
    }
    joined.ended = ended(&records, &joined.checks);
    Some(joined)
}

/// What the attempts at each check come to, in the order in which they are named first.
fn checks(first: &Record, records: &[&Record]) -> Vec<CheckRecord> {
    let mut order: BTreeMap<Name, usize> = BTreeMap::new();
    let mut attempts: Vec<Vec<CheckRecord>> = Vec::new();
    let mut workers = 0;
    for record in records {
        let since = since(first, record);
        for check in &record.checks {
            let mut check = check.clone();
            check.offset = since.saturating_add(check.offset.into()).into();
            check.worker = check.worker.map(|worker| worker.saturating_add(workers));
            let name = (check.case.image.clone(), check.case.name.clone());
            let at = *order.entry(name).or_insert(attempts.len());
            if at == attempts.len() {
                attempts.push(Vec::new());
            }
            attempts[at].push(check);
        }
        let most = record.checks.iter().filter_map(|check| check.worker).max();
        workers = most.map_or(workers, |most| {
            workers.saturating_add(most).saturating_add(1)
        });
    }
    attempts.into_iter().filter_map(decide).collect()
}

/// How much later a run began than the first.
fn since(first: &Record, record: &Record) -> Duration {
    let (first, began) = (SystemTime::from(first.started), record.started.into());
    SystemTime::duration_since(&began, first).unwrap_or_default()
}

/// What broke off the runs whose gaps no other run has filled.
fn ended(records: &[&Record], checks: &[CheckRecord]) -> Ended {
    let open: HashSet<Name> = checks
        .iter()
        .filter(|check| is_broken_off(check))
        .map(|check| (check.case.image.clone(), check.case.name.clone()))
        .collect();
    let has_gap = |record: &Record| {
        let mut names = record.checks.iter().map(|check| &check.case);
        names.any(|case| open.contains(&(case.image.clone(), case.name.clone())))
    };
    let weight = |ended: &Ended| match ended {
        Ended::Complete => 0,
        Ended::Failures { .. } => 1,
        Ended::Deadline { .. } => 2,
        Ended::Unfinished => 3,
        Ended::Signal { .. } => 4,
    };
    let ends = records.iter().filter(|record| has_gap(record));
    let ends = ends.map(|record| record.ended);
    ends.max_by_key(weight).unwrap_or(Ended::Complete)
}

fn engine(records: &[&Record]) -> Option<EngineRecord> {
    let engines = || records.iter().map(|record| record.engine.as_ref());
    Some(EngineRecord {
        kind: listed(engines().map(|engine| Some(engine?.kind.as_str())))?,
        version: listed(engines().map(|engine| Some(engine?.version.as_str())))?,
        platform: listed(engines().map(|engine| Some(engine?.platform.as_str())))?,
        beside: listed(engines().map(|engine| engine?.beside.as_deref())),
    })
}

/// What was asked for, as far as it was the same for all.
fn selection(records: &[&Record]) -> SelectionRecord {
    let neutral = |record: &Record| SelectionRecord {
        selected: 0,
        filtered: 0,
        ..record.selection.clone()
    };
    let mut all = records.iter().map(|record| neutral(record));
    let first = all.next().unwrap_or_default();
    let filtered = records.iter().map(|record| record.selection.filtered);
    SelectionRecord {
        filtered: filtered.max().unwrap_or_default(),
        ..if all.all(|other| other == first) {
            first
        } else {
            SelectionRecord::default()
        }
    }
}

/// Each of them once, in the order in which they come.
fn listed<'a>(all: impl Iterator<Item = Option<&'a str>>) -> Option<String> {
    let mut known: Vec<&str> = Vec::new();
    for one in all.flatten() {
        if !known.contains(&one) {
            known.push(one);
        }
    }
    (!known.is_empty()).then(|| known.join(", "))
}
