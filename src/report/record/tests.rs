//! The record, from events and back.
