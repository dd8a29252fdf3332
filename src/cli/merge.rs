//! `seatrial merge`: makes one result of several.

use std::path::PathBuf;

use anstream::{AutoStream, ColorChoice, stream::RawStream};
use clap::Args;

use super::exit::Exit;
use super::reports::{CiArgs, ReportArgs, unwritten};
use super::session::Trouble;
use crate::event::Listener;
use crate::report::record::{Ended, Record};
use crate::report::{Ci, Console, ConsoleOptions, Counts, Document, Expected, join};

/// The arguments of `seatrial merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Results that `--json` or `--json-lines` wrote: of shards, of several images, of further
    /// attempts
    #[arg(required = true, value_name = "RESULT")]
    results: Vec<PathBuf>,
    /// How many shards there must be, or how many results if they are no shards; or the names of
    /// the images that must have results, with commas between them
    #[arg(long, value_name = "N|IMAGES", value_parser = expected)]
    expect_shards: Option<Expected>,
    #[command(flatten)]
    reports: ReportArgs,
    #[command(flatten)]
    ci: CiArgs,
}

/// Runs `seatrial merge`.
pub fn run(args: &MergeArgs) -> Exit {
    attempt(args).unwrap_or_else(Trouble::tell)
}

fn attempt(args: &MergeArgs) -> Result<Exit, Trouble> {
    args.reports.apart(&args.results)?;
    // Whatever an earlier run left there must not be taken for this result.
    let reports = args.reports.open()?.and(args.ci.step_summary());
    let read = args.results.iter().map(read).collect::<Result<_, _>>()?;
    let invalid = |error| Trouble::new(Exit::InvalidSpec, error);
    let expected = args.expect_shards.clone().unwrap_or_default();
    let joined = join(read, &expected).map_err(invalid)?;
    if args.reports.to_stdout() {
        show(&joined, std::io::stderr(), args.ci.ci());
    } else {
        show(&joined, std::io::stdout(), args.ci.ci());
    }
    reports
        .write(&joined)
        .map_err(|errors| unwritten(&errors))?;
    Ok(exit(&joined))
}

fn expected(text: &str) -> Result<Expected, String> {
    if let Ok(count) = text.parse::<u16>() {
        return match count {
            0 => Err("at least one result must be there".to_owned()),
            _ => Ok(Expected::Count(count.into())),
        };
    }
    let images: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    if images.iter().any(String::is_empty) {
        return Err("it is a number, or names of images with commas between them".to_owned());
    }
    Ok(Expected::Images(images))
}

fn read(path: &PathBuf) -> Result<Document, Trouble> {
    let file = path.display().to_string();
    let invalid = |error: &dyn std::fmt::Display| {
        Trouble::new(Exit::InvalidSpec, format!("can't use {file}: {error}"))
    };
    let bytes = std::fs::read(path).map_err(|error| invalid(&error))?;
    let record = Record::from_document(&bytes).map_err(|error| invalid(&error))?;
    Ok(Document { file, record })
}

fn show(record: &Record, stream: impl RawStream + Send, ci: Option<Ci>) {
    let options = ConsoleOptions {
        quiet: true,
        colour: AutoStream::choice(&stream) != ColorChoice::Never,
        results: Some(record.joined.unwrap_or(1)),
        live: false,
        ci,
    };
    let console = Console::new(stream, options);
    let events = record.events();
    events.iter().for_each(|event| console.on(event));
}

/// As a run that came to this would have ended.
fn exit(record: &Record) -> Exit {
    let counts = Counts::from(record.counts);
    match record.ended {
        Ended::Signal { number } => Exit::Signal(number),
        _ if record.unaffected().is_some() => Exit::AllPassed,
        _ if counts.total() == 0 => Exit::NothingSelected,
        _ if counts.failed > 0 => Exit::Failed,
        _ if counts.errors > 0 || record.left_behind.is_some() => Exit::Harness,
        _ => Exit::AllPassed,
    }
}
