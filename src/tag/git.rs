//! What git knows of the sources that images are made of.

use std::path::Path;
use std::process::{Command, Stdio};

use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

const DAY: &[FormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// What tags are made of. The same for everybody who has the same commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitFacts {
    /// The commit, all of its digits.
    pub sha: String,
    /// The day of the commit in UTC, as `2024-10-25`.
    pub date: String,
    /// The newest git tag that the commit descends from, if there is one; a project file may name
    /// another.
    pub release: Option<String>,
    /// The files that are not as the commit has them, new ones included and ignored ones not: they can
    /// be part of an image.
    pub uncommitted: Vec<String>,
}

/// Why git tells nothing.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git.
    #[error("a tag of what git knows needs git, which can't be started: {0}")]
    Start(std::io::Error),
    /// The folder is in no repository, or not in one that git would read.
    #[error("a tag of what git knows needs a repository: {0}")]
    NoRepository(String),
    /// Nothing is committed yet.
    #[error("a tag of what git knows needs a commit, and the repository has none")]
    NoCommit,
    /// git said something that we don't understand.
    #[error("git's answer to `git {command}` is not understood: {answer}")]
    Strange {
        /// What was asked.
        command: String,
        /// What it said.
        answer: String,
    },
}

impl GitFacts {
    /// Asks git about the repository that `folder` is in.
    ///
    /// # Errors
    /// Outside of a repository, without a commit, without git.
    pub fn read(folder: &Path) -> Result<Self, GitError> {
        ask(folder, &["rev-parse", "--git-dir"])?.map_err(GitError::NoRepository)?;
        let commit = ask(
            folder,
            &[
                "log",
                "-1",
                "--no-show-signature",
                "--format=%H %ct",
                "HEAD",
            ],
        )?
        .map_err(|_| GitError::NoCommit)?;
        let (sha, date) = commit
            .trim()
            .split_once(' ')
            .and_then(|(sha, seconds)| Some((sha.to_owned(), day(seconds)?)))
            .ok_or_else(|| strange("log", &commit))?;
        let release = ask(folder, &["describe", "--tags", "--abbrev=0", "HEAD"])?;
        let changes = ask(
            folder,
            &[
                "status",
                "--porcelain=v1",
                "-z",
                "--untracked-files=all",
                "--no-renames",
            ],
        )?
        .map_err(|answer| strange("status", &answer))?;
        Ok(Self {
            sha,
            date,
            // Without a tag it is an error, and of another reason for that we would have heard.
            release: release.ok().map(|name| name.trim().to_owned()),
            uncommitted: changes
                .split('\0')
                .filter_map(|entry| entry.get(3..))
                .map(ToOwned::to_owned)
                .collect(),
        })
    }

    /// The same with a release that the project names itself, if it does.
    #[must_use]
    pub fn with_release(mut self, release: Option<&str>) -> Self {
        if let Some(release) = release {
            self.release = Some(release.to_owned());
        }
        self
    }
}

/// The commit that is checked out where `folder` is, all of its digits; none if git knows none.
pub fn commit(folder: &Path) -> Option<String> {
    let answer = ask(folder, &["rev-parse", "--verify", "--quiet", "HEAD"]);
    let sha = answer.ok()?.ok()?.trim().to_owned();
    (!sha.is_empty()).then_some(sha)
}

fn day(seconds: &str) -> Option<String> {
    let moment = OffsetDateTime::from_unix_timestamp(seconds.parse().ok()?).ok()?;
    moment.format(DAY).ok()
}

fn strange(command: &str, answer: &str) -> GitError {
    GitError::Strange {
        command: command.to_owned(),
        answer: answer.trim().to_owned(),
    }
}

/// What git prints, or its reason.
fn ask(folder: &Path, args: &[&str]) -> Result<Result<String, String>, GitError> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(args)
        // Its words are looked at, and looking must change nothing.
        .env("LC_ALL", "C")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .output()
        .map_err(GitError::Start)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        let words = text(&output.stderr);
        let words = words.trim().trim_start_matches("fatal: ");
        Err(words.lines().next().unwrap_or("it said nothing").to_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn git(folder: &Path, args: &[&str]) {
        let output = Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
            .args(["-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false"])
            .args(args)
            // Late in the evening in New York is the next day in UTC.
            .env("GIT_COMMITTER_DATE", "2024-10-24T23:30:00-0400")
            .env("GIT_AUTHOR_DATE", "2020-01-01T00:00:00Z")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    #[test]
    fn git_tells_what_tags_are_made_of() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let error = |root| GitFacts::read(root).unwrap_err().to_string();
        assert!(error(root).contains("needs a repository: not a git repository"));
        assert_eq!(commit(root), None);
        git(root, &["init", "--quiet"]);
        assert!(error(root).contains("needs a commit"));
        assert_eq!(commit(root), None);
        File::create(root.join(".gitignore")).unwrap();
        git(root, &["add", "."]);
        git(root, &["commit", "--quiet", "-m", "one"]);

        let inside = root.join("images");
        std::fs::create_dir(&inside).unwrap();
        let facts = GitFacts::read(&inside).unwrap();
        assert_eq!(facts.sha.len(), 40);
        assert_eq!(facts.date, "2024-10-25");
        assert_eq!((facts.release, facts.uncommitted.len()), (None, 0));

        git(root, &["tag", "v1"]);
        git(root, &["commit", "--quiet", "--allow-empty", "-m", "two"]);
        File::create(inside.join("new file")).unwrap();
        let facts = GitFacts::read(root).unwrap();
        assert_eq!(facts.release.as_deref(), Some("v1"));
        assert_eq!(facts.uncommitted, ["images/new file"]);
        let named = facts.with_release(Some("2.0"));
        assert_eq!(named.release.as_deref(), Some("2.0"));
        assert_eq!(named.clone().with_release(None), named);
    }
}
