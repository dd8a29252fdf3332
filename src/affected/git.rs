//! The program `git`, asked about one work tree.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A work tree.
#[derive(Debug)]
pub struct Git {
    /// Where git is run.
    folder: PathBuf,
    /// The top of the work tree.
    top: PathBuf,
}

/// Why git can't tell what changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// What is asked for is no range.
    #[error("`{0}` is neither BASE..HEAD nor BASE, with revisions of git")]
    NoRange(String),
    /// The program is not there.
    #[error("the program git is not there, which tells what changed: {0}")]
    Missing(String),
    /// The project is in no work tree.
    #[error("{} is in no work tree of git: {said}", .folder.display())]
    NoRepository {
        /// The folder of the project.
        folder: PathBuf,
        /// What git says.
        said: String,
    },
    /// There is no such commit.
    #[error("git knows no commit `{revision}`{}", advice(revision, *.shallow))]
    Unknown {
        /// What was asked for.
        revision: String,
        /// Whether only a part of the history is here.
        shallow: bool,
    },
    /// Both have nothing in common.
    #[error("`{base}` and `{head}` have no commit in common{}", if *.shallow { SHALLOW } else { "" })]
    Unrelated {
        /// Where the change began.
        base: String,
        /// Where it ends.
        head: String,
        /// Whether only a part of the history is here.
        shallow: bool,
    },
    /// It failed for a reason of its own.
    #[error("git {what} failed: {said}")]
    Failed {
        /// What was asked of it.
        what: String,
        /// What it says.
        said: String,
    },
}

/// The way out of a part of a history.
const SHALLOW: &str = ": this clone has only a part of the history; fetch all of it, with \
                       `fetch-depth: 0` for actions/checkout, GIT_DEPTH: 0 for GitLab, or `git fetch --unshallow`";

fn advice(revision: &str, shallow: bool) -> &'static str {
    if revision.bytes().all(|byte| byte == b'0') {
        return ": that stands for no commit, as for the first push of a branch; name the branch \
                that it is to be compared with";
    }
    if shallow {
        return SHALLOW;
    }
    ", or it has not been fetched"
}

impl GitError {
    /// Whether something else must be asked for; otherwise git itself is the trouble.
    pub fn is_usage(&self) -> bool {
        !matches!(self, Self::Missing(_) | Self::Failed { .. })
    }
}

impl Git {
    /// Finds the work tree of `folder`. If the environment says where the repository is, as in a hook,
    /// it is the one of the current folder, as for git itself.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(folder: &Path) -> Result<Self, GitError> {
        let is_told = std::env::var_os("GIT_DIR").is_some();
        let asked = if is_told { Path::new(".") } else { folder };
        let output = run(asked, ["rev-parse", "--show-toplevel"])?;
        let no_repository = |said: String| GitError::NoRepository {
            folder: folder.to_owned(),
            said,
        };
        let top = output.map_err(no_repository)?;
        let top = PathBuf::from(OsString::from_vec(without_line_end(top)));
        let top = top.canonicalize().unwrap_or(top);
        let inside = folder
            .canonicalize()
            .is_ok_and(|folder| folder.starts_with(&top));
        if !inside {
            return Err(no_repository(format!("that is {}", top.display())));
        }
        Ok(Self {
            folder: asked.to_owned(),
            top,
        })
    }

    /// The top of the work tree, without links.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// The commit that `revision` means.
    ///
    /// # Errors
    /// When there is none.
    pub fn commit(&self, revision: &str) -> Result<String, GitError> {
        let wanted = format!("{revision}^{{commit}}");
        match run(&self.folder, ["rev-parse", "--verify", "--quiet", &wanted])? {
            Ok(commit) => Ok(text(commit)),
            Err(_) => Err(GitError::Unknown {
                revision: revision.to_owned(),
                shallow: self.is_shallow()?,
            }),
        }
    }

    /// The commits that two have in common last; one unless histories cross.
    ///
    /// # Errors
    /// When there is none.
    pub fn merge_bases(&self, base: &str, head: &str) -> Result<Vec<String>, GitError> {
        let (from, to) = (self.commit(base)?, self.commit(head)?);
        let found = run(&self.folder, ["merge-base", "--all", &from, &to])?.unwrap_or_default();
        let found: Vec<String> = text(found).lines().map(ToOwned::to_owned).collect();
        if found.is_empty() {
            return Err(GitError::Unrelated {
                base: base.to_owned(),
                head: head.to_owned(),
                shallow: self.is_shallow()?,
            });
        }
        Ok(found)
    }

    /// The paths that differ between the commit `from` and the commit `to`, or the files as they are;
    /// and whether each is a repository of its own. Both names of a file that was renamed are among
    /// them. Relative to the top.
    ///
    /// # Errors
    /// When git fails.
    pub fn differences(
        &self,
        from: &str,
        to: Option<&str>,
    ) -> Result<Vec<(PathBuf, bool)>, GitError> {
        let mut args = vec![
            "diff",
            "--no-ext-diff",
            "--no-textconv",
            "--no-renames",
            "--ignore-submodules=none",
            "--raw",
            "-z",
            from,
        ];
        args.extend(to);
        args.push("--");
        let output = self.ask("diff", &args)?;
        // `:MODE MODE ID ID STATUS`, then the path.
        let mut fields = output.split(|byte| *byte == 0);
        let mut found = Vec::new();
        while let (Some(about), Some(path)) = (fields.next(), fields.next()) {
            let is_repository = about.split(|byte| *byte == b' ').take(2);
            let is_repository = is_repository
                .into_iter()
                .any(|mode| mode.ends_with(b"160000"));
            found.push((path_of(path), is_repository));
        }
        Ok(found)
    }

    /// The files that git does not know and is not told to ignore, relative to the top; what ends
    /// with `/` is a repository of its own.
    ///
    /// # Errors
    /// When git fails.
    pub fn untracked(&self) -> Result<Vec<(PathBuf, bool)>, GitError> {
        let top: [&OsStr; 2] = [OsStr::new("-C"), self.top.as_os_str()];
        let args = [
            "ls-files",
            "--others",
            "--exclude-standard",
            "--full-name",
            "-z",
        ];
        let args = top.into_iter().chain(args.iter().map(OsStr::new));
        let output = told("ls-files", run(&self.folder, args)?)?;
        let paths = output.split(|byte| *byte == 0);
        let paths = paths.filter(|path| !path.is_empty());
        Ok(paths
            .map(|path| (path_of(path), path.ends_with(b"/")))
            .collect())
    }

    /// The content of `path`, relative to the top, in `commit`; `None` if it was not there.
    ///
    /// # Errors
    /// When git fails.
    pub fn old(&self, commit: &str, path: &Path) -> Result<Option<Vec<u8>>, GitError> {
        let mut object = OsString::from(format!("{commit}:"));
        object.push(path);
        let exists = [OsStr::new("cat-file"), OsStr::new("-e"), &object];
        if run(&self.folder, exists)?.is_err() {
            return Ok(None);
        }
        let args = [OsStr::new("cat-file"), OsStr::new("blob"), &object];
        Ok(run(&self.folder, args)?.ok())
    }

    fn is_shallow(&self) -> Result<bool, GitError> {
        let said = run(&self.folder, ["rev-parse", "--is-shallow-repository"])?;
        Ok(said.is_ok_and(|said| text(said) == "true"))
    }

    fn ask(&self, what: &str, args: &[&str]) -> Result<Vec<u8>, GitError> {
        told(what, run(&self.folder, args)?)
    }
}

fn told(what: &str, output: Result<Vec<u8>, String>) -> Result<Vec<u8>, GitError> {
    output.map_err(|said| GitError::Failed {
        what: what.to_owned(),
        said,
    })
}

/// Runs git to its end: what it prints, or what it says on its standard error if it fails.
fn run<A: AsRef<OsStr>>(
    folder: &Path,
    args: impl IntoIterator<Item = A>,
) -> Result<Result<Vec<u8>, String>, GitError> {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .args(["--no-pager", "-c", "core.quotepath=off"])
        // What people set for themselves must not change what is told here.
        .args(["-c", "diff.relative=false", "-c", "core.fsmonitor=false"])
        .args(args)
        .env("LC_ALL", "C")
        // Looking takes no locks, and asks nobody for a password.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env_remove("GIT_EXTERNAL_DIFF")
        .stdin(Stdio::null());
    let output = command.output().map_err(|error| match error.kind() {
        ErrorKind::NotFound if folder.is_dir() => GitError::Missing(error.to_string()),
        _ => GitError::Failed {
            what: "itself".to_owned(),
            said: error.to_string(),
        },
    })?;
    if output.status.success() {
        return Ok(Ok(output.stdout));
    }
    let said = text(output.stderr);
    let said = said.trim_start_matches("fatal: ");
    let said = if said.is_empty() {
        "it gave no reason"
    } else {
        said
    };
    Ok(Err(said.to_owned()))
}

fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

fn text(bytes: Vec<u8>) -> String {
    let text = String::from_utf8_lossy(&without_line_end(bytes)).into_owned();
    text.trim_end().to_owned()
}

fn without_line_end(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.ends_with(b"\n") {
        bytes.pop();
    }
    bytes
}
