//! Requests to one registry: with what it wants to see, and made again when that may help.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode, Url};
use tokio::sync::Mutex;

use super::authority::{Challenge, Scope, Shown};
use super::credentials::Credentials;
use super::error::RegistryError;
use super::http::client;
use super::known::Known;
use super::place::Place;
use super::reference::RepositoryName;
use super::words::{broken, is_of_tls, said};
use crate::engine::Waiter;

/// How often a request is made, and how often in a row a blob may break off.
pub(super) const TRIES: u32 = 5;
/// The pause before the second try; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(200);
/// Nobody waits longer because a registry says so.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The longest refusal or token that is read, in bytes.
pub(super) const WORDS_LIMIT: u64 = 256 << 10;

/// A registry, as whoever wants something of one repository sees it.
pub(crate) struct Client {
    pub(super) http: reqwest::Client,
    patient: OnceLock<Result<reqwest::Client, RegistryError>>,
    pub(super) place: Place,
    pub(super) name: RepositoryName,
    /// What was asked for, in messages.
    shown: String,
    pub(super) credentials: Credentials,
    /// What the registry wanted to see last, for each thing that is done with it.
    pub(super) seen: Mutex<HashMap<String, Shown>>,
    /// Where blobs are in this run.
    pub(super) known: Arc<Known>,
    waiter: Waiter,
}

/// One request.
pub(super) struct Ask<'a> {
    /// What is asked for, in messages.
    pub(super) what: &'a str,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) scope: Scope<'a>,
    pub(super) headers: Vec<(HeaderName, String)>,
    /// What is sent along, if it is small.
    pub(super) body: Bytes,
}

/// How one request went.
pub(super) struct Answered {
    /// What it showed.
    pub(super) shown: Option<Shown>,
    pub(super) answer: Result<Response, reqwest::Error>,
}

impl Ask<'_> {
    /// The same with a header.
    pub(super) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Client {
    pub(super) fn new(
        http: reqwest::Client,
        place: Place,
        name: RepositoryName,
        credentials: Credentials,
        known: Arc<Known>,
        waiter: Waiter,
    ) -> Self {
        Self {
            http,
            patient: OnceLock::new(),
            place,
            shown: name.to_string(),
            name,
            credentials,
            seen: Mutex::default(),
            known,
            waiter,
        }
    }

    /// The same, with another name in messages.
    pub(super) fn shown_as(self, shown: String) -> Self {
        Self { shown, ..self }
    }

    /// What it is called in messages.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    pub(super) fn host(&self) -> &str {
        &self.name.host
    }

    /// Waits for work on a thread that may wait, unless the run is stopped meanwhile.
    pub(super) fn wait<T>(
        &self,
        work: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, RegistryError> {
        let done = self.waiter.unless_stopped(work);
        done.unwrap_or(Err(RegistryError::Interrupted))
    }

    /// Something below the repository: `manifests/latest`. Only to be read.
    pub(super) fn get<'a>(&self, what: &'a str, path: &str) -> Result<Ask<'a>, RegistryError> {
        self.below(Method::GET, Scope::Pull, what, path)
    }

    /// A request below the repository.
    pub(super) fn below<'a>(
        &self,
        method: Method,
        scope: Scope<'a>,
        what: &'a str,
        path: &str,
    ) -> Result<Ask<'a>, RegistryError> {
        let url = format!("{}/v2/{}/{path}", self.place.url, self.name.path);
        let url = Url::parse(&url)
            .map_err(|error| RegistryError::Configuration(format!("{}: {error}", self.shown)))?;
        Ok(Ask {
            what,
            method,
            url,
            scope,
            headers: Vec::new(),
            body: Bytes::new(),
        })
    }

    /// Asks until it is answered well, refused for good, or was asked often enough.
    pub(super) async fn ask(&self, ask: &Ask<'_>) -> Result<Response, RegistryError> {
        let response = self.send(ask).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refusal(ask, response).await)
    }

    /// The same, but something that is not there is `None`.
    pub(super) async fn find(&self, ask: &Ask<'_>) -> Result<Option<Response>, RegistryError> {
        match self.ask(ask).await {
            Ok(response) => Ok(Some(response)),
            Err(RegistryError::NotThere { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks until it is answered, refused for good, or was asked often enough. The answer may say
    /// anything but that credentials are missing.
    pub(super) async fn send(&self, ask: &Ask<'_>) -> Result<Response, RegistryError> {
        let mut is_new = false;
        loop {
            let shown = self.header(&ask.scope).await?;
            let request = || {
                let request = self.request(&self.http, ask, shown.as_ref());
                // Some want to be told that there is nothing.
                let request = match ask.method {
                    Method::GET | Method::HEAD => request,
                    _ => request.header(CONTENT_LENGTH, ask.body.len()),
                };
                if ask.body.is_empty() {
                    request
                } else {
                    request.body(ask.body.clone())
                }
            };
            let response = self.steadily(ask.what, request).await?;
            if response.status() != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
            let challenged = self.challenged(&ask.scope, response, shown.as_ref(), is_new);
            is_new = challenged.await?;
        }
    }

    /// Asks once, with a body that can't be sent twice, however long that takes.
    pub(super) async fn stream(
        &self,
        ask: &Ask<'_>,
        body: Body,
    ) -> Result<Answered, RegistryError> {
        let shown = self.header(&ask.scope).await?;
        let request = self.request(self.patient()?, ask, shown.as_ref());
        let answer = request.body(body).send().await;
        Ok(Answered { shown, answer })
    }

    /// Asks once, however long that takes.
    pub(super) async fn once(&self, ask: &Ask<'_>) -> Result<Answered, RegistryError> {
        let shown = self.header(&ask.scope).await?;
        let request = self.request(self.patient()?, ask, shown.as_ref());
        let request = request.header(CONTENT_LENGTH, ask.body.len());
        let answer = request.body(ask.body.clone()).send().await;
        Ok(Answered { shown, answer })
    }

    /// A client that waits for answers as long as whoever uses it.
    fn patient(&self) -> Result<&reqwest::Client, RegistryError> {
        let made = self.patient.get_or_init(|| client(&self.place, None));
        made.as_ref().map_err(RegistryError::clone)
    }

    fn request(
        &self,
        http: &reqwest::Client,
        ask: &Ask<'_>,
        shown: Option<&Shown>,
    ) -> RequestBuilder {
        let mut request = http.request(ask.method.clone(), ask.url.clone());
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        match shown {
            // A registry may have its content taken elsewhere; that is no business of others.
            Some(shown) if self.is_ours(&ask.url) => {
                request.header(AUTHORIZATION, shown.header.clone())
            }
            _ => request,
        }
    }

    /// Whether an address is the registry's.
    fn is_ours(&self, url: &Url) -> bool {
        Url::parse(&self.place.url).is_ok_and(|ours| ours.origin() == url.origin())
    }

    /// What the registry wants to see for this, if that is known.
    async fn header(&self, scope: &Scope<'_>) -> Result<Option<Shown>, RegistryError> {
        let mut seen = self.seen.lock().await;
        let shown = seen.get(&scope.key()).cloned();
        match shown {
            Some(shown) if shown.is_over() => {
                let shown = self.authorise(&shown.challenge, scope, None).await?;
                seen.insert(scope.key(), shown.clone());
                Ok(Some(shown))
            }
            shown => Ok(shown),
        }
    }

    /// Gets what a refusal wants to see, once for all who were refused with the same: whether it is new.
    /// Something that has just been given is refused for good: `is_new`.
    pub(super) async fn challenged(
        &self,
        scope: &Scope<'_>,
        response: Response,
        shown: Option<&Shown>,
        is_new: bool,
    ) -> Result<bool, RegistryError> {
        let challenge = Challenge::read(response.headers());
        let refused = said(&bounded(response, WORDS_LIMIT).await.unwrap_or_default());
        let Some(challenge) = challenge.filter(|_| !is_new) else {
            return Err(self.unauthorised(scope, refused));
        };
        let mut seen = self.seen.lock().await;
        let known = seen.get(&scope.key()).map(|known| &known.header);
        if known.is_some() && known != shown.map(|shown| &shown.header) {
            return Ok(false);
        }
        let shown = self.authorise(&challenge, scope, refused).await?;
        seen.insert(scope.key(), shown);
        Ok(true)
    }

    /// What a refusal means.
    pub(super) async fn refusal(&self, ask: &Ask<'_>, response: Response) -> RegistryError {
        let status = response.status();
        let words = said(&bounded(response, WORDS_LIMIT).await.unwrap_or_default());
        let host = self.host();
        let asked = match ask.method {
            Method::GET | Method::HEAD => "asked for",
            _ => "sent",
        };
        let reason = match status {
            StatusCode::NOT_FOUND if asked == "sent" => {
                format!("{host} has no place for the {}", ask.what)
            }
            StatusCode::NOT_FOUND => format!("{host} has no such {}", ask.what),
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => {
                return self.unauthorised(&ask.scope, words);
            }
            StatusCode::TOO_MANY_REQUESTS => format!(
                "{host} lets nobody ask so often, or not without credentials; it was asked \
                 {TRIES} times {}",
                self.credentials
            ),
            status => format!("{host} answered {status} when {asked} the {}", ask.what),
        };
        let reason = match words {
            Some(words) => format!("{reason} ({words})"),
            None => reason,
        };
        match status {
            StatusCode::NOT_FOUND => RegistryError::NotThere {
                place: self.shown.clone(),
                reason,
            },
            _ => self.failed(reason),
        }
    }

    /// Makes one request until there is an answer that is not of a moment.
    pub(super) async fn steadily(
        &self,
        what: &str,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Response, RegistryError> {
        let mut tries = 1;
        loop {
            let wait = match request().send().await {
                Ok(response) if tries < TRIES && is_of_a_moment(response.status()) => {
                    said_pause(&response)
                }
                Ok(response) => return Ok(response),
                Err(error) if tries < TRIES && !is_of_tls(&error) && !error.is_redirect() => None,
                Err(error) => {
                    let why = broken(&error, self.host());
                    let host = self.host();
                    let reason = format!("{host} can't be asked for the {what}: {why}");
                    return Err(self.failed(reason));
                }
            };
            pause(tries, wait).await;
            tries += 1;
        }
    }

    pub(super) fn unauthorised(&self, scope: &Scope<'_>, words: Option<String>) -> RegistryError {
        let words = words.map_or(String::new(), |words| format!(" ({words})"));
        let refuses = match scope {
            Scope::Pull => "does not give it to us",
            Scope::Push | Scope::Mount(_) => "does not take it from us",
        };
        RegistryError::Refused {
            place: self.shown.clone(),
            reason: format!(
                "{} {refuses}{words}; it was asked {}",
                self.host(),
                self.credentials
            ),
        }
    }

    pub(super) fn failed(&self, reason: String) -> RegistryError {
        RegistryError::Failed {
            place: self.shown.clone(),
            reason,
        }
    }
}

/// Waits before the next try: as long as it is said, or twice as long as before, give or take a bit
/// so that not all who were refused come back at once.
pub(super) async fn pause(tries: u32, said: Option<Duration>) {
    let usual = PAUSE * 2_u32.saturating_pow(tries.saturating_sub(1).min(10));
    let wait = said.unwrap_or(usual).min(LONGEST_PAUSE);
    let mut byte = [0];
    let _ = rustix::rand::getrandom(&mut byte, rustix::rand::GetRandomFlags::empty());
    tokio::time::sleep(wait + usual.mul_f64(f64::from(byte[0]) / 1024.0)).await;
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

/// Whether the next answer may be another.
pub(super) fn is_of_a_moment(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502..=504)
}

/// How long it says to wait; dates are not worth a clock that both agree on.
pub(super) fn said_pause(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}
