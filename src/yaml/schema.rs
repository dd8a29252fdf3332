//! JSON Schemas of what can be read, for editors.
//!
//! Our own trait, because values are read from nodes and not through serde, whose data model is
//! what the crates for schemas describe.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::decode::{OneOrMany, Pairs};
use crate::source::Located;

/// The schemas that others refer to, by name.
#[derive(Debug, Default)]
pub struct Definitions {
    schemas: BTreeMap<String, Value>,
    /// Whose each name is: two types of one name would be taken for each other.
    owners: BTreeMap<&'static str, TypeId>,
}

impl Definitions {
    /// Gives a reference to the schema `name`, which `make` makes when it is first asked for.
    pub fn refer(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.schemas.contains_key(name) {
            // Entered before it is made, so that a schema may refer to itself.
            self.schemas.insert(name.to_owned(), Value::Null);
            let made = make(self);
            self.schemas.insert(name.to_owned(), made);
        }
        json!({"$ref": format!("#/$defs/{name}")})
    }

    /// Gives a reference to the schema of a type, by its name.
    pub fn refer_to<T: 'static>(
        &mut self,
        name: &'static str,
        make: impl FnOnce(&mut Self) -> Value,
    ) -> Value {
        let owner = *self.owners.entry(name).or_insert(TypeId::of::<T>());
        debug_assert_eq!(owner, TypeId::of::<T>(), "two types are called {name}");
        self.refer(name, make)
    }

    /// All of them.
    pub fn into_value(self) -> Value {
        Value::Object(self.schemas.into_iter().collect())
    }
}

/// What can be described by a JSON Schema (draft 2020-12).
pub trait Describe {
    /// The schema of one value.
    fn schema(definitions: &mut Definitions) -> Value;
}

/// A key of a map.
#[derive(Debug, Clone)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// What it means.
    pub description: String,
    /// Whether it must be there.
    pub is_required: bool,
    /// What stands under it.
    pub schema: Value,
}

/// What can be described as a map of known keys.
pub trait Keys {
    /// The keys in the order of the documentation.
    fn keys(definitions: &mut Definitions) -> Vec<Key>;
}

/// The lines of a doc comment as one text.
pub fn described(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    lines.join(" ").trim().to_owned()
}

/// The schema of a map with these keys and no others.
pub fn object(description: &str, keys: &[Key]) -> Value {
    let mut properties = Map::new();
    for key in keys {
        let mut schema = key.schema.clone();
        if let Value::Object(fields) = &mut schema {
            fields.insert("description".to_owned(), json!(key.description));
        }
        properties.insert(key.name.to_owned(), schema);
    }
    let required: Vec<&str> = keys
        .iter()
        .filter(|key| key.is_required)
        .map(|key| key.name)
        .collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !description.is_empty() {
        schema["description"] = json!(description);
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// `schema`, or a text in which something is still to be filled in.
pub fn or_expression(schema: &Value) -> Value {
    json!({"anyOf": [schema, {"type": "string", "pattern": r"\$\{\{"}]})
}

/// A text of this form. YAML may read such a text as a number, too.
pub fn text(pattern: &str, examples: &[&str]) -> Value {
    json!({"type": ["string", "number"], "pattern": format!(r"{pattern}|\$\{{\{{"), "examples": examples})
}

/// One of these words.
pub fn words(words: &[&str]) -> Value {
    or_expression(&json!({"enum": words}))
}

impl<T: Describe> Describe for Located<T> {
    fn schema(definitions: &mut Definitions) -> Value {
        T::schema(definitions)
    }
}

impl Describe for String {
    /// What is written without quotes may look like a number or a truth value; here it is a text.
    fn schema(_: &mut Definitions) -> Value {
        json!({"type": ["string", "number", "boolean"]})
    }
}

impl Describe for bool {
    fn schema(_: &mut Definitions) -> Value {
        or_expression(&json!({"type": "boolean"}))
    }
}

impl Describe for i64 {
    fn schema(_: &mut Definitions) -> Value {
        or_expression(&json!({"type": "integer"}))
    }
}

impl Describe for Duration {
    fn schema(_: &mut Definitions) -> Value {
        // A number alone has no unit.
        json!({
            "type": "string",
            "pattern": r"^(?=.*[1-9])([0-9.]+h)?([0-9.]+m)?([0-9.]+s)?([0-9.]+ms)?$|\$\{\{",
            "examples": ["500ms", "20s", "1m30s"],
        })
    }
}

impl<T: Describe> Describe for Vec<T> {
    fn schema(definitions: &mut Definitions) -> Value {
        json!({"type": "array", "items": T::schema(definitions)})
    }
}

impl<T: Describe> Describe for OneOrMany<T> {
    fn schema(definitions: &mut Definitions) -> Value {
        let one = T::schema(definitions);
        json!({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]})
    }
}

impl<T: Describe> Describe for Pairs<T> {
    fn schema(definitions: &mut Definitions) -> Value {
        json!({"type": "object", "additionalProperties": T::schema(definitions)})
    }
}
