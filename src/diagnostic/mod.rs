//! Messages about what people wrote: where it is, what is wrong, and the way out.
//!
//! - [`Diagnostic`]: one mistake; [`Diagnostics`]: all of them
//! - `excerpt`: the few lines that a message shows, however long the file and whatever is in it

mod excerpt;
mod harmless;
mod list;
mod mistake;
mod suggestion;

pub use list::Diagnostics;
pub use mistake::Diagnostic;
pub use suggestion::{is_close, suggestion};
