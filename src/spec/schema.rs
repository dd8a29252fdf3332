//! The JSON Schema of a spec file.

use std::time::Duration;

use serde_json::{Value, json};

use super::kind::{CheckType, KINDS};
use super::options::{CheckOptions, DefaultOptions};
use super::read::SpecHead;
use super::run::RunSettings;
use crate::yaml::{Definitions, Describe, Key, Keys, object_schema};

/// The JSON Schema (draft 2020-12) of spec files, made of the types that they are read into.
///
/// It knows keys, values and their forms. What takes more to tell – names that must differ, images
/// that must be there – only `seatrial` itself does.
pub fn schema() -> Value {
    let mut definitions = Definitions::default();
    let checks = checks(&mut definitions);
    let mut keys = SpecHead::keys(&mut definitions);
    keys.push(Key {
        name: "env_inputs",
        description:
            "Variables of the caller that the spec may use as `${{ env.NAME }}`: a list of \
                      names, or a map of names and their values when they are not set."
                .to_owned(),
        is_required: false,
        schema: env_inputs(&mut definitions),
    });
    keys.push(Key {
        name: "defaults",
        description: "What holds for all checks of this file that do not say otherwise.".to_owned(),
        is_required: false,
        schema: defaults(&mut definitions),
    });
    keys.push(Key {
        name: "checks",
        description: "What must hold.".to_owned(),
        is_required: false,
        schema: json!({"type": "array", "minItems": 1, "items": checks}),
    });
    let mut root = object_schema("The checks of an image, for `seatrial test`.", &keys);
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("seatrial spec");
    root["anyOf"] = json!([
        {"required": ["checks"]},
        {"required": ["inherit"]},
        {"required": ["include"]},
    ]);
    root["examples"] = json!([{
        "image": "samtools-cloud",
        "checks": [
            {"name": "samtools is the pinned one", "run": ["samtools", "--version"],
             "stdout": {"version": ">=1.16, <2"}},
            {"file": "/usr/bin/samtools", "mode": "0755", "owner": "root"},
        ],
    }]);
    root["$defs"] = definitions.into_value();
    root
}

fn checks(definitions: &mut Definitions) -> Value {
    let kinds: Vec<Value> = KINDS
        .iter()
        .map(|kind| definitions.refer(kind.key, |definitions| check(kind, definitions)))
        .collect();
    json!({"anyOf": kinds})
}

/// A check of one kind: the keys of any check, and its own.
fn check(kind: &CheckType, definitions: &mut Definitions) -> Value {
    let mut keys = vec![
        Key {
            name: "name",
            description: "What reports and filters call it; unique within the image.".to_owned(),
            is_required: false,
            schema: String::schema(definitions),
        },
        Key {
            name: "each",
            description:
                "Makes several checks of this one: a map of variables and lists of values, \
                          or a list of maps. `${{ NAME }}` stands for the value."
                    .to_owned(),
            is_required: false,
            schema: json!({
                "anyOf": [
                    {"type": "object", "minProperties": 1, "additionalProperties": {"anyOf": [
                        String::schema(definitions),
                        {"type": "array", "minItems": 1},
                    ]}},
                    {"type": "array", "minItems": 1, "items": {
                        "type": "object",
                        "minProperties": 1,
                    }},
                ],
                "examples": [{"tool": ["samtools", "bcftools"]}],
            }),
        },
    ];
    keys.extend((kind.keys)(definitions));
    if keys.iter().all(|key| key.name != "timeout") {
        keys.push(Key {
            name: "timeout",
            description: "The time after which the check has failed.".to_owned(),
            is_required: false,
            schema: Duration::schema(definitions),
        });
    }
    keys.extend(CheckOptions::keys(definitions));
    for key in &mut keys {
        key.is_required |= key.name == kind.key;
    }
    object_schema(kind.what, &keys)
}

fn defaults(definitions: &mut Definitions) -> Value {
    let mut keys = RunSettings::keys(definitions);
    keys.extend(DefaultOptions::keys(definitions));
    object_schema("", &keys)
}

fn env_inputs(definitions: &mut Definitions) -> Value {
    let name = String::schema(definitions);
    json!({"anyOf": [
        name,
        {"type": "array", "items": name, "minItems": 1},
        {"type": "object", "additionalProperties": {"anyOf": [name, {"type": "null"}]}},
    ]})
}
