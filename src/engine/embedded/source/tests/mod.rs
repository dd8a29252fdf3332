//! Tests of several parts together, on archives made by hand and by others.

mod engine;
mod made;
mod pushed;
mod registry;
mod saved;
mod serve;
mod support;
