//! The JSON Schema of the record.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::model::Record;

/// The JSON Schema (draft 2020-12) of what `--json` writes.
pub fn schema() -> Value {
    let mut schema = schema_of::<Record>();
    schema["properties"]["seal"] = json!({
        "type": "string",
        "description": "A digest of all that stands before it, in the last line but one of the \
                        document: whoever reads it later sees whether it was edited. An HMAC if \
                        SEATRIAL_RESULTS_KEY was set.",
    });
    schema
}

/// The JSON Schema of a type, as serde reads and writes it.
pub(in crate::report) fn schema_of<T: JsonSchema>() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    generator.into_root_schema_for::<T>().to_value()
}
