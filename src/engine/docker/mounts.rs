//! Files of this machine for containers: bound where the engine sees them, copied where not.
//!
//! An engine behind TCP, or one whose socket was handed into the container we run in, looks for
//! bind sources on a machine that is not ours. Taking its word would mount an empty folder.

use std::io;

use bollard::models::{Mount as EngineMount, MountType};

use crate::engine::Mount;

/// A mount as the engine wants it. This form makes the engine refuse a source that is not there,
/// where the older `Binds` would make an empty folder of it.
pub(super) fn bind(mount: &Mount) -> EngineMount {
    EngineMount {
        typ: Some(MountType::BIND),
        source: Some(mount.source.to_string_lossy().into_owned()),
        target: Some(mount.target.clone()),
        read_only: Some(true),
        ..EngineMount::default()
    }
}

/// An archive that, unpacked at `/`, puts copies in the places of the mounts.
///
/// # Errors
/// When a source can't be read.
pub(super) fn archive(mounts: &[Mount]) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    builder.follow_symlinks(true);
    for mount in mounts {
        let target = mount.target.trim_start_matches('/');
        if mount.source.is_dir() {
            builder.append_dir_all(target, &mount.source)?;
        } else {
            builder.append_path_with_name(&mount.source, target)?;
        }
    }
    builder.into_inner()
}
