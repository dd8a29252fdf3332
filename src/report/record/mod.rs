//! The record of a run: all that reports can tell of it, as one value that JSON keeps.
//!
//! - [`model`](Record): the types, which are also the JSON document
//! - `collect`: from events to the record
//! - `replay`: from the record to events, for reports that are fed by them
//! - `read`: from a document that somebody else wrote; `seal`: whether it is what was written

mod collect;
mod counts;
mod model;
mod place;
mod read;
mod replay;
mod schema;
mod seal;
mod values;

#[cfg(test)]
mod tests;

pub use collect::Collector;
pub(super) use collect::UNFINISHED;
pub use counts::CountsRecord;
pub use model::{
    CaseRecord, CheckRecord, Ended, EngineRecord, ImageRecord, Judgement, Record, SelectionRecord,
    ShardRecord, SpecRecord, StreamRecord,
};
pub use place::{FindingRecord, PlaceRecord, ProblemRecord};
pub(super) use read::Head;
pub use read::RecordError;
pub use schema::schema;
pub(super) use schema::schema_of;
pub use seal::{KEY, SealError, check_seal, key};
pub use values::{Moment, Seconds};
