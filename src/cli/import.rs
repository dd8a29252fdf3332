//! `seatrial import`: a first project file from what is there already.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::exit::Exit;
use super::session::Trouble;
use crate::import::Catalogue;
use crate::project::{FILE_NAME, Project};
use crate::report::text::terminal_text;
use crate::source::Source;
use crate::words::count;

/// The arguments of `seatrial import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Read Dockerfiles, and write a first seatrial.yaml with an image for each
    Dockerfiles(DockerfilesArgs),
}

#[derive(Debug, Args)]
struct DockerfilesArgs {
    /// The folder with the Dockerfiles
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// The project file to write, which must not be there yet; its folder is the top of the project.
    /// `-` prints it instead
    #[arg(long, short, value_name = "FILE", default_value = FILE_NAME)]
    output: PathBuf,
}

/// Runs `seatrial import`.
pub fn run(args: &ImportArgs) -> Exit {
    let What::Dockerfiles(args) = &args.what;
    match attempt(args) {
        Ok(()) => Exit::AllPassed,
        Err(trouble) => trouble.tell(),
    }
}

fn attempt(args: &DockerfilesArgs) -> Result<(), Trouble> {
    let to_stdout = args.output == Path::new("-");
    let root = match args.output.parent() {
        Some(folder) if !to_stdout && folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    if !to_stdout && args.output.symlink_metadata().is_ok() {
        return Err(is_there(&args.output));
    }
    let usage = |error| Trouble::new(Exit::Usage, error);
    let catalogue = Catalogue::read(root, &args.folder).map_err(usage)?;
    let text = catalogue.to_string();
    // Nobody should have to repair it before it can be read.
    if let Err(mistakes) = Project::parse(&Source::new(FILE_NAME, text.as_str()), root) {
        let message = format!("what was made of it is no project file:\n{mistakes}");
        return Err(Trouble::new(Exit::Harness, message));
    }
    if to_stdout {
        let written = std::io::stdout().lock().write_all(text.as_bytes());
        return written.map_err(|error| unwritten(&args.output, &error));
    }
    write(&args.output, root, &text)?;
    let (images, notes) = (catalogue.images(), catalogue.notes());
    let look = match notes {
        0 => String::new(),
        1 => "; 1 comment says what to look at".to_owned(),
        notes => format!("; {notes} comments say what to look at"),
    };
    let message = format!(
        "wrote {} with {}{look}",
        args.output.display(),
        count(images, "image")
    );
    let _ = writeln!(anstream::stdout().lock(), "{}", terminal_text(message));
    Ok(())
}

/// Whole or not at all, and never over another file.
fn write(path: &Path, folder: &Path, text: &str) -> Result<(), Trouble> {
    let failed = |error: &std::io::Error| unwritten(path, error);
    let mut builder = tempfile::Builder::new();
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    let file = builder.permissions(readable).tempfile_in(folder);
    let mut file = file.map_err(|error| failed(&error))?;
    file.write_all(text.as_bytes())
        .map_err(|error| failed(&error))?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(is_there(path))
        }
        Err(error) => Err(failed(&error.error)),
    }
}

fn is_there(path: &Path) -> Trouble {
    let message = format!(
        "{} is there already and is not written over; --output names another file, `-` prints it",
        path.display()
    );
    Trouble::new(Exit::Usage, message)
}

fn unwritten(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::new(
        Exit::Harness,
        format!("can't write {}: {error}", path.display()),
    )
}
