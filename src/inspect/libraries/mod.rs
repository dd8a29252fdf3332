//! Whether a program finds its libraries, as its dynamic loader would seek them (`ld.so(8)`, musl's
//! `ldso/dynlink.c`). Libraries that a program opens by itself (`dlopen(3)`) are not seen.

mod cache;
mod check;
mod conf;
mod load;
mod loader;
mod script;
mod search;
mod tokens;

#[cfg(test)]
mod tests;

pub use check::{Checked, Inspector};
