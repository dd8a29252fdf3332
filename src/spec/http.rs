//! HTTP requests to a service and what their answers must be.

use serde_json::{Value, json};
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};

use super::codes::{Port, Statuses};
use super::text::TextExpectation;
use crate::diagnostic::Diagnostic;
use crate::source::{Located, Place};
use crate::yaml::{Context, Decode, Definitions, Describe, Node, Pairs, object};

object! {
    /// Asks a service over HTTP.
    pub struct HttpCheck: "an http check of a service" {
        /// The request.
        required http: Located<HttpRequest>,
        /// The status of the answer; 200 unless said otherwise.
        optional status: Located<Statuses>,
        /// Headers of the answer and what they must be.
        optional headers: Located<Pairs<TextExpectation>>,
        /// The content of the answer.
        optional body: TextExpectation,
        /// How long the answer may take; 10 s unless said otherwise.
        optional timeout: Duration,
    }
}

object! {
    /// A request. Redirects are not followed.
    pub struct HttpRequest: "a request" {
        /// Where it goes.
        required port: Located<Port>,
        /// The path, with the query; `/` unless said otherwise.
        optional path: Located<Path>,
        /// GET unless said otherwise.
        optional method: Located<Method>,
        /// Headers that are sent.
        optional headers: Headers,
        /// What is sent.
        optional body: String,
    }
}

impl HttpRequest {
    /// The request in brief: `GET /index.html`.
    pub fn summary(&self) -> String {
        format!("{} {}", self.method(), self.path())
    }

    /// The method.
    pub fn method(&self) -> &str {
        self.method.as_ref().map_or("GET", |method| &method.value.0)
    }

    /// The path.
    pub fn path(&self) -> &str {
        self.path.as_ref().map_or("/", |path| &path.value.0)
    }
}

/// Records names that no header can have.
pub(super) fn validate_names<T>(headers: &Pairs<T>, context: &mut Context) {
    for (name, _) in &headers.0 {
        if name.parse::<HeaderName>().is_err() {
            context.report(Diagnostic::new(&name.place, "not the name of a header"));
        }
    }
}

/// An absolute path of a URL, with its query.
#[derive(Debug, Clone)]
pub struct Path(pub String);

impl Decode for Path {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let text = String::decode(node, context)?;
        let problem = if !text.starts_with('/') {
            "the path of a request begins with `/`"
        } else if text.contains('#') {
            "what follows `#` is not sent"
        } else if text.parse::<hyper::Uri>().is_err() {
            "this can't stand in a URL as it is; write such characters as %XX"
        } else {
            return Some(Self(text));
        };
        context.report(Diagnostic::new(&node.place, problem));
        None
    }
}

/// The method of a request.
#[derive(Debug, Clone)]
pub struct Method(pub String);

impl Decode for Method {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match node.scalar() {
            // CONNECT asks for no resource.
            Some(text) if text != "CONNECT" && is_method(text) => Some(Self(text.to_owned())),
            _ => context.mismatch(node, "a method such as `GET` or `POST`"),
        }
    }
}

fn is_method(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'-')
}

/// Headers that are sent.
#[derive(Debug, Clone)]
pub struct Headers(pub Vec<(HeaderName, HeaderValue)>);

impl Decode for Headers {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let pairs = Pairs::<Located<String>>::decode(node, context)?;
        let mut headers = Vec::new();
        let mut refuse = |place: &Place, message: &str| {
            context.report(Diagnostic::new(place, message));
        };
        let count = pairs.0.len();
        for (name, value) in pairs.0 {
            match (name.parse(), value.parse()) {
                (Err(_), _) => refuse(&name.place, "not the name of a header"),
                (_, Err(_)) => refuse(&value.place, "a header is one line of text"),
                (Ok(name), Ok(value)) => headers.push((name, value)),
            }
        }
        (headers.len() == count).then_some(Self(headers))
    }
}

impl Describe for Path {
    fn schema(_: &mut Definitions) -> Value {
        json!({"type": "string", "pattern": r"^/|\$\{\{", "examples": ["/", "/health?full=1"]})
    }
}

impl Describe for Method {
    fn schema(_: &mut Definitions) -> Value {
        json!({"type": "string", "pattern": r"^[A-Z-]+$|\$\{\{", "examples": ["GET", "POST"]})
    }
}

impl Describe for Headers {
    fn schema(definitions: &mut Definitions) -> Value {
        Pairs::<String>::schema(definitions)
    }
}
