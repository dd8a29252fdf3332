//! Blobs on their way into a repository.
//!
//! Small ones go in one request after the first. Large ones go as Docker sends them, since every registry
//! takes that: all in one `PATCH` with its length and without a range. Only when it broke off is the
//! registry asked how much it has, and sent the rest; one that does not say gets it from the beginning.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use reqwest::{Method, Response, StatusCode, Url};

use super::authority::Scope;
use super::body::{Progress, Tell, body};
use super::client::{Answered, Ask, Client, TRIES, is_of_a_moment, pause, said_pause};
use super::content::Blob;
use super::digest::Digest;
use super::error::RegistryError;
use super::repository::Repository;
use super::words::{broken, is_of_tls};

/// What is sent at once, in bytes.
const SMALL: u64 = 1 << 20;
/// A connection that takes nothing for so long is gone.
const IDLE: Duration = Duration::from_secs(60);
/// A registry may look through all that it got before it answers.
const ANSWER: Duration = Duration::from_secs(600);
/// Who gets on by so much between two breaks may break off again, in bytes.
const HEADWAY: u64 = 1 << 20;
const BYTES: &str = "application/octet-stream";

/// How an attempt went.
enum Sent {
    /// All of it is there; it goes on at this address.
    All(Url),
    /// It may be tried again, after so long.
    Broken(String, Option<Duration>),
    /// The registry knows nothing of the upload any more.
    Lost(String),
}

impl Repository {
    /// Whether a blob is there.
    ///
    /// # Errors
    /// When the registry does not say.
    pub fn has_blob(&self, digest: &Digest) -> Result<bool, RegistryError> {
        self.client.wait(self.is_there(digest, Scope::Pull))
    }

    /// Sends a blob, whether it is there or not. What breaks off is taken up where it was, if the
    /// registry says where that is.
    ///
    /// # Errors
    /// When it could not be sent in any of several tries, or is refused.
    pub fn upload_blob(&self, blob: &Blob) -> Result<(), RegistryError> {
        let tell: Arc<Tell> = Arc::new(|_| {});
        self.client.wait(self.send_blob(blob, &tell))
    }

    /// Lets a blob of another repository of the same registry be in this one too; `false` if the
    /// registry does not do that, or the blob is not there.
    ///
    /// # Errors
    /// When the registry does not answer.
    pub fn mount_blob(&self, digest: &Digest, from: &str) -> Result<bool, RegistryError> {
        self.client.wait(self.mount(digest, from))
    }

    pub(super) async fn is_there(
        &self,
        digest: &Digest,
        scope: Scope<'_>,
    ) -> Result<bool, RegistryError> {
        let path = format!("blobs/{digest}");
        let ask = self.client.below(Method::HEAD, scope, "blob", &path)?;
        Ok(self.client.find(&ask).await?.is_some())
    }

    pub(super) async fn mount(&self, digest: &Digest, from: &str) -> Result<bool, RegistryError> {
        let scope = Scope::Mount(from);
        let mut ask = self
            .client
            .below(Method::POST, scope, "blob", "blobs/uploads/")?;
        ask.url
            .query_pairs_mut()
            .append_pair("mount", digest.as_str())
            .append_pair("from", from);
        let response = match self.client.send(&ask).await {
            // Whoever may not read the other one sends it.
            Err(RegistryError::Refused { .. }) => return Ok(false),
            response => response?,
        };
        if response.status() == StatusCode::ACCEPTED {
            // It waits for the blob to be sent, which happens elsewhere, if it must.
            if let Some(url) = location(&self.client, &ask.url, &response) {
                self.cancel(url).await;
            }
        }
        Ok(response.status() == StatusCode::CREATED)
    }

    /// Says that nothing comes any more. A registry that does not want to know forgets it by itself.
    async fn cancel(&self, url: Url) {
        let request = Ask {
            what: "upload",
            method: Method::DELETE,
            url,
            scope: Scope::Push,
            headers: Vec::new(),
            body: Bytes::new(),
        };
        let _ = self.client.once(&request).await;
    }

    pub(super) async fn send_blob(
        &self,
        blob: &Blob,
        tell: &Arc<Tell>,
    ) -> Result<(), RegistryError> {
        let mut breaks = 0;
        loop {
            let url = self.begin().await?;
            let sent = if blob.size() <= SMALL {
                let bytes = blob
                    .read(0, usize::MAX)
                    .map_err(|it| unreadable(blob, &it))?;
                let sent = self.finish(&url, blob, bytes).await?;
                if matches!(sent, Sent::All(_)) {
                    tell(blob.size());
                }
                sent
            } else {
                match self.send_rest(url, blob, tell, &mut breaks).await? {
                    Sent::All(url) => self.finish(&url, blob, Bytes::new()).await?,
                    sent => sent,
                }
            };
            let (why, wait) = match sent {
                Sent::All(_) => return Ok(()),
                Sent::Broken(why, wait) => (why, wait),
                Sent::Lost(why) => (why, None),
            };
            breaks += 1;
            self.not_too_often(breaks, blob, &why)?;
            pause(breaks, wait).await;
            // The answer alone may have been lost.
            if self.is_there(blob.digest(), Scope::Push).await? {
                return Ok(());
            }
        }
    }

    /// Begins an upload: the address where it goes on.
    async fn begin(&self) -> Result<Url, RegistryError> {
        let path = "blobs/uploads/";
        let ask = self.client.below(Method::POST, Scope::Push, "blob", path)?;
        let response = self.client.ask(&ask).await?;
        location(&self.client, &ask.url, &response).ok_or_else(|| {
            let host = self.client.host();
            self.client
                .failed(format!("{host} does not say where a blob is to be sent"))
        })
    }

    /// Sends all of a large blob; what breaks off is taken up again if the registry knows how far it
    /// has come.
    async fn send_rest(
        &self,
        mut url: Url,
        blob: &Blob,
        tell: &Arc<Tell>,
        breaks: &mut u32,
    ) -> Result<Sent, RegistryError> {
        let mut from = 0;
        // One that says less than before does not get on.
        let mut furthest = 0;
        loop {
            let (why, wait) = match self.patch(&url, blob, from, tell).await? {
                Sent::Broken(why, wait) => (why, wait),
                sent => return Ok(sent),
            };
            *breaks += 1;
            self.not_too_often(*breaks, blob, &why)?;
            pause(*breaks, wait).await;
            let Some((next, has)) = self.received(&url, blob).await? else {
                return Ok(Sent::Lost(why));
            };
            if has >= furthest + HEADWAY {
                (furthest, *breaks) = (has, 0);
            }
            if has == blob.size() {
                return Ok(Sent::All(next));
            }
            (url, from) = (next, has);
        }
    }

    async fn patch(
        &self,
        url: &Url,
        blob: &Blob,
        from: u64,
        tell: &Arc<Tell>,
    ) -> Result<Sent, RegistryError> {
        let client = &self.client;
        let ask = self.upload(Method::PATCH, url.clone());
        let ask = ask
            .header(CONTENT_TYPE, BYTES)
            .header(CONTENT_LENGTH, (blob.size() - from).to_string());
        let ask = match from {
            0 => ask,
            // Not as in HTTP: the registry's own form.
            from => ask.header(CONTENT_RANGE, format!("{from}-{}", blob.size() - 1)),
        };
        let (body, progress) = body(blob, from, tell);
        let work = client.stream(&ask, body);
        let answer = match watched(work, &progress, blob.size() - from).await {
            Some(answer) => answer?,
            None => {
                let why = format!("{} takes nothing any more", client.host());
                return Ok(Sent::Broken(why, None));
            }
        };
        if let Some(trouble) = progress.trouble() {
            return Err(unreadable(blob, &trouble));
        }
        self.judge(&ask, answer, from > 0).await
    }

    /// Says that all is there, with the last bytes.
    async fn finish(&self, url: &Url, blob: &Blob, bytes: Bytes) -> Result<Sent, RegistryError> {
        let mut url = url.clone();
        url.query_pairs_mut()
            .append_pair("digest", blob.digest().as_str());
        let mut ask = self.upload(Method::PUT, url);
        if !bytes.is_empty() {
            ask = ask.header(CONTENT_TYPE, BYTES);
        }
        ask.body = bytes;
        let progress = Progress::default();
        match watched(self.client.once(&ask), &progress, 0).await {
            Some(answer) => self.judge(&ask, answer?, false).await,
            None => {
                let why = format!(
                    "{} does not say whether it is all there",
                    self.client.host()
                );
                Ok(Sent::Broken(why, None))
            }
        }
    }

    /// What an answer to a part of an upload means. A part that was not the first may not have come
    /// where it should.
    async fn judge(
        &self,
        ask: &Ask<'_>,
        answered: Answered,
        is_resumed: bool,
    ) -> Result<Sent, RegistryError> {
        let client = &self.client;
        let response = match answered.answer {
            Ok(response) => response,
            Err(error) if is_of_tls(&error) || error.is_redirect() || error.is_builder() => {
                let why = broken(&error, client.host());
                return Err(client.failed(format!("the {} can't be sent: {why}", ask.what)));
            }
            Err(error) => return Ok(Sent::Broken(broken(&error, client.host()), None)),
        };
        let status = response.status();
        let said = || format!("{} answered {status}", client.host());
        if status.is_success() {
            let next = location(client, &ask.url, &response);
            return Ok(Sent::All(next.unwrap_or_else(|| ask.url.clone())));
        }
        if status == StatusCode::UNAUTHORIZED {
            let why = said();
            let shown = answered.shown.as_ref();
            client
                .challenged(&ask.scope, response, shown, false)
                .await?;
            return Ok(Sent::Broken(why, Some(Duration::ZERO)));
        }
        if is_of_a_moment(status) {
            return Ok(Sent::Broken(said(), said_pause(&response)));
        }
        if status == StatusCode::RANGE_NOT_SATISFIABLE {
            return Ok(Sent::Broken(said(), None));
        }
        if status == StatusCode::NOT_FOUND || is_resumed {
            return Ok(Sent::Lost(said()));
        }
        Err(client.refusal(ask, response).await)
    }

    /// How many bytes of an upload the registry has, and where it goes on; `None` if it does not say.
    async fn received(&self, url: &Url, blob: &Blob) -> Result<Option<(Url, u64)>, RegistryError> {
        let ask = self.upload(Method::GET, url.clone());
        let response = match self.client.send(&ask).await {
            Ok(response) if response.status().is_success() => response,
            Ok(_) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(next) = location(&self.client, &ask.url, &response) else {
            return Ok(None);
        };
        let range = response.headers().get(RANGE);
        let range = range.and_then(|range| range.to_str().ok());
        let last = range.and_then(|range| range.trim().rsplit_once('-'));
        let last = last.and_then(|(_, last)| last.trim().parse::<u64>().ok());
        // `0-0` is what some say of nothing at all, and nobody sends a byte alone.
        let has = match last {
            Some(0) => 0,
            Some(last) => last.saturating_add(1),
            None => return Ok(None),
        };
        Ok((has <= blob.size()).then_some((next, has)))
    }

    fn not_too_often(&self, breaks: u32, blob: &Blob, why: &str) -> Result<(), RegistryError> {
        if breaks < TRIES {
            return Ok(());
        }
        Err(self.client.failed(format!(
            "{} took the blob {} of {} bytes in none of {TRIES} tries: {why}",
            self.client.host(),
            blob.digest(),
            blob.size()
        )))
    }

    fn upload(&self, method: Method, url: Url) -> Ask<'static> {
        Ask {
            what: "blob",
            method,
            url,
            scope: Scope::Push,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }
}

/// Waits for an answer for as long as anything is taken; `None` when that stops.
async fn watched<T>(work: impl Future<Output = T>, progress: &Progress, all: u64) -> Option<T> {
    let stalled = async {
        let mut known = progress.given();
        let mut since = Instant::now();
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let given = progress.given();
            if given != known {
                (known, since) = (given, Instant::now());
            }
            let limit = if given >= all { ANSWER } else { IDLE };
            if since.elapsed() > limit {
                return;
            }
        }
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = stalled => None,
    }
}

/// Where an upload goes on: relative to where it was, or anywhere else.
fn location(client: &Client, from: &Url, response: &Response) -> Option<Url> {
    let said = response.headers().get(LOCATION)?.to_str().ok()?;
    let mut url = from.join(said).ok()?;
    // A registry behind something that speaks TLS for it may not know that; nobody leaves TLS.
    if !client.place.is_plain() && url.scheme() != "https" {
        if url.host() != from.host() {
            return None;
        }
        url.set_scheme("https").ok()?;
    }
    matches!(url.scheme(), "http" | "https").then_some(url)
}

fn unreadable(blob: &Blob, error: &dyn std::fmt::Display) -> RegistryError {
    RegistryError::Image(format!("the blob {} can't be read: {error}", blob.digest()))
}
