//! Debian packages (`dpkg-query(1)`, `deb-version(7)`).

use super::database::{Package, Packages, Unreadable};
use super::headers::{records, value};
use crate::engine::{FileKind, Files};

const STATUS: &str = "/var/lib/dpkg/status";
/// Where images without dpkg keep one record for each package.
const STATUS_FOLDER: &str = "/var/lib/dpkg/status.d";
/// As large as no list of packages is.
const MAX_STATUS: u64 = 256 << 20;

/// The packages that are installed; `None` without a database.
pub(super) fn installed(files: &dyn Files) -> Result<Option<Packages>, Unreadable> {
    let mut found = None;
    if files
        .stat(STATUS)?
        .is_some_and(|stat| stat.kind == FileKind::File)
    {
        let text = files.read(STATUS, MAX_STATUS)?;
        found = Some(read(STATUS, &String::from_utf8_lossy(&text), true)?);
    }
    let folder = files.stat(STATUS_FOLDER)?;
    if folder.is_some_and(|stat| stat.kind == FileKind::Directory) {
        let mut texts = Vec::new();
        files.walk(STATUS_FOLDER, &mut |entry, content| {
            let is_record = !entry.path.ends_with(".md5sums");
            if entry.stat.kind == FileKind::File && is_record {
                let mut text = Vec::new();
                let read = std::io::Read::read_to_end(content, &mut text);
                read.map_err(|error| crate::engine::EngineError::Failed {
                    step: "read a file",
                    reason: format!("{}: {error}", entry.path),
                })?;
                texts.push((entry.path.clone(), text));
            }
            Ok(())
        })?;
        let packages = found.get_or_insert_with(Vec::new);
        for (path, text) in texts {
            packages.extend(read(&path, &String::from_utf8_lossy(&text), false)?);
        }
    }
    Ok(found)
}

/// `has_status`: whether a record says if the package is installed. Removed packages leave records.
fn read(path: &str, text: &str, has_status: bool) -> Result<Packages, Unreadable> {
    let mut found = Vec::new();
    for record in records(text) {
        let name = value(record, "Package");
        let name = name.ok_or_else(|| Unreadable::broken(path, "a record has no `Package`"))?;
        if has_status {
            let status = value(record, "Status");
            let status =
                status.ok_or_else(|| Unreadable::broken(path, "a record has no `Status`"))?;
            if !status.ends_with(" ok installed") {
                continue;
            }
        }
        let version = value(record, "Version");
        found.push(Package {
            manager: "dpkg",
            name: name.to_owned(),
            version: version.map(ToOwned::to_owned),
            at: path.to_owned(),
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Tree;
    use super::*;

    #[test]
    fn only_what_is_installed_counts() {
        let status = "Package: samtools\nStatus: install ok installed\nVersion: 1:1.16.1-1\n\
                      Description: x\n .\n Version: 9\n\n\
                      Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n\
                      Package: half\nStatus: install ok half-configured\nVersion: 1\n\n\
                      Package: held\nStatus: hold ok installed\nVersion: 2022a-1~deb+12-3\n";
        let tree = Tree::new()
            .file(STATUS, status)
            .file(
                "/var/lib/dpkg/status.d/tzdata",
                "Package: tzdata\nVersion: 2024a-0+deb12u1\n",
            )
            .file("/var/lib/dpkg/status.d/tzdata.md5sums", "0 x\n");
        let found = installed(&tree).unwrap().unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|p| (p.name.as_str(), p.version.as_deref()))
            .collect();
        let expected = [
            ("samtools", Some("1:1.16.1-1")),
            ("held", Some("2022a-1~deb+12-3")),
            ("tzdata", Some("2024a-0+deb12u1")),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn no_database_and_a_broken_one() {
        assert!(installed(&Tree::new()).unwrap().is_none());
        for text in ["nonsense", "Package: a\nVersion: 1\n"] {
            assert!(
                installed(&Tree::new().file(STATUS, text)).is_err(),
                "{text}"
            );
        }
    }
}
