//! Whoever sees an output as it flows, before anything of it is let go.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::running::Stream;

/// Sees one output of one process from its beginning to its end.
pub trait Observer: Any + Send + Sync {
    /// Takes the next bytes.
    fn push(&mut self, bytes: &[u8]);
}

/// Makes observers for the outputs of a process. A process that is run again has new ones.
#[derive(Clone)]
pub struct Observers(Arc<dyn Fn(Stream) -> Option<Box<dyn Observer>> + Send + Sync>);

impl Observers {
    /// `make` says who sees which output.
    pub fn new(make: impl Fn(Stream) -> Option<Box<dyn Observer>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    /// A new observer of this output, if anybody wants to see it.
    pub fn of(&self, stream: Stream) -> Option<Box<dyn Observer>> {
        (self.0)(stream)
    }
}

impl Default for Observers {
    /// Nobody.
    fn default() -> Self {
        Self::new(|_| None)
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observers")
    }
}

/// An observer that has seen all.
#[derive(Clone)]
pub(super) struct Seen(pub(super) Arc<dyn Observer>);

impl Seen {
    pub(super) fn as_type<T: Observer>(&self) -> Option<&T> {
        let any: &dyn Any = self.0.as_ref();
        any.downcast_ref()
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seen")
    }
}
