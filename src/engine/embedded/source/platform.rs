//! Platforms, and which of several images is for one.

use std::fmt;

use serde::Deserialize;

use crate::platform::usual_variant;

/// What programs run on, in Go's spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Platform {
    pub(crate) os: String,
    pub(crate) architecture: String,
    /// Empty if there is none.
    pub(crate) variant: String,
}

/// A platform as an index writes it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Said {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

impl Platform {
    /// What this process runs on.
    pub(crate) fn host() -> Self {
        let (architecture, variant) = crate::platform::machine();
        Self {
            os: "linux".to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.to_owned(),
        }
    }

    /// Reads `os/architecture` or `os/architecture/variant`; `None` if it is not that.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/').map(str::to_owned);
        let (os, architecture) = (parts.next()?, parts.next()?);
        let variant = parts.next().unwrap_or_default();
        let is_whole = parts.next().is_none() && !os.is_empty() && !architecture.is_empty();
        is_whole.then_some(Self {
            os,
            architecture,
            variant,
        })
    }

    /// Whether what is made for `other` runs here.
    pub(crate) fn runs(&self, other: &Self) -> bool {
        self.rank(other).is_some()
    }

    /// How well something for `other` runs here: the lower the better, `None` not at all.
    pub(super) fn rank(&self, other: &Self) -> Option<usize> {
        if (&self.os, &self.architecture) != (&other.os, &other.architecture) {
            return None;
        }
        let usual = usual_variant(&self.architecture);
        let plain = |variant: &str| if variant.is_empty() { usual } else { variant }.to_owned();
        let (ours, theirs) = (plain(&self.variant), plain(&other.variant));
        // A processor runs what was made for the variants before its own.
        let number = |variant: &str| variant.strip_prefix('v')?.parse::<usize>().ok();
        match (number(&ours), number(&theirs)) {
            (Some(ours), Some(theirs)) => ours.checked_sub(theirs),
            _ => (ours == theirs).then_some(0),
        }
    }
}

impl Said {
    /// `None` for one that says nothing, like those of attestations.
    pub(super) fn read(&self) -> Option<Platform> {
        let known =
            |text: &Option<String>| text.clone().filter(|it| !it.is_empty() && it != "unknown");
        Some(Platform {
            os: known(&self.os)?,
            architecture: known(&self.architecture)?,
            variant: self.variant.clone().unwrap_or_default(),
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if !self.variant.is_empty() {
            write!(f, "/{}", self.variant)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_run_where_they_are_made_for() {
        let table = [
            ("linux/amd64", "linux/amd64", Some(0)),
            ("linux/amd64", "linux/amd64/v1", Some(0)),
            ("linux/amd64", "linux/amd64/v3", None),
            ("linux/amd64/v3", "linux/amd64", Some(2)),
            ("linux/amd64", "windows/amd64", None),
            ("linux/arm64", "linux/arm64/v8", Some(0)),
            ("linux/arm64", "linux/arm/v7", None),
            ("linux/arm/v7", "linux/arm/v6", Some(1)),
            ("linux/riscv64", "linux/riscv64", Some(0)),
            ("linux/x", "linux/x/odd", None),
        ];
        for (here, there, rank) in table {
            let read = |text| Platform::parse(text).unwrap();
            assert_eq!(read(here).rank(&read(there)), rank, "{here} {there}");
        }
        for text in ["linux", "/amd64", "linux/", "a/b/c/d"] {
            assert_eq!(Platform::parse(text), None, "{text}");
        }
    }
}
