//! Faults of the engine: whatever goes wrong there, no check passes or fails for it, what can be done
//! again is, and nothing stays behind. The faults are made by a proxy between seatrial and the engine
//! of this machine, by the scripted engine, and by a daemon of the tests' own.

mod support;

#[path = "faults/answers.rs"]
mod answers;
#[path = "faults/daemon.rs"]
mod daemon;
#[path = "faults/longer.rs"]
mod longer;
#[path = "faults/matrix.rs"]
mod matrix;
#[path = "faults/proxy.rs"]
mod proxy;
#[path = "faults/row.rs"]
mod row;
#[path = "faults/scripted.rs"]
mod scripted;
