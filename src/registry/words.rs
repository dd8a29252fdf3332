//! What is said when a registry does not give what was asked for.

use std::error::Error;

use serde::Deserialize;

/// The longest words of a registry that are passed on, in characters.
const MOST: usize = 200;

/// The words in the body of a refusal, if there are any.
pub(super) fn said(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        errors: Vec<Words>,
    }
    #[derive(Deserialize)]
    struct Words {
        message: Option<String>,
        code: Option<String>,
    }
    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    let first = refusal.errors.into_iter().next()?;
    let words = first.message.filter(|it| !it.is_empty()).or(first.code)?;
    Some(harmless(&words))
}

/// Words of somebody else: short, in one line.
pub(super) fn harmless(words: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut text: String = words.trim().chars().take(MOST).map(plain).collect();
    if words.trim().chars().count() > MOST {
        text.push('…');
    }
    text
}

/// What broke a request: the causes of `error` say what it does not.
pub(super) fn broken(error: &(dyn Error + 'static), host: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if words.last().is_none_or(|last| !last.contains(&text)) {
            words.push(text);
        }
        next = cause.source();
    }
    if words.is_empty() {
        // An address may have secrets in it.
        words.push(if error.is::<reqwest::Error>() {
            "the connection broke".to_owned()
        } else {
            error.to_string()
        });
    }
    let mut text = harmless(&words.join(": "));
    if text.contains("InvalidContentType") {
        text.push_str(&format!(
            " (if it speaks no TLS, add {host} to SEATRIAL_INSECURE_REGISTRIES)"
        ));
    } else if is_of_tls(error) {
        text.push_str(&format!(
            " (an authority that the system does not know goes into \
             /etc/docker/certs.d/{host}/ca.crt)"
        ));
    }
    text
}

/// Whether it was about certificates or the like: that does not pass.
pub(super) fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    if error.is::<rustls::Error>() {
        return true;
    }
    // An I/O error shows what it holds only when it is asked, and may hold another.
    let held = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    held.is_some_and(|held| is_of_tls(held)) || error.source().is_some_and(is_of_tls)
}
