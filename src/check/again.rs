//! Checks that a fault of the engine left undecided.

use super::perform::Observation;
use crate::engine::Engine;
use crate::verdict::Verdict;

/// How often a check is performed before it is an error. Each time it has containers of its own,
/// so that nothing is left of the time before.
const TRIES: u32 = 3;

/// Performs a check again while the engine's faults, and nothing else, leave it undecided.
pub(super) fn until_decided(
    engine: &dyn Engine,
    mut perform: impl FnMut() -> Observation,
) -> Observation {
    let mut tries = 1;
    loop {
        let before = engine.faults();
        let mut observed = perform();
        let Verdict::Error(problem) = &mut observed.verdict else {
            return observed;
        };
        // What the engine refuses for good is not asked for again.
        let may_pass = problem.kind == "engine" && engine.faults() != before;
        if !may_pass || tries == TRIES || engine.is_lost() {
            if tries > 1 {
                problem.message.push_str(&format!(" (tried {tries} times)"));
            }
            return observed;
        }
        tries += 1;
    }
}
