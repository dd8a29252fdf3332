//! Sizes in bytes.

use super::check::CheckKind;
use super::kind::{CheckType, one, preset};
use crate::diagnostic::Diagnostic;
use crate::source::Located;
use crate::yaml::{Context, Decode, Definitions, Describe, Kind, Node, object, text};
use serde_json::{Value, json};

/// `size`
pub(super) const TYPE: CheckType = CheckType {
    key: "size",
    what: "a size check",
    read: |entries, _, context| {
        let size = entries.required("size", "a size check", context)?;
        Some(one(CheckKind::Size(size)))
    },
    keys: |definitions| {
        let about = "How large the whole image is, as the engine counts it.";
        vec![preset::<SizeBounds>("size", about, definitions)]
    },
};

/// A number of bytes, written `4096`, `10kB`, `1.5MB`, `2GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl Decode for Bytes {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match node.scalar().and_then(parse_bytes) {
            Some(bytes) => Some(Self(bytes)),
            None => {
                let found = node.describe();
                let message =
                    format!("expected a size such as `4096`, `10kB` or `2GiB`, found {found}");
                let mut mistake = Diagnostic::new(&node.place, message);
                if node
                    .scalar()
                    .is_some_and(|text| text.starts_with(|c: char| c.is_ascii_digit()))
                {
                    mistake = mistake.help("the units are B, kB, MB, GB, KiB, MiB and GiB");
                }
                context.report(mistake);
                None
            }
        }
    }
}

/// `kB`, `MB`, `GB` are powers of 1000 and `KiB`, `MiB`, `GiB` powers of 1024.
pub(crate) fn parse_bytes(text: &str) -> Option<u64> {
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let factor: u64 = match unit.trim_start() {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1000 * 1000,
        "GB" => 1000 * 1000 * 1000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    let number: f64 = number.parse().ok()?;
    let bytes = number * factor as f64;
    (factor > 1 && bytes < 9e15).then_some(bytes as u64)
}

object! {
    /// The least and the most that a size may be.
    pub struct Range: "a size" {
        /// At least this many bytes.
        optional min: Bytes,
        /// At most this many bytes.
        optional max: Bytes,
    }
}

/// What a size in bytes must be: exactly a number, or within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeBounds {
    /// At least this many bytes.
    pub min: Option<u64>,
    /// At most this many bytes.
    pub max: Option<u64>,
}

impl SizeBounds {
    /// Whether `size` is within the bounds.
    pub fn allow(&self, size: u64) -> bool {
        self.min.is_none_or(|min| size >= min) && self.max.is_none_or(|max| size <= max)
    }

    /// The bounds in words and bytes: `at least 1 byte`, `exactly 28 bytes`.
    pub fn describe(&self) -> String {
        self.describe_with(count_bytes)
    }

    /// The bounds in words and in units that people read: `at most 600 MB`.
    pub fn describe_human(&self) -> String {
        self.describe_with(human)
    }

    fn describe_with(&self, shown: fn(u64) -> String) -> String {
        match (self.min, self.max) {
            (Some(min), Some(max)) if min == max => format!("exactly {}", shown(min)),
            (Some(min), Some(max)) => format!("{} to {}", shown(min), shown(max)),
            (Some(min), None) => format!("at least {}", shown(min)),
            (None, Some(max)) => format!("at most {}", shown(max)),
            (None, None) => "any size".to_owned(),
        }
    }
}

/// A size as people read it: `600 MB`, or `812.4 MB (812412345 bytes)` where that is not exact.
pub fn human(bytes: u64) -> String {
    const DECIMAL: [(&str, u64); 4] = [
        ("TB", 1_000_000_000_000),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("kB", 1000),
    ];
    const BINARY: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let Some((unit, factor)) = DECIMAL.into_iter().find(|(_, factor)| bytes >= *factor) else {
        return count_bytes(bytes);
    };
    let tenth = factor / 10;
    let decimal = |tenths: u64| match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole} {unit}"),
        (whole, rest) => format!("{whole}.{rest} {unit}"),
    };
    if bytes.is_multiple_of(tenth) {
        return decimal(bytes / tenth);
    }
    let fits = |factor: u64| bytes.is_multiple_of(factor) && bytes / factor < 1024;
    if let Some((unit, factor)) = BINARY.into_iter().find(|(_, factor)| fits(*factor)) {
        return format!("{} {unit}", bytes / factor);
    }
    // Rounded to the nearest: the exact number stands beside it.
    format!(
        "{} ({bytes} bytes)",
        decimal(bytes / tenth + u64::from(bytes % tenth >= tenth / 2))
    )
}

fn count_bytes(count: u64) -> String {
    match count {
        1 => "1 byte".to_owned(),
        _ => format!("{count} bytes"),
    }
}

impl Decode for SizeBounds {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        if let Kind::Scalar { .. } = node.kind {
            let exact = Bytes::decode(node, context)?.0;
            return Some(Self {
                min: Some(exact),
                max: Some(exact),
            });
        }
        if let Kind::Sequence(_) = node.kind {
            return context.mismatch(node, "a size, or a map such as `{max: 2GiB}`");
        }
        let before = context.count();
        let range = Located::<Range>::decode(node, context)?;
        if context.count() > before {
            return None;
        }
        let (min, max) = (range.min.map(|b| b.0), range.max.map(|b| b.0));
        if min.unwrap_or(0) == 0 && max.is_none() {
            let help = "say a size, or at least 1 with `min`, or a `max`";
            context.report(Diagnostic::new(&range.place, "this expects nothing").help(help));
            return None;
        }
        if min.zip(max).is_some_and(|(min, max)| min > max) {
            context.report(Diagnostic::new(&range.place, "`min` is larger than `max`"));
            return None;
        }
        Some(Self { min, max })
    }
}

impl Describe for Bytes {
    fn schema(_: &mut Definitions) -> Value {
        text(
            r"^[0-9.]+ ?(([kKMG]|[KMG]i)?B)?$",
            &["4096", "10kB", "2GiB"],
        )
    }
}

impl Describe for SizeBounds {
    fn schema(definitions: &mut Definitions) -> Value {
        let exact = Bytes::schema(definitions);
        json!({"anyOf": [exact, Range::schema(definitions)], "examples": [0, {"min": 1, "max": "10MB"}]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_in_the_unit_that_fits() {
        let table = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1000, "1 kB"),
            (1500, "1.5 kB"),
            (1024, "1 KiB"),
            (1025, "1 kB (1025 bytes)"),
            (600_000_000, "600 MB"),
            (812_412_345, "812.4 MB (812412345 bytes)"),
            (999_999_999, "1000 MB (999999999 bytes)"),
            (2 << 30, "2 GiB"),
            (1025 << 10, "1 MB (1049600 bytes)"),
            (u64::MAX, "18446744.1 TB (18446744073709551615 bytes)"),
        ];
        for (bytes, shown) in table {
            assert_eq!(human(bytes), shown);
        }
    }

    #[test]
    fn sizes_have_decimal_and_binary_units() {
        let table = [
            ("0", Some(0)),
            ("4096", Some(4096)),
            ("10kB", Some(10_000)),
            ("1.5MB", Some(1_500_000)),
            ("600 MB", Some(600_000_000)),
            ("2GiB", Some(2 << 30)),
            ("1.5", None),
            ("10k", None),
            ("-1", None),
            ("99999999999GiB", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_bytes(text), expected, "{text}");
        }
    }
}
