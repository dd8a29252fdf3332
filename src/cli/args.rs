//! What can be said on the command line.

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use super::affected::AffectedArgs;
use super::build::BuildArgs;
use super::clean::CleanArgs;
use super::diff::DiffArgs;
use super::engine::EngineArgs;
use super::import::ImportArgs;
use super::merge::MergeArgs;
use super::publish::PublishArgs;
use super::schema::SchemaArgs;
use super::test::TestArgs;
use super::verify::VerifyArgs;
use super::watch::WatchArgs;

/// Puts container images through their sea trials before they ship.
#[derive(Debug, Parser)]
#[command(name = "seatrial", version, about, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell which images a change concerns, and why
    Affected(AffectedArgs),
    /// Build images of the project, parents first
    Build(BuildArgs),
    /// Remove what killed runs left behind: containers and temporary folders
    Clean(CleanArgs),
    /// Tell what differs between two images: packages, configuration, sizes, files
    Diff(DiffArgs),
    /// Tell what runs containers here, what does not work, and what is done about it
    Engine(EngineArgs),
    /// Write a first project file from what is there already
    Import(ImportArgs),
    /// Make one result of several: of shards, of images, of further attempts
    Merge(MergeArgs),
    /// Push images that passed their checks, the very bytes, to all registries of the project
    Publish(Box<PublishArgs>),
    /// Print the JSON Schema of specs, of the project file or of results
    Schema(SchemaArgs),
    /// Test images by their specs
    Test(Box<TestArgs>),
    /// Tell whether the registries have what the lists say, the same everywhere, and tested
    Verify(VerifyArgs),
    /// Test what an edit concerns whenever a file is saved, until it is interrupted
    Watch(Box<WatchArgs>),
}

/// Clap's own template, which libtest-mimic's arguments bring a shorter one for.
const TEMPLATE: &str = "{about-with-newline}\n{usage-heading} {usage}\n\n{all-args}";

/// What libtest-mimic's arguments mean here, where that differs or can be said in fewer words.
const HARNESS_HELP: [(&str, &str); 10] = [
    (
        "filter",
        "Only the checks whose name IMAGE::CHECK contains this; the name of an image means all of \
         its checks",
    ),
    ("list", "List the selected checks and run none"),
    ("ignored", "Run only the checks that specs skip"),
    ("include_ignored", "Run the checks that specs skip, too"),
    ("quiet", "Show only what did not pass"),
    (
        "test_threads",
        "How many checks run at once; by default what is fastest on the engine",
    ),
    (
        "logfile",
        "Write libtest's own lines to this file; failures are told on the standard error",
    ),
    (
        "skip",
        "Leave out the checks whose name contains this (repeatable)",
    ),
    (
        "color",
        "Colours: always, never, or auto (only on a terminal)",
    ),
    (
        "format",
        "Print libtest's own lines instead; failures are told on the standard error",
    ),
];

/// Flags of libtest that change nothing here. They are taken, because its callers give them.
const HARNESS_HIDDEN: [&str; 5] = [
    "test",
    "bench",
    "nocapture",
    "show_output",
    "unstable_flags",
];

impl Cli {
    /// Reads the command line of this process.
    ///
    /// # Errors
    /// What clap says of a wrong one; help and version come this way too.
    pub fn from_command_line() -> Result<Self, clap::Error> {
        let test = |mut test: clap::Command| {
            test = test.help_template(TEMPLATE);
            for (name, help) in HARNESS_HELP {
                test = test.mut_arg(name, |arg| arg.help(help).long_help(None));
            }
            for name in HARNESS_HIDDEN {
                test = test.mut_arg(name, |arg| arg.hide(true));
            }
            test
        };
        let mut command = Self::command()
            .mut_subcommand("test", test)
            .mut_subcommand("watch", test);
        let matches = command.try_get_matches_from_mut(std::env::args_os())?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}
