//! Alpine packages (`apk-package(5)`).

use super::super::path::{Real, real_path};
use super::database::{Package, Packages, Unreadable};
use super::headers::{records, value};
use crate::engine::{FileKind, Files};

/// The second is where newer versions keep it.
const DATABASES: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];
/// As large as no list of packages is.
const MAX_DATABASE: u64 = 256 << 20;

/// The packages that are installed; `None` without a database.
pub(super) fn installed(files: &dyn Files) -> Result<Option<Packages>, Unreadable> {
    for database in DATABASES {
        if let Real::Found(path, stat) = real_path(files, database)?
            && stat.kind == FileKind::File
        {
            let text = files.read(&path, MAX_DATABASE)?;
            return read(database, &String::from_utf8_lossy(&text)).map(Some);
        }
    }
    Ok(None)
}

fn read(path: &str, text: &str) -> Result<Packages, Unreadable> {
    let package = |record| {
        let name = case_value(record, "P");
        let name = name.ok_or_else(|| Unreadable::broken(path, "a record has no `P:`"))?;
        let version = case_value(record, "V");
        Ok(Package {
            manager: "apk",
            name: name.to_owned(),
            version: version.map(ToOwned::to_owned),
            at: path.to_owned(),
        })
    };
    records(text).map(package).collect()
}

/// Here `P:` and `p:` are two keys.
fn case_value<'a>(record: &'a str, name: &str) -> Option<&'a str> {
    let lines = record.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| value(line, name)).next()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Tree;
    use super::*;

    #[test]
    fn records_of_both_places() {
        let text =
            "C:Q1x=\np:so:libz.so.1=1.3\nP:zlib\nV:1.3.1-r2\n\nP:busybox\nV:1.36.1_p1-r29\n\n";
        for place in DATABASES {
            let found = installed(&Tree::new().file(place, text)).unwrap().unwrap();
            let found: Vec<_> = found
                .iter()
                .map(|p| (p.name.as_str(), p.version.as_deref()))
                .collect();
            assert_eq!(
                found,
                [
                    ("zlib", Some("1.3.1-r2")),
                    ("busybox", Some("1.36.1_p1-r29"))
                ]
            );
        }
        assert!(installed(&Tree::new()).unwrap().is_none());
        assert!(installed(&Tree::new().file(DATABASES[0], "x")).is_err());
    }
}
