//! What the builders of an engine say, as steps, lines and a verdict.

mod buildkit;

pub(super) use buildkit::BuildKitProgress;
