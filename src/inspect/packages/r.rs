//! R packages: `LIBRARY/NAME/DESCRIPTION` with the field `Built`, which only installed ones have.

use super::super::path::{folder, name};
use super::database::Package;
use super::headers::value;

/// Whether this is a folder that R installs packages to: `…/R/library`, `…/R/site-library`, or one
/// that the image's variables name.
pub(super) fn is_library(path: &str, named: &[String]) -> bool {
    let is_usual = path.ends_with("/R/library") || path.ends_with("/R/site-library");
    is_usual || named.iter().any(|library| library == path)
}

/// Whether this file describes an installed package.
pub(super) fn is_metadata(path: &str, libraries: &[String]) -> bool {
    name(path) == "DESCRIPTION" && is_library(folder(folder(path)), libraries)
}

pub(super) fn package(path: &str, bytes: &[u8]) -> Package {
    let text = String::from_utf8_lossy(bytes);
    let home = folder(path);
    let version = value(&text, "Version").filter(|_| value(&text, "Built").is_some());
    Package {
        manager: "r",
        name: value(&text, "Package")
            .unwrap_or_else(|| name(home))
            .to_owned(),
        version: version.map(ToOwned::to_owned),
        at: folder(home).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installed_packages_and_sources() {
        let path = "/usr/local/lib/R/site-library/DNAcopy/DESCRIPTION";
        assert!(is_metadata(path, &[]));
        assert!(!is_metadata("/src/DNAcopy/DESCRIPTION", &[]));
        assert!(is_metadata(
            "/rlibs/DNAcopy/DESCRIPTION",
            &["/rlibs".to_owned()]
        ));
        let good = package(
            path,
            b"Package: DNAcopy\nVersion: 1.72.3\nBuilt: R 4.2.2; ; unix\n",
        );
        assert_eq!(good.version.as_deref(), Some("1.72.3"));
        assert_eq!(good.at, "/usr/local/lib/R/site-library");
        let source = package(path, b"Package: DNAcopy\nVersion: 1.72.3\n");
        assert_eq!(source.version, None);
    }
}
