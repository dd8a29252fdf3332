//! The report as a page: one file that needs no other, for people who open it because something
//! failed.
//!
//! - `render`: the template, filled; its style and script are allowed by their hashes, nothing else is
//! - `page`: the whole page as the template sees it, made of the record
//! - `image`, `check`, `stream`, `diff`, `timeline`: its parts
//! - `words`: sizes and times as people read them
//!
//! What comes from images and specs reaches the page through the template alone, which escapes
//! it. There is no data in the script.

mod check;
mod diff;
mod facts;
mod image;
mod page;
mod render;
mod stream;
mod timeline;
mod words;

#[cfg(test)]
mod tests;

pub(super) use render::render;
