//! YAML behind one door: text → [`Node`] tree that knows its places → typed values.
//!
//! Values keep the spelling of the file (`1.10` stays `1.10`, `no` stays `no`), and reading goes
//! on after a mistake, so that one run shows all of them.

mod decode;
mod expression;
mod node;
mod object;
mod parse;
mod read;
mod rules;
mod schema;
mod syntax;

pub(crate) use decode::parse_duration;
pub use decode::{Context, Decode, Entries, OneOrMany, Pairs};
pub use expression::{Part, has_expression, parts};
pub use node::{Kind, Node};
pub(crate) use object::object;
pub use parse::parse;
pub use read::{ReadError, read};
pub use schema::{
    Definitions, Describe, Key, Keys, described, object as object_schema, or_expression, text,
    words,
};
