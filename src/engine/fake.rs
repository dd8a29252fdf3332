//! placeholder
/// placeholder
#[derive(Debug)]
pub struct FakeEngine;
