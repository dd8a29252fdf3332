//! One blob as it comes, taken up again where it broke off.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Response, StatusCode};

use super::client::{Client, TRIES, pause};
use super::digest::Digest;
use super::error::RegistryError;
use super::words::broken;

/// Reads a blob. What it gives is checked by whoever reads it, but never longer than it must be.
pub(crate) struct BlobReader {
    client: Arc<Client>,
    path: String,
    size: u64,
    /// How many bytes were given.
    given: u64,
    /// How many bytes come again, of an answer that begins too early.
    again: u64,
    response: Option<Response>,
    piece: Bytes,
    /// How often it broke off since the last byte.
    breaks: u32,
}

impl BlobReader {
    /// Begins to fetch.
    pub(super) fn open(
        client: Arc<Client>,
        digest: &Digest,
        size: u64,
    ) -> Result<Self, RegistryError> {
        let mut blob = Self {
            client,
            path: format!("blobs/{digest}"),
            size,
            given: 0,
            again: 0,
            response: None,
            piece: Bytes::new(),
            breaks: 0,
        };
        blob.connect()?;
        Ok(blob)
    }

    fn connect(&mut self) -> Result<(), RegistryError> {
        let ask = self.client.get("blob", &self.path)?;
        let ask = match self.given {
            0 => ask,
            from => ask.header(RANGE, format!("bytes={from}-")),
        };
        let response = self.client.wait(self.client.ask(&ask))?;
        // Who can't begin in the middle begins at the beginning.
        self.again = match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let range = response.headers().get(CONTENT_RANGE);
                let range = range.and_then(|range| range.to_str().ok());
                let begins = format!("bytes {}-", self.given);
                if !range.is_some_and(|range| range.starts_with(&begins)) {
                    let host = self.client.host();
                    let reason = format!("{host} sends another part of a blob than was asked for");
                    return Err(self.client.failed(reason));
                }
                0
            }
            _ => self.given,
        };
        self.response = Some(response);
        Ok(())
    }

    /// Gets the next piece that is not known; `false` at the end.
    fn advance(&mut self) -> Result<bool, RegistryError> {
        loop {
            if self.given == self.size {
                return self.ended();
            }
            if self.response.is_none() {
                self.connect()?;
            }
            let Some(response) = &mut self.response else {
                continue;
            };
            let client = &self.client;
            let why = match client.wait(async { Ok(response.chunk().await) })? {
                Ok(Some(mut piece)) => {
                    let known = usize::try_from(self.again).unwrap_or(usize::MAX);
                    let known = known.min(piece.len());
                    self.again -= known as u64;
                    piece.advance(known);
                    if piece.is_empty() {
                        continue;
                    }
                    if piece.len() as u64 > self.size - self.given {
                        return Err(self.too_long());
                    }
                    self.breaks = 0;
                    self.given += piece.len() as u64;
                    self.piece = piece;
                    return Ok(true);
                }
                Ok(None) => "it ended too early".to_owned(),
                Err(error) => broken(&error, client.host()),
            };
            self.response = None;
            self.breaks += 1;
            if self.breaks >= TRIES {
                let reason = format!(
                    "{} breaks off in the middle of a blob ({} of {} bytes came): {why}",
                    client.host(),
                    self.given,
                    self.size
                );
                return Err(client.failed(reason));
            }
            client.wait(async {
                pause(self.breaks, None).await;
                Ok(())
            })?;
        }
    }

    /// Whether nothing comes after the last byte.
    fn ended(&mut self) -> Result<bool, RegistryError> {
        if let Some(mut response) = self.response.take() {
            let next = self.client.wait(async { Ok(response.chunk().await) })?;
            // What breaks after the last byte breaks nothing.
            if let Ok(Some(piece)) = next
                && !piece.is_empty()
            {
                return Err(self.too_long());
            }
        }
        Ok(false)
    }

    fn too_long(&self) -> RegistryError {
        let host = self.client.host();
        let reason = format!("{host} sends more of a blob than its {} bytes", self.size);
        self.client.failed(reason)
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty()
            && !buffer.is_empty()
            && !self.advance().map_err(io::Error::other)?
        {
            return Ok(0);
        }
        let count = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
