//! Tests of several parts together, on archives made by hand and by others.

mod engine;
mod made;
mod saved;
mod support;
