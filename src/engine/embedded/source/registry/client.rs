//! Requests to one registry: with what it wants to see, and made again when that may help.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RANGE, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use tokio::sync::Mutex;

use super::authority::{Challenge, Token};
use super::credentials::{Credentials, Secret};
use super::place::Place;
use super::words::{broken, is_of_tls, said, unfetched};
use crate::engine::embedded::source::reference::RegistryReference;
use crate::engine::{EngineError, Waiter};

/// How often a request is made, and how often in a row a blob may break off.
pub(super) const TRIES: u32 = 5;
/// The pause before the second try; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(200);
/// Nobody waits longer because a registry says so.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The longest refusal or token that is read, in bytes.
const WORDS_LIMIT: u64 = 256 << 10;

/// A registry, as whoever wants one image of it sees it.
pub(super) struct Client {
    pub(super) http: reqwest::Client,
    pub(super) place: Place,
    pub(super) reference: RegistryReference,
    pub(super) credentials: Credentials,
    /// The header that the registry wanted to see last.
    pub(super) seen: Mutex<Option<HeaderValue>>,
    pub(super) waiter: Waiter,
}

/// One request.
pub(super) struct Ask<'a> {
    /// What is asked for, in messages.
    pub(super) what: &'a str,
    /// Below the repository: `manifests/latest`.
    pub(super) path: &'a str,
    pub(super) accept: Option<&'a str>,
    /// The first byte that is wanted.
    pub(super) from: u64,
}

impl Client {
    /// Waits for work on a thread that may wait, unless the run is stopped meanwhile.
    pub(super) fn wait<T>(
        &self,
        work: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        self.waiter.wait(work)
    }

    /// Asks until it is answered well, refused for good, or was asked often enough.
    pub(super) async fn ask(&self, ask: &Ask<'_>) -> Result<Response, EngineError> {
        let (repository, path) = (&self.reference.repository, ask.path);
        let url = format!("{}/v2/{repository}/{path}", self.place.url);
        let request = || {
            let request = self.http.get(&url);
            let request = match ask.accept {
                Some(accept) => request.header(ACCEPT, accept),
                None => request,
            };
            match ask.from {
                0 => request,
                from => request.header(RANGE, format!("bytes={from}-")),
            }
        };
        let mut is_new = false;
        loop {
            let shown = self.seen.lock().await.clone();
            let with_header = || match &shown {
                Some(header) => request().header(AUTHORIZATION, header.clone()),
                None => request(),
            };
            let response = self.steadily(ask.what, with_header).await?;
            if response.status() != StatusCode::UNAUTHORIZED {
                return self.answer(ask, response).await;
            }
            // A token lasts some minutes; one that has just been given is refused for good.
            let challenge = Challenge::read(response.headers());
            let refused = said(&bounded(response, WORDS_LIMIT).await.unwrap_or_default());
            let Some(challenge) = challenge.filter(|_| !is_new) else {
                return Err(self.unauthorised(refused));
            };
            let header = self.authorise(&challenge, refused).await?;
            *self.seen.lock().await = Some(header);
            is_new = true;
        }
    }

    async fn answer(&self, ask: &Ask<'_>, response: Response) -> Result<Response, EngineError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let words = said(&bounded(response, WORDS_LIMIT).await.unwrap_or_default());
        let host = &self.reference.host;
        let reason = match status {
            StatusCode::NOT_FOUND => format!("{host} has no such {}", ask.what),
            StatusCode::FORBIDDEN => return Err(self.unauthorised(words)),
            StatusCode::TOO_MANY_REQUESTS => format!(
                "{host} lets nobody ask so often, or not without credentials; it was asked \
                 {TRIES} times {}",
                self.credentials
            ),
            status => format!("{host} answered {status} when asked for the {}", ask.what),
        };
        Err(self.failed(match words {
            Some(words) => format!("{reason} ({words})"),
            None => reason,
        }))
    }

    /// Makes one request until there is an answer that is not of a moment.
    async fn steadily(
        &self,
        what: &str,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Response, EngineError> {
        let mut pause = PAUSE;
        let mut tries = 1;
        loop {
            let wait = match request().send().await {
                Ok(response) if tries < TRIES && is_of_a_moment(response.status()) => {
                    said_pause(&response).unwrap_or(pause)
                }
                Ok(response) => return Ok(response),
                Err(error) if tries < TRIES && !is_of_tls(&error) && !error.is_redirect() => pause,
                Err(error) => {
                    let why = broken(&error, &self.reference.host);
                    let host = &self.reference.host;
                    let reason = format!("{host} can't be asked for the {what}: {why}");
                    return Err(self.failed(reason));
                }
            };
            tokio::time::sleep(wait.min(LONGEST_PAUSE)).await;
            pause *= 2;
            tries += 1;
        }
    }

    /// Gets the header that a challenge wants to see.
    async fn authorise(
        &self,
        challenge: &Challenge,
        refused: Option<String>,
    ) -> Result<HeaderValue, EngineError> {
        let (realm, service) = match challenge {
            Challenge::Basic => {
                let Secret::Password { user, password } = &self.credentials.secret else {
                    return Err(self.unauthorised(refused));
                };
                let request = self.http.get(&self.place.url);
                let built = request.basic_auth(user, Some(password)).build();
                let header = built
                    .ok()
                    .and_then(|it| it.headers().get(AUTHORIZATION).cloned());
                return header.ok_or_else(|| self.unauthorised(refused));
            }
            Challenge::Bearer { realm, service } => (realm, service),
        };
        if !realm.starts_with("https://") && !self.place.is_plain() {
            let reason = "it wants credentials to be sent to an address without TLS";
            return Err(self.failed(reason.to_owned()));
        }
        let scope = format!("repository:{}:pull", self.reference.repository);
        let mut fields = vec![("scope", scope.as_str())];
        if let Some(service) = service {
            fields.push(("service", service));
        }
        let request = || match &self.credentials.secret {
            Secret::None => self.http.get(realm).query(&fields),
            Secret::Password { user, password } => {
                let request = self.http.get(realm).query(&fields);
                request.basic_auth(user, Some(password))
            }
            Secret::Identity(token) => {
                let mut fields = fields.clone();
                fields.push(("grant_type", "refresh_token"));
                fields.push(("client_id", "seatrial"));
                fields.push(("refresh_token", token));
                self.http.post(realm).form(&fields)
            }
        };
        let response = self.steadily("token that it wants to see", request).await?;
        let status = response.status();
        let body = bounded(response, WORDS_LIMIT).await.unwrap_or_default();
        if matches!(status.as_u16(), 400 | 401 | 403) {
            return Err(self.unauthorised(said(&body)));
        }
        let token = Token::read(&body).filter(|_| status.is_success());
        let header = token.and_then(|token| HeaderValue::try_from(format!("Bearer {token}")).ok());
        header.ok_or_else(|| {
            let reason = format!("{realm} answered {status}, but gave no token");
            self.failed(super::words::harmless(&reason))
        })
    }

    fn unauthorised(&self, words: Option<String>) -> EngineError {
        let words = words.map_or(String::new(), |words| format!(" ({words})"));
        self.failed(format!(
            "{} does not give it to us{words}; it was asked {}",
            self.reference.host, self.credentials
        ))
    }

    pub(super) fn failed(&self, reason: String) -> EngineError {
        unfetched(&self.reference, reason)
    }
}

/// Reads a body that has at most `limit` bytes; `None` if it breaks off or has more.
pub(super) async fn bounded(mut response: Response, limit: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.ok()? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > limit {
            return None;
        }
    }
    Some(bytes)
}

/// The type that an answer says it has.
pub(super) fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

fn is_of_a_moment(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502..=504)
}

/// How long it says to wait; dates are not worth a clock that both agree on.
fn said_pause(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}
