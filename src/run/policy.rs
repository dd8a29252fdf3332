//! How often checks are tried, and when a run gives up.

/// What the caller asks of a run beyond its selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How often a check that did not pass is tried again; a spec may ask for more.
    pub retries: u32,
    /// Whether a check that passed only on a further try has failed.
    pub flaky_fails: bool,
    /// After so many checks that did not pass no further one is started.
    pub max_failures: Option<u32>,
    /// How often each check is run, whatever comes of it; all of them must pass.
    pub repeat: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            retries: 0,
            flaky_fails: false,
            max_failures: None,
            repeat: 1,
        }
    }
}
