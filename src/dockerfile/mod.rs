//! Dockerfiles: a text → instructions that know their lines.
//!
//! Read as BuildKit reads them: parser directives, continued lines with comments and empty lines
//! between, here-documents, flags, JSON forms, `ONBUILD`. Nothing is built and nothing is looked up.
//!
//! ```
//! use seatrial::dockerfile::Dockerfile;
//!
//! let file = Dockerfile::parse("Dockerfile", "ARG BASE=debian:12\nFROM ${BASE}\nRUN make \\\n  all\n").unwrap();
//! // What a builder calls a step → the lines of its instruction.
//! let failed = file.instruction_at_step("3/3", "RUN make   all").unwrap();
//! assert_eq!((failed.first_line, failed.last_line), (3, 4));
//! assert_eq!(failed.place.to_string(), "Dockerfile:3:1");
//! // What a stage is built from, with the arguments of a build.
//! let stage = &file.stages()[0];
//! assert_eq!(file.base(stage, &|_| None).unwrap(), "debian:12");
//! assert_eq!(file.base(stage, &|_| Some("alpine".to_owned())).unwrap(), "alpine");
//! ```
//!
//! - [`Dockerfile`]: [`parse`](Dockerfile::parse), or [`read`](Dockerfile::read) for a source that is there already
//! - [`Instruction`]: its keyword, flags, lines, here-documents, and its [`Kind`]
//! - [`Dockerfile::stages`], [`Dockerfile::base`], [`Dockerfile::global_arguments`]
//! - [`Dockerfile::instruction_at_step`]: from a builder's words to the instruction
//! - [`expand`], [`variables`]: `${NAME:-default}` as BuildKit fills it in

mod directive;
mod expand;
mod flags;
mod heredoc;
mod instruction;
mod kind;
mod parse;
mod stages;
mod step;
mod text;
mod words;

pub use directive::Directive;
pub use expand::{ExpandError, expand, variables};
pub use flags::Flag;
pub use heredoc::Heredoc;
pub use instruction::{Argument, Copying, From, Instruction, Kind, Run};
pub use parse::Dockerfile;
pub use stages::{BaseError, Stage};

#[cfg(test)]
mod any;
#[cfg(test)]
mod tests;
