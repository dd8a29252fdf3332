//! What runs containers. Everything above speaks to an [`Engine`] and knows no back-end.

mod auto;
mod background;
mod capture;
mod described;
pub mod docker;
pub mod embedded;
mod fake;
mod fake_running;
mod image;
mod observe;
mod on_demand;
mod owner;
mod process;
mod running;
mod traits;
mod waiter;

pub use auto::AutoEngine;
pub use capture::{Capture, Captured};
pub use fake::FakeEngine;
pub(crate) use image::variable;
pub use image::{
    FileEntry, FileKind, FileOwner, FileStat, Healthcheck, HistoryStep, Image, ImageConfig, Inode,
};
pub use observe::{Observer, Observers};
pub use on_demand::OnDemand;
pub(crate) use owner::{in_user_namespace, is_root_of_machine};
pub use process::{Ended, Isolation, Limits, Mount, Network, Outcome, Process};
pub use running::{Address, Health, Running, Stream, Tap, Waited, Work, holder, sharing_key};
pub use traits::{Engine, EngineError, EngineInfo, Files, Finder, Look, Visit};
pub(crate) use waiter::{Waiter, stopped};
