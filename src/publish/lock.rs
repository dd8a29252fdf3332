//! One publish of a project at a time, on one machine.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

/// How often it is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// Held while lists are read and written; let go when it is dropped, and when the process ends.
#[derive(Debug)]
pub struct Lock {
    _folder: File,
}

impl Lock {
    /// Waits until nobody else publishes from the folder `root`. It is the folder itself that is
    /// locked, so nothing is left in it. `waits` is called once if somebody does; `goes_on` says
    /// whether to wait any longer.
    ///
    /// # Errors
    /// When the folder can't be locked at all. `None` is the end of waiting.
    pub fn wait(
        root: &Path,
        waits: impl FnOnce(),
        goes_on: impl Fn() -> bool,
    ) -> io::Result<Option<Self>> {
        let folder = File::open(root)?;
        let mut waits = Some(waits);
        loop {
            match folder.try_lock() {
                Ok(()) => return Ok(Some(Self { _folder: folder })),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
            if !goes_on() {
                return Ok(None);
            }
            if let Some(waits) = waits.take() {
                waits();
            }
            std::thread::sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_waits_until_the_first_ends() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::wait(folder.path(), || panic!(), || true).unwrap();
        assert!(first.is_some());
        let given_up = Lock::wait(folder.path(), || {}, || false).unwrap();
        assert!(given_up.is_none());
        let second = std::thread::scope(|scope| {
            let second = scope.spawn(|| Lock::wait(folder.path(), || {}, || true).unwrap());
            std::thread::sleep(Duration::from_millis(150));
            assert!(!second.is_finished());
            drop(first);
            second.join().unwrap()
        });
        assert!(second.is_some());
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}
