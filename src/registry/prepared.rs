//! Images made ready to be pushed, once for all registries.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::content::Blob;
use super::decompress::{Compression, MAGIC, reader};
use super::descriptor::{Descriptor, Manifest, OCI_MANIFEST, PlatformEntry};
use super::digest::{Digest, Hasher};
use super::error::RegistryError;
use super::gzip::compress;
use super::layer_cache::{LayerCache, is_sound};
use super::parts::{ImageParts, LayerContent, LayerPart};

const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// How much is read at once where content is only looked through, in bytes.
const PIECE: usize = 256 << 10;

/// An image that is ready: its manifest, and all that this points to. The bytes are fixed; whatever
/// registry they are sent to has the same image in the end.
#[derive(Debug, Clone)]
pub struct Prepared {
    manifest: Manifest,
    config: Blob,
    layers: Vec<Blob>,
    diff_ids: Vec<Digest>,
    platform: PlatformEntry,
}

/// What is read of a configuration.
#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    variant: Option<String>,
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<Digest>,
}

/// What is read of a manifest that came with the image.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    config: Pointer,
    layers: Vec<Pointer>,
}

#[derive(Deserialize)]
struct Pointer {
    digest: Digest,
    size: u64,
}

/// A manifest as it is written here.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    schema_version: u32,
    media_type: &'static str,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

impl Prepared {
    /// Makes an image ready: `tested` is its id, the digest of its configuration.
    ///
    /// A manifest that it has already is kept, and so are the blobs that it points to, when all of its
    /// layers are compressed. Otherwise it gets an OCI manifest, and every layer that is not compressed
    /// with gzip becomes so. Each layer is read to its end, and must be what the configuration says.
    /// `is_stopped` is asked now and then.
    ///
    /// # Errors
    /// [`RegistryError::Image`] when it is not the image that was tested, or can't be read;
    /// [`RegistryError::Interrupted`].
    pub fn new(
        parts: &ImageParts,
        tested: &Digest,
        cache: &LayerCache,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Self, RegistryError> {
        let work = Work {
            place: &parts.place,
            cache,
            is_stopped,
        };
        let config = Blob::of_bytes(parts.config.clone());
        if config.digest() != tested {
            return Err(work.wrong(format!(
                "its configuration has the digest {}, and the image that was tested is {tested}",
                config.digest()
            )));
        }
        let read: Config = serde_json::from_slice(&parts.config)
            .map_err(|error| work.wrong(format!("the configuration can't be read: {error}")))?;
        let diff_ids: Vec<Digest> = parts.layers.iter().map(|it| it.diff_id.clone()).collect();
        if read.rootfs.diff_ids != diff_ids {
            return Err(work.wrong("it has other layers than its configuration says"));
        }
        let kinds = parts.layers.iter().map(|layer| work.compression(layer));
        let kinds = kinds.collect::<Result<Vec<_>, _>>()?;
        let given = parts.manifest.as_ref();
        let given = given.filter(|_| kinds.iter().all(|kind| *kind != Compression::None));
        let given = match given {
            Some(manifest) => Some((manifest, work.pointers(manifest, tested, &diff_ids)?)),
            None => None,
        };
        let mut layers = Vec::new();
        for (number, layer) in parts.layers.iter().enumerate() {
            // An image may have the same layer many times.
            let known = diff_ids[..number]
                .iter()
                .position(|it| *it == layer.diff_id);
            let blob = match (&given, known) {
                (Some((_, pointers)), _) => {
                    work.as_it_is(layer, kinds[number], Some(&pointers[number]))?
                }
                (None, Some(known)) => Blob::clone(&layers[known]),
                (None, None) if kinds[number] == Compression::Gzip && is_in_file(layer) => {
                    work.as_it_is(layer, Compression::Gzip, None)?
                }
                (None, None) => work.compressed(layer, kinds[number])?,
            };
            layers.push(blob);
        }
        let manifest = match given {
            Some((manifest, _)) => manifest.clone(),
            None => work.manifest(&config, &layers)?,
        };
        cache.prune();
        Ok(Self {
            manifest,
            config,
            layers,
            diff_ids,
            platform: PlatformEntry {
                architecture: read.architecture,
                os: read.os,
                variant: read.variant.filter(|it| !it.is_empty()),
            },
        })
    }

    /// Its manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The id of the image: the digest of its configuration.
    pub fn config_digest(&self) -> &Digest {
        self.config.digest()
    }

    /// The digests of its layers, uncompressed, the lowest first.
    pub fn diff_ids(&self) -> &[Digest] {
        &self.diff_ids
    }

    /// What it is for.
    pub fn platform(&self) -> &PlatformEntry {
        &self.platform
    }

    /// What points to it in an index of platforms.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor {
            platform: Some(self.platform.clone()),
            ..self.manifest.descriptor()
        }
    }

    /// All that its manifest points to, each once: the layers, and the configuration at the end.
    pub fn blobs(&self) -> Vec<&Blob> {
        let mut found: Vec<&Blob> = Vec::new();
        for blob in self.layers.iter().chain([&self.config]) {
            if !found.iter().any(|known| known.digest() == blob.digest()) {
                found.push(blob);
            }
        }
        found
    }

    /// How many bytes its blobs have together.
    pub fn size(&self) -> u64 {
        self.blobs().iter().map(|blob| blob.size()).sum()
    }
}

/// JSON without blanks; maps are in order, so it is always the same.
pub(super) fn json(value: &impl Serialize) -> Result<Vec<u8>, RegistryError> {
    serde_json::to_vec(value).map_err(|error| RegistryError::Image(error.to_string()))
}

/// What all steps need.
struct Work<'a> {
    place: &'a str,
    cache: &'a LayerCache,
    is_stopped: &'a dyn Fn() -> bool,
}

impl Work<'_> {
    fn wrong(&self, reason: impl std::fmt::Display) -> RegistryError {
        RegistryError::Image(format!("{}: {reason}", self.place))
    }

    fn broken(&self, layer: &LayerPart, error: &io::Error) -> RegistryError {
        if (self.is_stopped)() {
            return RegistryError::Interrupted;
        }
        self.wrong(format!(
            "the layer {} can't be read: {error}",
            layer.diff_id
        ))
    }

    fn go_on(&self) -> io::Result<()> {
        if (self.is_stopped)() {
            // Not `Interrupted`: whoever reads would just read on.
            return Err(io::Error::other("the run was interrupted"));
        }
        Ok(())
    }

    fn compression(&self, layer: &LayerPart) -> Result<Compression, RegistryError> {
        let mut start = Vec::new();
        layer
            .open()?
            .take(MAGIC as u64)
            .read_to_end(&mut start)
            .map_err(|error| self.broken(layer, &error))?;
        Ok(Compression::of(&start))
    }

    /// What a manifest points to, which must be this image.
    fn pointers(
        &self,
        manifest: &Manifest,
        tested: &Digest,
        diff_ids: &[Digest],
    ) -> Result<Vec<Pointer>, RegistryError> {
        let given: Given = serde_json::from_slice(&manifest.bytes)
            .map_err(|error| self.wrong(format!("the manifest can't be read: {error}")))?;
        if given.config.digest != *tested || given.layers.len() != diff_ids.len() {
            return Err(self.wrong("its manifest is that of another image"));
        }
        Ok(given.layers)
    }

    /// A layer that is compressed already.
    fn as_it_is(
        &self,
        layer: &LayerPart,
        kind: Compression,
        pointer: Option<&Pointer>,
    ) -> Result<Blob, RegistryError> {
        let broken = |error: io::Error| self.broken(layer, &error);
        let mut sent = Hasher::default();
        let mut size = 0;
        // What is not in a file that stays is put into one.
        let scratch = match is_in_file(layer) {
            true => None,
            false => Some(self.cache.scratch().map_err(broken)?),
        };
        let tee = Tee {
            input: layer.open()?,
            take: |bytes: &[u8]| {
                self.go_on()?;
                sent.update(bytes);
                size += bytes.len() as u64;
                scratch
                    .as_ref()
                    .map_or(Ok(()), |mut file| io::Write::write_all(&mut file, bytes))
            },
        };
        let mut tee = io::BufReader::with_capacity(PIECE, tee);
        let mut inner = Hasher::default();
        let read = reader(&mut tee, kind)
            .and_then(|mut plain| each(&mut plain, &mut |bytes| inner.update(bytes)));
        read.map_err(broken)?;
        // Nothing may come after what was read, but what does is part of it.
        io::copy(&mut tee, &mut io::sink()).map_err(broken)?;
        drop(tee);
        let (digest, found) = (sent.finish(), inner.finish());
        self.expect(layer, &found)?;
        if let Some(pointer) = pointer
            && (pointer.digest != digest || pointer.size != size)
        {
            return Err(self.wrong(format!(
                "the manifest says that a layer has the digest {} and {} bytes, but it has {digest} \
                 and {size} bytes",
                pointer.digest, pointer.size
            )));
        }
        let (file, offset) = match (&layer.content, scratch) {
            (LayerContent::File { file, offset, .. }, _) => (Arc::clone(file), *offset),
            (_, Some(file)) => (Arc::new(file), 0),
            (_, None) => return Err(self.wrong("a layer is nowhere")),
        };
        Ok(Blob::of_file(digest, file, offset, size))
    }

    /// A layer as it is after it was compressed, now or by an earlier run.
    fn compressed(&self, layer: &LayerPart, kind: Compression) -> Result<Blob, RegistryError> {
        let broken = |error: io::Error| self.broken(layer, &error);
        let go_on = || self.go_on();
        if let Some(blob) = self.cache.find(&layer.diff_id, &go_on).map_err(broken)? {
            return Ok(blob);
        }
        let mut file: File = self.cache.scratch().map_err(broken)?;
        let input = layer.open()?;
        let done =
            reader(input, kind).and_then(|mut plain| compress(&mut plain, &mut file, &go_on));
        let done = done.map_err(broken)?;
        self.expect(layer, &done.input)?;
        let file = Arc::new(file);
        let blob = Blob::of_file(done.output.clone(), Arc::clone(&file), 0, done.size);
        if !is_sound(&blob, &go_on).map_err(broken)? {
            return Err(self.wrong("a layer is not what was written"));
        }
        self.cache.keep(&layer.diff_id, &done.output, &file);
        Ok(blob)
    }

    fn expect(&self, layer: &LayerPart, found: &Digest) -> Result<(), RegistryError> {
        if *found == layer.diff_id {
            return Ok(());
        }
        Err(self.wrong(format!(
            "a layer must have the digest {}, but has {found}",
            layer.diff_id
        )))
    }

    fn manifest(&self, config: &Blob, layers: &[Blob]) -> Result<Manifest, RegistryError> {
        let written = Written {
            schema_version: 2,
            media_type: OCI_MANIFEST,
            config: Descriptor::of(OCI_CONFIG, config),
            layers: layers
                .iter()
                .map(|it| Descriptor::of(OCI_LAYER_GZIP, it))
                .collect(),
        };
        Ok(Manifest::new(OCI_MANIFEST, json(&written)?))
    }
}

fn is_in_file(layer: &LayerPart) -> bool {
    matches!(layer.content, LayerContent::File { .. })
}

/// Shows what is read to somebody else, too.
struct Tee<R, F> {
    input: R,
    take: F,
}

impl<R: Read, F: FnMut(&[u8]) -> io::Result<()>> Read for Tee<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        (self.take)(&buffer[..count])?;
        Ok(count)
    }
}

fn each(input: &mut dyn Read, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => take(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
