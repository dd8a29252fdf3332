//! Lists that come in several answers.

use reqwest::header::LINK;
use reqwest::{Response, Url};
use serde::Deserialize;

use super::client::{Ask, Client, bounded};
use super::error::RegistryError;

/// The longest list that is read, in bytes.
const LIST_LIMIT: u64 = 16 << 20;
/// In no more answers than these.
const MOST_PAGES: usize = 1000;

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

/// The names of all tags of a repository.
pub(super) fn tags(client: &Client) -> Result<Vec<String>, RegistryError> {
    client.wait(async {
        let mut found: Vec<String> = Vec::new();
        let ask = client.get("list of tags", "tags/list?n=1000")?;
        pages(client, ask, |bytes| {
            let page: Tags = serde_json::from_slice(bytes)?;
            found.extend(page.tags.unwrap_or_default());
            Ok(())
        })
        .await?;
        Ok(found)
    })
}

/// Shows each answer to `take`; `false` if there is no such list.
pub(super) async fn pages(
    client: &Client,
    mut ask: Ask<'_>,
    mut take: impl FnMut(&[u8]) -> Result<(), serde_json::Error>,
) -> Result<bool, RegistryError> {
    for number in 0..MOST_PAGES {
        let Some(response) = client.find(&ask).await? else {
            return Ok(number > 0);
        };
        let next = next(&response, &ask.url);
        let Some(bytes) = bounded(response, LIST_LIMIT).await else {
            return Err(client.failed(format!("the {} breaks off", ask.what)));
        };
        take(&bytes)
            .map_err(|error| client.failed(format!("the {} can't be read: {error}", ask.what)))?;
        match next {
            Some(url) if url.origin() == ask.url.origin() => ask.url = url,
            Some(_) => {
                return Err(client.failed(format!("the {} goes on at another host", ask.what)));
            }
            None => return Ok(true),
        }
    }
    Err(client.failed(format!("the {} has no end", ask.what)))
}

/// Where it goes on (RFC 8288).
fn next(response: &Response, from: &Url) -> Option<Url> {
    let link = response.headers().get(LINK)?.to_str().ok()?;
    let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = parameters.contains("rel=\"next\"") || parameters.contains("rel=next");
    if !is_next {
        return None;
    }
    from.join(target).ok()
}
