//! The JSON Schema of the record.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::model::Record;

/// The JSON Schema (draft 2020-12) of what `--json` writes.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12();
    settings
        .into_generator()
        .into_root_schema_for::<Record>()
        .to_value()
}
