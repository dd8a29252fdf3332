//! One pattern of an ignore file, as a regular expression over whole paths.
//!
//! The rules are Go's `filepath.Match` plus `**`: `*` and `?` stay within a path element, `[a-z]`
//! and `[^a-z]` are classes, `\` takes the next character as it is.

use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

/// Compiles a cleaned pattern; the error says what is wrong with it.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    let mut regex = String::from("(?s)^");
    let mut rest = pattern.chars().peekable();
    if let Some(literal) = pattern.strip_prefix("**")
        && !literal.starts_with('/')
        && !is_wild(literal)
    {
        // `**name` without a slash ends paths anywhere, not only at a path element.
        regex.push_str(".*");
        rest = literal.chars().peekable();
    }
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => {
                // `**/` is no more than `**`: it may stand for no folder at all.
                rest.next_if_eq(&'/');
                let is_last = rest.peek().is_none();
                regex.push_str(if is_last { ".*" } else { "(?:.*/)?" });
            }
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '[' => class(&mut rest, &mut regex)?,
            '\\' => {
                let c = rest.next().ok_or("a `\\` at the end escapes nothing")?;
                literal(c, &mut regex);
            }
            c => literal(c, &mut regex),
        }
    }
    regex.push('$');
    Regex::new(&regex).map_err(|error| error.to_string())
}

/// Whether anything in `pattern` is more than itself.
pub(super) fn is_wild(pattern: &str) -> bool {
    pattern.contains(WILD)
}

/// What `pattern` begins with before anything wild.
pub(super) fn literal_start(pattern: &str) -> &str {
    pattern.split(WILD).next().unwrap_or_default()
}

const WILD: [char; 4] = ['*', '?', '[', '\\'];

fn class(rest: &mut Peekable<Chars<'_>>, regex: &mut String) -> Result<(), String> {
    regex.push('[');
    if rest.next_if_eq(&'^').is_some() {
        regex.push('^');
    }
    let mut is_empty = true;
    while is_empty || rest.next_if_eq(&']').is_none() {
        is_empty = false;
        literal(class_member(rest)?, regex);
        if rest.next_if_eq(&'-').is_some() {
            regex.push('-');
            literal(class_member(rest)?, regex);
        }
    }
    regex.push(']');
    Ok(())
}

fn class_member(rest: &mut Peekable<Chars<'_>>) -> Result<char, String> {
    match rest.next() {
        None => Err("`[` is never closed".to_owned()),
        Some(c @ (']' | '-')) => Err(format!("a `{c}` in `[…]` is written `\\{c}`")),
        Some('\\') => rest.next().ok_or_else(|| "`[` is never closed".to_owned()),
        Some(c) => Ok(c),
    }
}

fn literal(c: char, regex: &mut String) {
    regex.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
}
