//! Reads the command line, hands over to the subcommand, and turns its end into an exit code.

use std::process::ExitCode;

use seatrial::cli::{self, Cli, Command, Exit};

fn main() -> ExitCode {
    // The embedded engine's helper process is this program too, called by another name.
    if let Some(code) = seatrial::engine::embedded::helper::serve() {
        return code;
    }
    let cli = match Cli::from_command_line() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, with code 0.
            let printed = error.print();
            let code = u8::try_from(error.exit_code()).unwrap_or(Exit::Usage.code());
            return match printed {
                Ok(()) => code.into(),
                Err(_) => Exit::Harness.into(),
            };
        }
    };
    match cli.command {
        Command::Affected(args) => cli::affected::run(&args).into(),
        Command::Build(args) => cli::build::run(&args).into(),
        Command::Clean(args) => cli::clean::run(&args).into(),
        Command::Diff(args) => cli::diff::run(&args).into(),
        Command::Engine(args) => cli::engine::run(&args).into(),
        Command::Import(args) => cli::import::run(&args).into(),
        Command::Merge(args) => cli::merge::run(&args).into(),
        Command::Publish(args) => cli::publish::run(&args).into(),
        Command::Schema(args) => cli::schema::run(&args).into(),
        Command::Test(args) => cli::test::run(*args).into(),
        Command::Verify(args) => cli::verify::run(&args).into(),
        Command::Watch(args) => cli::watch::run(*args).into(),
    }
}
