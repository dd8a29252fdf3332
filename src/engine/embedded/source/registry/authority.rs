//! What a registry wants to see before it gives anything: challenges, and tokens for them
//! (distribution's "Token Authentication Specification").

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use serde::Deserialize;

/// What a registry asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A name and a password.
    Basic,
    /// A token of this service.
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

/// What a service of tokens answers.
#[derive(Deserialize)]
pub(super) struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Token {
    pub(super) fn read(body: &[u8]) -> Option<String> {
        let answer: Self = serde_json::from_slice(body).ok()?;
        let token = answer.token.or(answer.access_token)?;
        // It becomes a header.
        let is_sound = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
        is_sound.then_some(token)
    }
}

impl Challenge {
    /// The best that is offered.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let said = headers.get_all(WWW_AUTHENTICATE).iter();
        let mut found: Vec<Self> = said
            .filter_map(|value| Self::parse(value.to_str().ok()?))
            .collect();
        found.sort_by_key(|it| *it == Self::Basic);
        found.into_iter().next()
    }

    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service) = (None, None);
        for (name, value) in parameters(rest) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                _ => {}
            }
        }
        let realm = realm?;
        Some(Self::Bearer { realm, service })
    }
}

/// `name="value"` pairs between commas; values may have commas in their quotes.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',']).to_owned();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        found.push((name, value.trim().to_owned()));
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let bearer = |realm: &str, service: Option<&str>| {
            let service = service.map(ToOwned::to_owned);
            let realm = realm.to_owned();
            Some(Challenge::Bearer { realm, service })
        };
        let table = [
            (r#"Basic realm="x""#, Some(Challenge::Basic)),
            ("basic", Some(Challenge::Basic)),
            (
                r#"Bearer realm="https://a.io/t",service="b, c",scope="repository:x:pull,push""#,
                bearer("https://a.io/t", Some("b, c")),
            ),
            (
                "bearer realm=https://a.io/t",
                bearer("https://a.io/t", None),
            ),
            (r#"Bearer service="x""#, None),
            ("Negotiate", None),
            (r#"Bearer realm="cut"#, bearer("cut", None)),
        ];
        for (text, expected) in table {
            assert_eq!(Challenge::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn tokens_are_read() {
        let table = [
            (r#"{"token":"a"}"#, Some("a")),
            (r#"{"access_token":"b"}"#, Some("b")),
            (r#"{"token":""}"#, None),
            (r#"{"token":"a\r\nX: b"}"#, None),
            ("{}", None),
        ];
        for (text, expected) in table {
            assert_eq!(Token::read(text.as_bytes()).as_deref(), expected, "{text}");
        }
    }
}
