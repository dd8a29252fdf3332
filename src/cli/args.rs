//! What can be said on the command line.

use clap::{Parser, Subcommand};

use super::build::BuildArgs;
use super::test::TestArgs;

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
    /// Build images of the project, parents first
    Build(BuildArgs),
    /// Test images by their specs
    Test(Box<TestArgs>),
}
