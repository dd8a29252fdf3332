//! The HTTP client of one registry.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};

use super::error::RegistryError;
use super::place::Place;

/// A registry that is there takes a connection at once.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// A registry that says nothing for so long is gone.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(45);
/// Where the content of a registry is, is seldom told in more than one step.
const MOST_REDIRECTS: usize = 10;

/// Prepares a client that waits so long for the next piece of an answer.
///
/// # Errors
/// Certificates that can't be read.
pub(super) fn client(place: &Place, idle: Option<Duration>) -> Result<Client, RegistryError> {
    // The first of a process counts; another crate's is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let wrong = |what: String| RegistryError::Configuration(what);
    let mut authorities = Vec::new();
    for path in &place.authorities {
        let shown = path.display();
        let pem = std::fs::read(path).map_err(|error| wrong(format!("{shown}: {error}")))?;
        let found = Certificate::from_pem_bundle(&pem);
        let found = found.map_err(|error| wrong(format!("{shown}: {error}")))?;
        if found.is_empty() {
            return Err(wrong(format!("{shown}: there is no certificate in it")));
        }
        authorities.extend(found);
    }
    let builder = Client::builder()
        .user_agent(concat!("seatrial/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_LIMIT)
        .redirect(redirects(place.is_plain()));
    let builder = match idle {
        Some(idle) => builder.read_timeout(idle),
        None => builder,
    };
    let builder = if place.is_here {
        builder.no_proxy()
    } else {
        builder
    };
    // Who speaks in the clear needs none, and there may be none.
    let builder = if place.is_plain() {
        builder.tls_certs_only(authorities)
    } else {
        builder.tls_certs_merge(authorities)
    };
    builder.build().map_err(|error| {
        let why = super::words::broken(&error, "the registry");
        wrong(format!("can't prepare connections to {}: {why}", place.url))
    })
}

/// Redirections must not lead out of TLS. To another host no credentials go along.
fn redirects(is_plain: bool) -> Policy {
    Policy::custom(move |attempt| {
        if attempt.previous().len() > MOST_REDIRECTS {
            attempt.error("too many redirections")
        } else if !is_plain && attempt.url().scheme() != "https" {
            attempt.error("it redirects to an address without TLS")
        } else {
            attempt.follow()
        }
    })
}
