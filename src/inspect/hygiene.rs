//! What should not have been left in an image.

use std::sync::LazyLock;

use globset::GlobSet;

use super::facts::{Facts, path_folders};
use super::path::{Real, real_path};
use super::secrets;
use super::survey::Found;
use crate::engine::{EngineError, FileKind, Files};

/// One rule of hygiene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// No setuid or setgid files but those that distributions ship.
    Setuid,
    /// Nothing that everybody can write to.
    WorldWritable,
    /// No private keys.
    PrivateKeys,
    /// No files with credentials.
    Credentials,
    /// No lists and caches of package managers.
    PackageLists,
    /// No secrets in the image's variables.
    Env,
    /// Folders for temporary files are empty, and everybody can use them.
    Temporary,
    /// The folders of PATH hold no broken links and can't be written to by everybody.
    Path,
}

impl Rule {
    /// All rules, in the order they are checked.
    pub const ALL: [Self; 8] = [
        Self::Setuid,
        Self::WorldWritable,
        Self::PrivateKeys,
        Self::Credentials,
        Self::PackageLists,
        Self::Env,
        Self::Temporary,
        Self::Path,
    ];

    /// The key in specs.
    pub fn key(self) -> &'static str {
        match self {
            Self::Setuid => "setuid",
            Self::WorldWritable => "world_writable",
            Self::PrivateKeys => "private_keys",
            Self::Credentials => "credentials",
            Self::PackageLists => "package_lists",
            Self::Env => "env",
            Self::Temporary => "temporary",
            Self::Path => "path",
        }
    }

    /// What it wants, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Setuid => "no setuid files",
            Self::WorldWritable => "nothing world-writable",
            Self::PrivateKeys => "no private keys",
            Self::Credentials => "no credentials",
            Self::PackageLists => "no package lists",
            Self::Env => "no secrets in variables",
            Self::Temporary => "no temporary files",
            Self::Path => "a sound PATH",
        }
    }
}

/// Programs that distributions ship with setuid or setgid (Debian, Alpine, Fedora, SUSE).
static USUAL_SETUID: LazyLock<GlobSet> = LazyLock::new(|| {
    secrets::globs([
        "/{bin,sbin,usr/bin,usr/sbin}/{su,mount,umount,passwd,chsh,chfn,newgrp,sg,gpasswd,chage,expiry,\
         wall,write,bsd-write,crontab,at,sudo,pkexec,fusermount,fusermount3,ping,bbsuid,ssh-agent,\
         unix_chkpwd,pam_timestamp_check,mount.nfs,userhelper,newuidmap,newgidmap,dotlockfile,utempter,\
         grub2-set-bootflag}",
        "/usr/lib/openssh/ssh-keysign",
        "/usr/libexec/openssh/ssh-keysign",
        "/usr/lib/ssh/ssh-keysign",
        "/{usr/lib,usr/libexec,lib}/dbus-{1,1.0}/dbus-daemon-launch-helper",
        "/{usr/lib,usr/libexec}/polkit-1/polkit-agent-helper-1",
        "/usr/libexec/utempter/utempter",
        "/usr/lib/x86_64-linux-gnu/utempter/utempter",
    ])
});

/// Keys that test suites of languages and libraries bring along.
static TEST_KEYS: LazyLock<GlobSet> = LazyLock::new(|| {
    secrets::globs([
        "/**/python3*/test/**",
        "/**/{site,dist}-packages/**/{test,tests,testing}/**",
        "/**/testdata/**",
    ])
});

/// What an image's files and variables have against a rule, one line each; empty if it holds.
///
/// # Errors
/// When the engine can't tell, or the image has more than can be looked at.
pub fn offences(
    rule: Rule,
    files: &dyn Files,
    facts: &Facts,
    env: &[(String, String)],
    is_allowed: &dyn Fn(&str) -> bool,
) -> Result<Vec<String>, EngineError> {
    if rule == Rule::Env {
        let secrets = env
            .iter()
            .filter(|(name, value)| secrets::is_secret_variable(name, value) && !is_allowed(name));
        // The value is no business of a report.
        return Ok(secrets.map(|(name, _)| name.clone()).collect());
    }
    let survey = facts.survey(files, env)?;
    let paths = |found: &Found<String>, usual: Option<&GlobSet>| {
        let is_usual = |path: &String| usual.is_some_and(|usual| usual.is_match(path));
        let bad = found.items.iter();
        let bad = bad
            .filter(|path| !is_usual(path) && !is_allowed(path))
            .cloned();
        whole(bad.collect(), found.is_cut)
    };
    let modes = |found: &Found<(String, u32)>, usual: Option<&GlobSet>| {
        let is_usual = |path: &str| usual.is_some_and(|usual| usual.is_match(path));
        let bad = found.items.iter();
        let bad = bad.filter(|(path, _)| !is_usual(path) && !is_allowed(path));
        let bad = bad.map(|(path, mode)| format!("{path} ({mode:04o})"));
        whole(bad.collect(), found.is_cut)
    };
    let mut offences = match rule {
        Rule::Setuid => modes(&survey.setuid, Some(&USUAL_SETUID)),
        Rule::WorldWritable => modes(&survey.world_writable, None),
        Rule::PrivateKeys => paths(&survey.private_keys, Some(&TEST_KEYS)),
        Rule::Credentials => paths(&survey.credentials, None),
        Rule::PackageLists => paths(&survey.leftovers, None),
        Rule::Temporary => {
            let mut bad = temporary_folders(files, is_allowed)?;
            bad.extend(paths(&survey.temporary, None)?);
            Ok(bad)
        }
        Rule::Path => {
            let mut bad = path_of(files, env, is_allowed)?;
            bad.extend(broken_links(files, &survey.links, is_allowed)?);
            Ok(bad)
        }
        Rule::Env => Ok(Vec::new()),
    }?;
    offences.sort();
    Ok(offences)
}

/// A list that was cut must not pass because what is left of it is allowed.
fn whole(offences: Vec<String>, is_cut: bool) -> Result<Vec<String>, EngineError> {
    if is_cut && offences.is_empty() {
        return Err(EngineError::Failed {
            step: "look at all files",
            reason: "too many of them are of the kind that this rule is about".to_owned(),
        });
    }
    Ok(offences)
}

fn temporary_folders(
    files: &dyn Files,
    is_allowed: &dyn Fn(&str) -> bool,
) -> Result<Vec<String>, EngineError> {
    let mut bad = Vec::new();
    for folder in ["/tmp", "/var/tmp"] {
        if let Real::Found(_, stat) = real_path(files, folder)?
            && stat.mode != 0o1777
            && !is_allowed(folder)
        {
            bad.push(format!(
                "{folder} (its mode is {:04o}, not 1777)",
                stat.mode
            ));
        }
    }
    Ok(bad)
}

fn path_of(
    files: &dyn Files,
    env: &[(String, String)],
    is_allowed: &dyn Fn(&str) -> bool,
) -> Result<Vec<String>, EngineError> {
    let mut bad = Vec::new();
    for folder in path_folders(env) {
        if is_allowed(folder) {
            continue;
        }
        if !folder.starts_with('/') {
            bad.push(format!(
                "`{folder}` (PATH has a folder that is not absolute)"
            ));
            continue;
        }
        if let Real::Found(path, stat) = real_path(files, folder)? {
            if stat.kind != FileKind::Directory {
                bad.push(format!("{path} (it is in PATH and no folder)"));
            } else if stat.mode & 0o2 != 0 {
                bad.push(format!(
                    "{path} (everybody can write to this folder of PATH)"
                ));
            }
        }
    }
    Ok(bad)
}

fn broken_links(
    files: &dyn Files,
    links: &Found<String>,
    is_allowed: &dyn Fn(&str) -> bool,
) -> Result<Vec<String>, EngineError> {
    let mut bad = Vec::new();
    for link in links.items.iter().filter(|link| !is_allowed(link)) {
        if let Real::Missing(target) = real_path(files, link)? {
            bad.push(format!("{link} (a link to {target}, where nothing is)"));
        }
    }
    whole(bad, links.is_cut)
}
