//! What a registry wants to see before it gives anything: challenges, and tokens for them
//! (distribution's "Token Authentication Specification").

use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use serde::Deserialize;

use super::client::{Client, WORDS_LIMIT, bounded};
use super::credentials::Secret;
use super::error::RegistryError;
use super::words::{harmless, said};

/// How long a token lasts that does not say it ("`expires_in`").
const USUAL: Duration = Duration::from_secs(60);
/// A token that ends so soon is not shown any more: what it is shown for takes time, too.
const MARGIN: Duration = Duration::from_secs(10);

/// What is done with a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope<'a> {
    /// It is read.
    Pull,
    /// It is written to.
    Push,
    /// It is written to, and this one of the same registry is read.
    Mount(&'a str),
}

/// What the registry is shown.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) header: HeaderValue,
    /// What it was got for.
    pub(super) challenge: Challenge,
    until: Option<Instant>,
}

/// What a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    expires_in: Option<u64>,
}

impl Scope<'_> {
    /// Those who have the same are shown the same.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Pull => "pull".to_owned(),
            Self::Push => "push".to_owned(),
            Self::Mount(from) => format!("mount {from}"),
        }
    }

    /// As a service of tokens is asked for it.
    fn scopes(&self, repository: &str) -> Vec<String> {
        match self {
            Self::Pull => vec![format!("repository:{repository}:pull")],
            Self::Push => vec![format!("repository:{repository}:pull,push")],
            Self::Mount(from) => vec![
                format!("repository:{repository}:pull,push"),
                format!("repository:{from}:pull"),
            ],
        }
    }
}

impl Shown {
    /// Whether it is not worth showing any more.
    pub(super) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| until <= Instant::now())
    }
}

impl Token {
    /// The token, and how long it lasts.
    pub(super) fn read(body: &[u8]) -> Option<(String, Duration)> {
        let answer: Self = serde_json::from_slice(body).ok()?;
        let token = answer.token.or(answer.access_token)?;
        // It becomes a header.
        let is_sound = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
        let lasts = answer.expires_in.filter(|seconds| *seconds > 0);
        let lasts = lasts.map_or(USUAL, |seconds| Duration::from_secs(seconds.min(1 << 20)));
        is_sound.then_some((token, lasts))
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

impl Client {
    /// Gets what a challenge wants to see.
    pub(super) async fn authorise(
        &self,
        challenge: &Challenge,
        scope: &Scope<'_>,
        refused: Option<String>,
    ) -> Result<Shown, RegistryError> {
        let (realm, service) = match challenge {
            Challenge::Basic => {
                let Secret::Password { user, password } = &self.credentials.secret else {
                    return Err(self.unauthorised(scope, refused));
                };
                let request = self.http.get(&self.place.url);
                let built = request.basic_auth(user, Some(password)).build();
                let header = built
                    .ok()
                    .and_then(|it| it.headers().get(AUTHORIZATION).cloned());
                let header = header.ok_or_else(|| self.unauthorised(scope, refused))?;
                return Ok(Shown {
                    header,
                    challenge: challenge.clone(),
                    until: None,
                });
            }
            Challenge::Bearer { realm, service } => (realm, service),
        };
        if !realm.starts_with("https://") && !self.place.is_plain() {
            let reason = "it wants credentials to be sent to an address without TLS";
            return Err(self.failed(reason.to_owned()));
        }
        let scopes = scope.scopes(&self.name.path);
        // One after the other in a query, together in a form.
        let together = scopes.join(" ");
        let service = service.iter().map(|service| ("service", service.as_str()));
        let asked = Instant::now();
        let request = || match &self.credentials.secret {
            Secret::Identity(token) => {
                let mut fields = vec![("scope", together.as_str())];
                fields.extend(service.clone());
                fields.push(("grant_type", "refresh_token"));
                fields.push(("client_id", "seatrial"));
                fields.push(("refresh_token", token));
                self.http.post(realm).form(&fields)
            }
            secret => {
                let scopes = scopes.iter().map(|scope| ("scope", scope.as_str()));
                let fields: Vec<_> = scopes.chain(service.clone()).collect();
                let request = self.http.get(realm).query(&fields);
                match secret {
                    Secret::Password { user, password } => request.basic_auth(user, Some(password)),
                    _ => request,
                }
            }
        };
        let response = self.steadily("token that it wants to see", request).await?;
        let status = response.status();
        let body = bounded(response, WORDS_LIMIT).await.unwrap_or_default();
        if matches!(status.as_u16(), 400 | 401 | 403) {
            return Err(self.unauthorised(scope, said(&body)));
        }
        let token = Token::read(&body).filter(|_| status.is_success());
        let shown = token.and_then(|(token, lasts)| {
            let mut header = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
            header.set_sensitive(true);
            Some(Shown {
                header,
                challenge: challenge.clone(),
                until: Some(asked + lasts - MARGIN.min(lasts / 2)),
            })
        });
        shown.ok_or_else(|| {
            let reason = format!("{realm} answered {status}, but gave no token");
            self.failed(harmless(&reason))
        })
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
            let token = Token::read(text.as_bytes()).map(|it| it.0);
            assert_eq!(token.as_deref(), expected, "{text}");
        }
    }
}
