//! The line at the bottom of a terminal that says what goes on. It is gone when the run is over.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::screen;
use super::text::one_line;
use crate::event::Event;

/// How often the line is drawn anew.
const BEAT: Duration = Duration::from_millis(200);

/// The line, on the standard error.
pub(super) struct Live {
    bar: ProgressBar,
    state: Arc<Mutex<State>>,
}

/// What goes on.
#[derive(Debug, Default)]
struct State {
    selected: usize,
    finished: usize,
    bad: usize,
    running: BTreeMap<usize, (String, Instant)>,
    over: bool,
}

impl Live {
    /// Nothing is shown before the run begins.
    pub(super) fn new() -> Self {
        Self {
            bar: screen::add("{wide_msg}"),
            state: Arc::default(),
        }
    }

    /// Takes an event.
    pub(super) fn take(&self, event: &Event) {
        let mut state = lock(&self.state);
        match event {
            Event::RunStarted(start) => {
                state.selected = start.selected();
                drop(state);
                self.beat();
            }
            Event::ImageReady(_) => {}
            Event::CheckStarted(case) => {
                let name = one_line(case.name());
                state.running.insert(case.index, (name, Instant::now()));
            }
            Event::CheckFinished(result) => {
                state.running.remove(&result.case.index);
                state.finished += 1;
                state.bad += usize::from(result.verdict.is_bad());
            }
            Event::RunFinished(_) => {
                state.over = true;
                drop(state);
                screen::remove(&self.bar);
            }
        }
    }

    /// Keeps the line going until the run is over. Whoever drops the console before that gets a
    /// thread that ends by itself.
    fn beat(&self) {
        let (bar, state) = (self.bar.downgrade(), Arc::downgrade(&self.state));
        let beat = move || {
            loop {
                let (Some(bar), Some(state)) = (bar.upgrade(), state.upgrade()) else {
                    return;
                };
                let state = lock(&state);
                if state.over {
                    return;
                }
                // While the state is held: the line must not come back after it was cleared.
                bar.set_message(state.line());
                drop(state);
                drop(bar);
                thread::sleep(BEAT);
            }
        };
        // Without it there is no such line, and everything else.
        let _ = thread::Builder::new().name("live line".into()).spawn(beat);
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        lock(&self.state).over = true;
        screen::remove(&self.bar);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// `3/12, 1 not passed: 12s img::slow, 1s img::other`, what runs longest first. A terminal cuts
    /// the end of it.
    fn line(&self) -> String {
        let mut line = format!("{}/{}", self.finished, self.selected);
        if self.bad > 0 {
            let _ = write!(line, ", {} not passed", self.bad);
        }
        let mut running: Vec<&(String, Instant)> = self.running.values().collect();
        running.sort_by_key(|(_, since)| *since);
        for (at, (name, since)) in running.iter().enumerate() {
            let before = if at == 0 { ": " } else { ", " };
            let _ = write!(line, "{before}{}s {name}", since.elapsed().as_secs());
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_longest_comes_first() {
        let now = Instant::now();
        let since = |seconds| now.checked_sub(Duration::from_secs(seconds)).unwrap();
        let mut state = State {
            selected: 12,
            finished: 3,
            ..State::default()
        };
        assert_eq!(state.line(), "3/12");
        state.bad = 1;
        state.running.insert(4, ("img::b".into(), since(1)));
        state.running.insert(7, ("img::a".into(), since(12)));
        assert_eq!(state.line(), "3/12, 1 not passed: 12s img::a, 1s img::b");
    }
}
