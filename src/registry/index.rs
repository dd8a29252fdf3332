//! Indexes: one image for several platforms (OCI image spec, "Image Index").

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::descriptor::{Descriptor, Manifest, OCI_INDEX};
use super::error::RegistryError;
use super::prepared::json;

/// An index as it is written here.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    schema_version: u32,
    media_type: &'static str,
    manifests: &'a [Descriptor],
}

/// What is read of an index.
#[derive(Deserialize)]
struct Read {
    manifests: Vec<Descriptor>,
}

/// The index of one image for several platforms, in this order: always the same bytes for the same
/// entries. What it points to must be pushed before it.
///
/// # Errors
/// [`RegistryError::Image`] when two are for the same platform, or one does not say what it is for.
pub fn index(entries: &[Descriptor]) -> Result<Manifest, RegistryError> {
    for (number, entry) in entries.iter().enumerate() {
        let platform = entry.platform.as_ref();
        let platform = platform.filter(|it| !it.os.is_empty() && !it.architecture.is_empty());
        let Some(platform) = platform else {
            let reason = format!("{} does not say what it is for", entry.digest);
            return Err(RegistryError::Image(reason));
        };
        let mut earlier = entries[..number].iter();
        if earlier.any(|it| it.platform.as_ref() == Some(platform)) {
            return Err(RegistryError::Image(format!(
                "two images are for {platform}"
            )));
        }
    }
    let written = Written {
        schema_version: 2,
        media_type: OCI_INDEX,
        manifests: entries,
    };
    Ok(Manifest::new(OCI_INDEX, json(&written)?))
}

/// The entries of an index, in its order.
///
/// # Errors
/// Why it is none that can be read: half an image and half an index is neither.
pub fn index_entries(index: &Manifest) -> Result<Vec<Descriptor>, String> {
    let unreadable = |error: serde_json::Error| format!("the index can't be read: {error}");
    let document: Value = serde_json::from_slice(&index.bytes).map_err(unreadable)?;
    let has = |key: &str| document.get(key).is_some();
    if !has("manifests") {
        return Err("it is one image, and no index of platforms".to_owned());
    }
    if has("config") || has("layers") {
        return Err("it is an index and an image at once".to_owned());
    }
    let read: Read = serde_json::from_value(document).map_err(unreadable)?;
    Ok(read.manifests)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Digest, OCI_MANIFEST, PlatformEntry};

    fn entry(text: &str) -> Descriptor {
        let mut parts = text.split('/').map(str::to_owned);
        Descriptor {
            platform: Some(PlatformEntry {
                os: parts.next().unwrap(),
                architecture: parts.next().unwrap(),
                variant: parts.next(),
            }),
            ..Manifest::new(OCI_MANIFEST, text.into()).descriptor()
        }
    }

    #[test]
    fn an_index_is_always_the_same_and_can_be_read() {
        let list = [entry("linux/amd64"), entry("linux/arm/v7")];
        let made = index(&list).unwrap();
        let digest = |text: &str| Digest::of(text.as_bytes());
        let expected = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":11,"platform":{{"architecture":"amd64","os":"linux"}}}},{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":12,"platform":{{"architecture":"arm","os":"linux","variant":"v7"}}}}]}}"#,
            digest("linux/amd64"),
            digest("linux/arm/v7")
        );
        assert_eq!(String::from_utf8(made.bytes.clone()).unwrap(), expected);
        assert_eq!(index_entries(&made).unwrap(), list);
    }

    #[test]
    fn what_can_be_no_index_is_none() {
        let twice = index(&[entry("linux/arm/v7"), entry("linux/arm/v7")]);
        assert_eq!(
            twice.unwrap_err().to_string(),
            "two images are for linux/arm/v7"
        );
        let table = [
            ("{}", "no index of platforms"),
            ("[]", "no index of platforms"),
            ("x", "can't be read"),
            (r#"{"manifests": [], "config": {}}"#, "at once"),
            (r#"{"manifests": [{"digest": "x"}]}"#, "can't be read"),
        ];
        for (text, message) in table {
            let why = index_entries(&Manifest::new(OCI_INDEX, text.into())).unwrap_err();
            assert!(why.contains(message), "{text}: {why}");
        }
    }
}
