//! Numbers and long texts in sentences for people.

/// `1 image`, `2 images`.
pub fn count(number: usize, word: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {word}{plural}")
}

/// The text, cut after this many characters where it is longer: `docker build --no-ca…`.
pub fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The text with all white space between words drawn together.
pub fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        let told = [0, 1, 2].map(|number| count(number, "image"));
        assert_eq!(told, ["0 images", "1 image", "2 images"]);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(shortened("dœuf", 2), "dœ…");
        assert_eq!(shortened("dœ", 2), "dœ");
    }
}
