//! Images of registries (OCI distribution spec), fetched over HTTP.

mod authority;
mod blob;
mod client;
mod credentials;
mod http;
mod place;
mod pull;
mod words;

pub(crate) use pull::Registries;
