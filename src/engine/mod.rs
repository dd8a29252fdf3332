//! What runs containers. Everything above speaks to an [`Engine`] and knows no back-end.

mod capture;
pub mod docker;
mod fake;
mod image;
mod process;
mod traits;

pub use capture::{Capture, Captured};
pub use fake::FakeEngine;
pub use image::{
    FileEntry, FileKind, FileOwner, FileStat, Healthcheck, HistoryStep, Image, ImageConfig,
};
pub use process::{Ended, Limits, Mount, Network, Outcome, Process};
pub use traits::{Engine, EngineError, EngineInfo, Files, Visit};
