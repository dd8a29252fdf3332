//! What the builders of an engine say, as steps, lines and a verdict.

mod buildkit;
mod classic;
mod lines;

pub(super) use buildkit::BuildKitProgress;
pub(super) use classic::ClassicProgress;
