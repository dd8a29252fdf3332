//! The context on its way to the standard input of a program.

use std::io::{BufWriter, PipeWriter};
use std::sync::{Arc, Mutex, PoisonError};

use super::context::{BuildContext, ContextError, Recipient};

/// Writes what a program reads.
pub(crate) type Feed = Box<dyn FnOnce(PipeWriter) + Send>;

/// What came of a context that a [`Feed`] sends.
#[derive(Debug, Default)]
pub(crate) struct Sending(Arc<Mutex<Option<ContextError>>>);

impl Sending {
    /// What sends `context`.
    pub(crate) fn begin(context: BuildContext, recipient: Recipient) -> (Feed, Self) {
        let sending = Self::default();
        let slot = Arc::clone(&sending.0);
        let feed = Box::new(move |pipe: PipeWriter| {
            let out = BufWriter::with_capacity(64 << 10, pipe);
            if let Err(error) = context.write(out, recipient) {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
        });
        (feed, sending)
    }

    /// What went wrong, once the program is over.
    ///
    /// # Errors
    /// A context that broke off must not pass for a whole one, whatever the program made of it.
    pub(crate) fn end(self, has_built: bool) -> Result<(), ContextError> {
        let mut trouble = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble.take() {
            // Nobody reads to the end what is found to be wrong before.
            Some(ContextError::Send(_)) if !has_built => Ok(()),
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
