//! Docker's default filter of system calls, as a program for the kernel.
//!
//! What is followed: the default profile of moby as of Docker Engine 29.4.3, as runc turns it into
//! a filter with a libseccomp that knows all of its names (2.6.0). libseccomp's programs ask for
//! one number after the other; ours decides by halves, which is quicker to load and to pass, and
//! answers the same. How older engines differ is in `tests/docker.rs`.

mod assembler;
mod instruction;
mod machine;
mod profile;
mod program;
mod rules;
mod tables;
mod tree;

#[cfg(test)]
mod tests;

pub(crate) use program::program;
