//! The JSON Schema of a comparison.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::model::Comparison;

/// The JSON Schema (draft 2020-12) of what `seatrial diff --json` writes.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    generator.into_root_schema_for::<Comparison>().to_value()
}
