//! The JSON Schema of the project file.

use serde_json::{Value, json};

use super::file::ProjectFile;
use crate::yaml::{Definitions, Keys, object_schema};

/// The JSON Schema (draft 2020-12) of the project file, made of the types that it is read into.
pub fn schema() -> Value {
    let mut definitions = Definitions::default();
    let keys = ProjectFile::keys(&mut definitions);
    let mut root = object_schema("The catalogue of images.", &keys);
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("seatrial project file");
    root["examples"] = json!([{
        "images": {"samtools-cloud": {
            "dockerfile": "dockerfiles/samtools-cloud/Dockerfile",
            "args": {"BASE_IMAGE": "${{ image.sv-base-mini }}"},
        }},
    }]);
    root["$defs"] = definitions.into_value();
    root
}
