//! The arguments that say which reports are written, of `seatrial test` and `seatrial merge`.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, ValueEnum, value_parser};

use super::exit::Exit;
use super::session::{Trouble, env};
use crate::report::{Ci, FORMATS, Format, ReportError, Reports, StepSummary, Target};

/// Which reports are wanted, and where: an option for each of [`FORMATS`].
#[derive(Debug, Default)]
pub(super) struct ReportArgs {
    wanted: Vec<(&'static Format, Target)>,
}

/// What CI systems are told beside the reports.
#[derive(Debug, clap::Args)]
pub(super) struct CiArgs {
    /// Mark failures in the log of a CI system: auto finds out which it is
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Annotations::Auto)]
    annotations: Annotations,
    /// Leave the summary of the step alone, which `GITHUB_STEP_SUMMARY` names
    #[arg(long)]
    no_step_summary: bool,
}

/// For which system failures are marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Annotations {
    /// The one that the environment names
    Auto,
    /// None
    Never,
    /// GitHub Actions
    Github,
    /// GitLab CI
    Gitlab,
    /// Azure Pipelines
    Azure,
}

impl CiArgs {
    /// What reads the log.
    pub(super) fn ci(&self) -> Option<Ci> {
        match self.annotations {
            Annotations::Auto => Ci::detect(&env),
            Annotations::Never => None,
            Annotations::Github => Some(Ci::Github),
            Annotations::Gitlab => Some(Ci::Gitlab),
            Annotations::Azure => Some(Ci::Azure),
        }
    }

    /// Where the summary of the step goes.
    pub(super) fn step_summary(&self) -> Option<StepSummary> {
        let path = std::env::var_os("GITHUB_STEP_SUMMARY");
        let path = path.filter(|path| !self.no_step_summary && !path.is_empty())?;
        Some(StepSummary::new(path))
    }
}

/// The reports of a run: those of the end, and one that grows with it.
#[derive(Debug, clap::Args)]
pub(super) struct RunReportArgs {
    #[command(flatten)]
    whole: ReportArgs,
    /// Write each verdict as a line of JSON as soon as it is there; `-` is the standard output
    #[arg(long, value_name = "FILE")]
    json_lines: Option<PathBuf>,
}

impl Args for ReportArgs {
    fn augment_args(command: Command) -> Command {
        FORMATS.iter().fold(command, |command, format| {
            let help = format!("{}; `-` is the standard output", format.help);
            command.arg(
                Arg::new(format.name)
                    .long(format.name)
                    .value_name("FILE")
                    .value_parser(value_parser!(PathBuf))
                    .help(help),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ReportArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let wanted = FORMATS.iter().filter_map(|format| {
            let path = matches.get_one::<PathBuf>(format.name)?;
            Some((format, path.clone().into()))
        });
        Ok(Self {
            wanted: wanted.collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl RunReportArgs {
    /// Whether the standard output is a report's.
    pub(super) fn to_stdout(&self) -> bool {
        self.lines() == Some(Target::Stdout) || self.whole.to_stdout()
    }

    /// Refuses two outputs to one place. `log` is written by others.
    pub(super) fn validate(&self, log: Option<&str>) -> Result<(), Trouble> {
        let log = log.map(|log| ("logfile", PathBuf::from(log).into()));
        let lines = self.lines().map(|lines| ("json-lines", lines));
        let others = lines.into_iter().chain(log);
        apart(&self.whole.named().chain(others).collect::<Vec<_>>())
    }

    /// Proves that all can be written, before anything else happens.
    pub(super) fn open(&self) -> Result<Reports, Trouble> {
        Reports::open(&self.whole.wanted, self.lines().as_ref()).map_err(unwritable)
    }

    /// The files that are written.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let targets = self.whole.wanted.iter().map(|(_, to)| to.clone());
        let files = targets.chain(self.lines()).filter_map(|to| match to {
            Target::File(file) => Some(file),
            Target::Stdout => None,
        });
        files.collect()
    }

    fn lines(&self) -> Option<Target> {
        self.json_lines.clone().map(Target::from)
    }
}

impl ReportArgs {
    pub(super) fn to_stdout(&self) -> bool {
        self.wanted.iter().any(|(_, to)| *to == Target::Stdout)
    }

    /// Refuses two outputs to one place, and outputs in place of what is read.
    pub(super) fn apart(&self, inputs: &[PathBuf]) -> Result<(), Trouble> {
        for (name, to) in self.named() {
            let input = inputs
                .iter()
                .find(|input| to.collides(&Target::File((*input).clone())));
            if let Some(input) = input {
                let message = format!("--{name} would overwrite {}", input.display());
                return Err(Trouble::new(Exit::Usage, message));
            }
        }
        apart(&self.named().collect::<Vec<_>>())
    }

    fn named(&self) -> impl Iterator<Item = (&'static str, Target)> {
        self.wanted.iter().map(|(it, to)| (it.name, to.clone()))
    }

    /// Proves that all can be written, before anything else happens.
    pub(super) fn open(&self) -> Result<Reports, Trouble> {
        Reports::open(&self.wanted, None).map_err(unwritable)
    }
}

fn apart(all: &[(&str, Target)]) -> Result<(), Trouble> {
    for (at, (name, to)) in all.iter().enumerate() {
        if let Some((other, _)) = all[..at].iter().find(|(_, other)| other.collides(to)) {
            let message = format!("--{other} and --{name} would write to the same file");
            return Err(Trouble::new(Exit::Usage, message));
        }
    }
    Ok(())
}

fn unwritable(error: ReportError) -> Trouble {
    Trouble::new(Exit::Harness, error)
}

/// What could not be written, as one trouble.
pub(super) fn unwritten(errors: &[ReportError]) -> Trouble {
    let messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Trouble::new(Exit::Harness, messages.join("\n"))
}
