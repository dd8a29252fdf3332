//! The Markdown report: for the summary of a CI job, or a comment on a change.
//!
//! - `render`: the whole report
//! - `failure`: a check that did not pass
//! - `escape`: texts that can't become markup, links or mentions
//! - `page`: what fits

mod escape;
mod failure;
mod page;
mod render;

#[cfg(test)]
mod tests;

pub(super) use escape::inline;
pub(super) use render::{LIMIT, render, within};
