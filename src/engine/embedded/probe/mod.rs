//! What this host gives, found out by trying it.

mod host;
mod program;
mod proof;
mod trial;

pub use host::{HostFacts, host_facts};
pub(super) use trial::with_advice;
pub use trial::{Trial, Trials};
