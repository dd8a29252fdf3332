//! What is edited while somebody waits for a verdict: which files matter, which of them changed, and
//! who tells that something did.
//!
//! What changed is never taken from events: those only say when to look. So a file that is saved by a
//! rename, an event that was lost and a file system that tells of nothing come to the same.

mod roots;
mod stamps;
mod touched;
mod wake;

pub use roots::{Roots, real};
pub use stamps::Stamps;
pub use touched::{Concern, Remembered, Touched};
pub use wake::{Teller, Wake};
