//! What Docker itself notes of an image on this machine, which tells whether its layers are still there.
//!
//! Docker removes an image in this order: the image's record; the record of its topmost layer, which is
//! renamed; the folder of that layer; then the same for the layer below, if nothing else needs that. So where
//! the records of an image and of its topmost layer are what they were, all of its layers are whole, and were
//! so all the time. Nothing has to be asked for that, and nothing made that keeps others from removing it.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, open, statat};
use sha2::{Digest, Sha256};

use crate::spec::Sha256Digest;

/// The records of an image and its topmost layer.
#[derive(Debug)]
pub(crate) struct Records {
    image: PathBuf,
    layer: PathBuf,
    /// The record of the layer as it was. As long as it is open, no other file is taken for it.
    found: OwnedFd,
}

impl Records {
    /// Those of the image `id` of these layers, the lowest first, if they say that its layers are in
    /// `folders`; `None` where they don't, or are not kept as Docker keeps them.
    pub(super) fn find(id: &str, diff_ids: &[String], folders: &[PathBuf]) -> Option<Self> {
        // ROOT/DRIVER/NAME/diff
        let names: Vec<&Path> = folders
            .iter()
            .map(|it| it.parent())
            .collect::<Option<_>>()?;
        let driver = names.last()?.parent()?;
        if names.iter().any(|name| name.parent() != Some(driver)) {
            return None;
        }
        let kept = driver.parent()?.join("image").join(driver.file_name()?);
        let layers: Vec<PathBuf> = chain(diff_ids)
            .map(|id| kept.join("layerdb/sha256").join(id))
            .collect();
        let layer = layers.last()?.clone();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let records = Self {
            image: kept
                .join("imagedb/content/sha256")
                .join(id.strip_prefix("sha256:")?),
            found: open(&layer, flags, Mode::empty()).ok()?,
            layer,
        };
        let is_of = |layer: &PathBuf, name: &&Path| {
            let said = std::fs::read_to_string(layer.join("cache-id"));
            let name = name.file_name().and_then(|name| name.to_str());
            said.is_ok_and(|said| Some(said.trim_end()) == name)
        };
        let are_theirs = layers.len() == names.len()
            && layers
                .iter()
                .zip(&names)
                .all(|(layer, name)| is_of(layer, name));
        // Last of all: what was read before is as good as this is.
        (are_theirs && records.are_unchanged()).then_some(records)
    }

    /// Whether they are still there, and with them all layers.
    pub(crate) fn are_unchanged(&self) -> bool {
        let look = |path: &Path| statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW).ok();
        // It may be written anew meanwhile, as the same.
        let has_image = look(&self.image).is_some_and(|it| is(&it, FileType::RegularFile));
        let same = |now: &Stat| {
            let was = fstat(&self.found);
            was.is_ok_and(|was| (was.st_dev, was.st_ino) == (now.st_dev, now.st_ino))
        };
        has_image && look(&self.layer).is_some_and(|now| same(&now))
    }
}

fn is(stat: &Stat, kind: FileType) -> bool {
    FileType::from_raw_mode(stat.st_mode) == kind
}

/// The names of layers, each with all below it, without their algorithm (OCI image spec, "Layer `ChainID`").
fn chain(diff_ids: &[String]) -> impl Iterator<Item = String> {
    let mut below: Option<String> = None;
    diff_ids.iter().map(move |diff_id| {
        let id = match &below {
            None => diff_id.clone(),
            Some(below) => {
                let hasher = Sha256::new_with_prefix(format!("{below} {diff_id}"));
                format!("sha256:{}", Sha256Digest::from(hasher).hex())
            }
        };
        below = Some(id.clone());
        id.trim_start_matches("sha256:").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    const ID: &str = "sha256:e5";

    /// An image of two layers as Docker keeps it.
    struct Kept {
        root: tempfile::TempDir,
        diff_ids: Vec<String>,
        folders: Vec<PathBuf>,
    }

    fn put(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = fs::File::create(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    impl Kept {
        fn new() -> Self {
            let kept = Self {
                root: tempfile::tempdir().unwrap(),
                diff_ids: ["sha256:aa", "sha256:bb"].map(ToOwned::to_owned).to_vec(),
                folders: Vec::new(),
            };
            let names = ["low", "high"];
            put(&kept.image(), "{}");
            for (layer, name) in kept.layers().iter().zip(names) {
                put(&layer.join("cache-id"), name);
            }
            let folders =
                names.map(|name| kept.root.path().join("overlay2").join(name).join("diff"));
            for folder in &folders {
                fs::create_dir_all(folder).unwrap();
            }
            Self {
                folders: folders.to_vec(),
                ..kept
            }
        }

        fn image(&self) -> PathBuf {
            self.root
                .path()
                .join("image/overlay2/imagedb/content/sha256/e5")
        }

        fn layers(&self) -> Vec<PathBuf> {
            let top = self.root.path().join("image/overlay2/layerdb/sha256");
            chain(&self.diff_ids).map(|id| top.join(id)).collect()
        }

        fn find(&self) -> Option<Records> {
            Records::find(ID, &self.diff_ids, &self.folders)
        }
    }

    #[test]
    fn layers_are_named_with_all_below_them() {
        let ids = ["sha256:aa", "sha256:bb"].map(ToOwned::to_owned);
        let expected = Sha256Digest::from(Sha256::new_with_prefix("sha256:aa sha256:bb"));
        assert_eq!(chain(&ids).collect::<Vec<_>>(), ["aa", expected.hex()]);
    }

    #[test]
    fn whatever_is_removed_first_is_noticed() {
        type Removal = fn(&Kept);
        let table: [(&str, bool, Removal); 7] = [
            ("nothing", true, |_| {}),
            (
                "the lower layer's folder, which nobody does alone",
                true,
                |kept| {
                    fs::remove_dir_all(&kept.folders[0]).unwrap();
                },
            ),
            ("the same image written anew", true, |kept| {
                put(&kept.image().with_extension("new"), "{}");
                fs::rename(kept.image().with_extension("new"), kept.image()).unwrap();
            }),
            ("the image", false, |kept| {
                fs::remove_file(kept.image()).unwrap();
            }),
            ("the top layer, to be removed", false, |kept| {
                let layer = &kept.layers()[1];
                fs::rename(layer, layer.with_extension("removing")).unwrap();
            }),
            ("the top layer", false, |kept| {
                fs::remove_dir_all(&kept.layers()[1]).unwrap();
            }),
            ("the top layer, which came again", false, |kept| {
                let layer = &kept.layers()[1];
                fs::remove_dir_all(layer).unwrap();
                put(&layer.join("cache-id"), "high");
            }),
        ];
        for (what, expected, remove) in table {
            let kept = Kept::new();
            let records = kept.find().unwrap();
            assert!(records.are_unchanged(), "{what}");
            remove(&kept);
            assert_eq!(records.are_unchanged(), expected, "{what}");
        }
    }

    #[test]
    fn what_is_kept_otherwise_is_not_believed() {
        type Change = fn(&mut Kept);
        let table: [(&str, Change); 5] = [
            ("no record of the image", |kept| {
                fs::remove_file(kept.image()).unwrap();
            }),
            ("no record of the lower layer", |kept| {
                fs::remove_dir_all(&kept.layers()[0]).unwrap();
            }),
            ("a layer in another folder", |kept| {
                put(&kept.layers()[0].join("cache-id"), "other");
            }),
            ("folders that do not lie together", |kept| {
                kept.folders[0] = PathBuf::from("/elsewhere/low/diff");
            }),
            ("more layers than folders", |kept| {
                _ = kept.folders.remove(0);
            }),
        ];
        for (what, change) in table {
            let mut kept = Kept::new();
            change(&mut kept);
            assert!(kept.find().is_none(), "{what}");
        }
    }
}
