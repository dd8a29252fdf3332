//! Versions of packages, and those of what is in them.

/// The version of what a package holds, without epoch, revision and the marks of repacking:
/// `1:2.30.0+dfsg-3` → `2.30.0` (deb-version(7)).
pub fn upstream(package: &str) -> &str {
    let text = match package.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => package,
    };
    let revision = |text: &str| {
        let (_, revision) = text.rsplit_once('-')?;
        let sound = revision
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+.~".contains(&byte));
        let counted = revision.starts_with(|c: char| c.is_ascii_digit());
        (sound && counted).then_some(revision.len() + 1)
    };
    let text = &text[..text.len() - revision(text).unwrap_or(0)];
    let repacked = ["+dfsg", "+ds", "~dfsg", "~ds", ".dfsg", ".ds", "+repack"];
    let cut = repacked.iter().filter_map(|mark| text.find(mark)).min();
    &text[..cut.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::upstream;

    #[test]
    fn packaging_is_left_out() {
        let table = [
            ("1.16.1-1", "1.16.1"),
            ("1.16+ds-3", "1.16"),
            ("2.30.0+dfsg-3", "2.30.0"),
            ("0.1.16-3+b1", "0.1.16"),
            ("1:2.39.2-1.1", "2.39.2"),
            ("0.7.17-7+b2", "0.7.17"),
            ("4.2.2.20221110-2", "4.2.2.20221110"),
            ("1.16.1", "1.16.1"),
            ("1.0-rc1", "1.0-rc1"),
        ];
        for (package, expected) in table {
            assert_eq!(upstream(package), expected, "{package}");
        }
    }
}
