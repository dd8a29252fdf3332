//! What the builders of an engine say, as steps, lines and a verdict.

mod buildkit;
mod plain;

pub(super) use buildkit::BuildKitProgress;
pub(super) use plain::PlainProgress;
