//! What is known of a run beside its checks.

use serde::Serialize;

use super::words;
use crate::report::record::{Ended, Record, SelectionRecord};
use crate::report::text::page_text;
use crate::words::count;

/// A name and a value.
#[derive(Debug, Serialize)]
pub(super) struct Fact {
    name: &'static str,
    value: String,
    /// Whether the value is one for machines.
    code: bool,
}

impl Fact {
    pub(super) fn text(name: &'static str, value: &str) -> Self {
        let value = page_text(value);
        let code = false;
        Self { name, value, code }
    }

    pub(super) fn code(name: &'static str, value: &str) -> Self {
        let code = true;
        Self {
            code,
            ..Self::text(name, value)
        }
    }
}

/// Everything of the run, in the order of its use.
pub(super) fn of_run(record: &Record) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some(engine) = &record.engine {
        facts.push(Fact::text(
            "engine",
            &format!("{} {}", engine.kind, engine.version),
        ));
        facts.push(Fact::text("platform", &engine.platform));
    }
    facts.push(Fact::text("started", &words::date(record.started)));
    facts.push(Fact::text("took", &words::time(record.duration)));
    facts.push(Fact::text("ended", &ended(record.ended)));
    facts.push(Fact::text("at once", &count(record.threads, "check")));
    facts.push(Fact::text("selected", &selected(record)));
    if let Some(shard) = &record.shard {
        let elsewhere = count(shard.elsewhere.len(), "check");
        let text = format!("{} of {}; {elsewhere} elsewhere", shard.number, shard.total);
        facts.push(Fact::text("shard", &text));
    }
    if let Some(joined) = record.joined {
        facts.push(Fact::text("joined from", &count(joined, "result")));
    }
    if let Some(hostname) = &record.hostname {
        facts.push(Fact::text("machine", hostname));
    }
    facts.push(Fact::text("seatrial", &record.seatrial));
    facts
}

/// How the run ended, in words.
pub(super) fn ended(ended: Ended) -> String {
    match ended {
        Ended::Complete => "complete".to_owned(),
        Ended::Signal { number } => format!("stopped by signal {number}"),
        Ended::Deadline { after } => {
            format!("stopped at its deadline, after {}", words::time(after))
        }
        Ended::Failures { limit } => {
            let checks = count(limit as usize, "check");
            format!("stopped after {checks} that did not pass")
        }
        Ended::Unfinished => "it goes on, or it was killed".to_owned(),
    }
}

fn selected(record: &Record) -> String {
    let SelectionRecord {
        selected,
        filtered,
        filter,
        exact,
        skip,
        tags,
        skip_tags,
        failed,
        unaffected: _,
    } = &record.selection;
    let mut parts = vec![count(*selected, "check")];
    if let Some(filter) = filter {
        let how = if *exact { "named" } else { "with" };
        parts.push(format!("{how} “{filter}”"));
    }
    for (words, means) in [
        (skip, "without"),
        (tags, "tagged"),
        (skip_tags, "not tagged"),
    ] {
        if !words.is_empty() {
            parts.push(format!("{means} {}", words.join(", ")));
        }
    }
    if *failed {
        parts.push("that did not pass before".to_owned());
    }
    if *filtered > 0 {
        parts.push(format!("{filtered} left out"));
    }
    parts.join(", ")
}
