//! Service checks: the image is started as the service it is, asked things, and stopped.

mod ask;
mod attempt;
mod http;
mod log;
mod perform;
mod ready;

pub(super) use perform::perform;
