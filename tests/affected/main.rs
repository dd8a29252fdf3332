//! Which images a change concerns: in real repositories, for a family of 21 images.

#[path = "../support/mod.rs"]
mod support;

mod any;
mod commands;
mod docker;
mod repository;
mod table;
