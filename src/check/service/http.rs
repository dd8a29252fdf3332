//! One HTTP request over one bare connection: no proxies, no redirects, no second try.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::engine::{Address, Capture, Captured};
use crate::spec::Statuses;

/// Of a body twice as much is kept: the matchers see its beginning and its end.
const BODY_LIMIT: usize = 8 << 20;

/// How much is read of an answer with another status than the expected one, and for how long.
const EXCERPT: u64 = 4 << 10;
const EXCERPT_LIMIT: Duration = Duration::from_secs(1);

/// How long a forwarder may take to find that nothing listens behind it, and to hang up.
const HANG_UP: Duration = Duration::from_millis(500);

/// What is sent.
pub(super) struct Request<'a> {
    pub(super) address: Address,
    /// The port inside of the container, for the name of the host.
    pub(super) port: u16,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) headers: &'a [(HeaderName, HeaderValue)],
    pub(super) body: &'a str,
    /// The statuses that are expected.
    pub(super) statuses: &'a Statuses,
    /// Whether the body of an expected answer is read. One that nobody asks for may never end.
    pub(super) wants_body: bool,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// Of an answer that is not expected, only the beginning.
    pub(super) body: Captured,
    /// Whether its status is an expected one.
    pub(super) is_expected: bool,
}

/// Why nothing came back, in words that follow "port N" or a comma.
pub(super) enum Failure {
    /// Nothing listens.
    NotListening,
    /// It broke off.
    Broken(String),
}

impl Request<'_> {
    /// Sends it and reads the answer. Whoever calls sets the deadline.
    pub(super) async fn send(&self) -> Result<Answer, Failure> {
        let stream = connect(self.address.socket).await?;
        let request = self
            .request()
            .map_err(|error| Failure::Broken(error.to_string()))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(&error))?;
        let exchange = async {
            let response = sender.send_request(request).await;
            let response = response.map_err(|error| broken(&error))?;
            let (head, mut content) = response.into_parts();
            let status = head.status.as_u16();
            let is_expected = self.statuses.0.contains(&status);
            let mut body = Capture::new(BODY_LIMIT);
            let read = async {
                while let Some(frame) = content.frame().await {
                    let frame = frame.map_err(|error| broken(&error))?;
                    if let Some(data) = frame.data_ref() {
                        body.push(data);
                    }
                    if !is_expected && body.total() > EXCERPT {
                        break;
                    }
                }
                Ok(())
            };
            if is_expected && self.wants_body {
                read.await?;
            } else if !is_expected {
                // It may say what is wrong. If not, that is no further matter.
                let _ = tokio::time::timeout(EXCERPT_LIMIT, read).await;
            }
            Ok(Answer {
                status,
                headers: head.headers,
                body: body.finish(),
                is_expected,
            })
        };
        let connection = async {
            // How it ends is told by the exchange.
            let _ = connection.await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            answer = exchange => answer,
            () = connection => Err(Failure::Broken("the connection was closed".to_owned())),
        }
    }

    fn request(&self) -> Result<hyper::Request<Full<Bytes>>, hyper::http::Error> {
        let body = Bytes::copy_from_slice(self.body.as_bytes());
        let mut request = hyper::Request::builder()
            .method(self.method)
            .uri(self.path)
            .body(Full::new(body))?;
        let headers = request.headers_mut();
        // What the request says itself stands; of one name it may say several.
        for (name, value) in self.headers {
            headers.append(name, value.clone());
        }
        let host = match self.port {
            80 => "localhost".to_owned(),
            port => format!("localhost:{port}"),
        };
        headers.entry(HOST).or_insert(HeaderValue::try_from(host)?);
        headers
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static("seatrial"));
        headers
            .entry(CONNECTION)
            .or_insert(HeaderValue::from_static("close"));
        Ok(request)
    }
}

/// Whether something in the container listens.
pub(super) async fn listens(address: Address) -> bool {
    let Ok(stream) = connect(address.socket).await else {
        return false;
    };
    if address.is_direct {
        return true;
    }
    // A forwarder has accepted. It hangs up as soon as it is refused itself; a server waits for
    // us to speak, or speaks first.
    let mut byte = [0];
    match tokio::time::timeout(HANG_UP, stream.peek(&mut byte)).await {
        Err(_) => true,
        Ok(Ok(count)) => count > 0,
        Ok(Err(_)) => false,
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, Failure> {
    TcpStream::connect(address)
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::ConnectionRefused => Failure::NotListening,
            _ => Failure::Broken(error.to_string()),
        })
}

fn broken(error: &hyper::Error) -> Failure {
    if error.is_incomplete_message() {
        return Failure::Broken("the connection was closed before the answer came".to_owned());
    }
    let mut reason = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        reason.push_str(&format!(": {error}"));
        cause = error.source();
    }
    Failure::Broken(reason)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    /// Whether a port counts as open behind which every connection is treated like this.
    fn counts_as_open(is_direct: bool, treat: impl Fn(&mut std::net::TcpStream) -> bool) -> bool {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = Address {
            socket: listener.local_addr().unwrap(),
            is_direct,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let asked = runtime.spawn(listens(address));
        let (mut stream, _) = listener.accept().unwrap();
        let kept = treat(&mut stream).then_some(stream);
        let open = runtime.block_on(asked).unwrap();
        drop(kept);
        open
    }

    #[test]
    fn a_forwarder_that_hangs_up_is_no_server() {
        assert!(!counts_as_open(false, |_| false));
        assert!(counts_as_open(false, |_| true));
        assert!(counts_as_open(false, |stream| {
            stream.write_all(b"220 smtp").is_err()
        }));
        assert!(counts_as_open(true, |_| false));
    }

    #[test]
    fn nothing_listens_where_nobody_is() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let socket = listener.local_addr().unwrap();
        drop(listener);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        for is_direct in [false, true] {
            let address = Address { socket, is_direct };
            assert!(!runtime.block_on(listens(address)));
        }
    }
}
