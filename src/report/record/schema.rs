//! The JSON Schema of the record.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::model::Record;

/// The JSON Schema (draft 2020-12) of what `--json` writes.
pub fn schema() -> Value {
    schema_of::<Record>()
}

/// The JSON Schema of a type, as serde reads and writes it.
pub(in crate::report) fn schema_of<T: JsonSchema>() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    generator.into_root_schema_for::<T>().to_value()
}
