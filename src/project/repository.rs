//! Where a project is in its repository.

use std::path::{Path, PathBuf};

/// The folder `root` from the top of its git repository: what CI systems put in front of a path of
/// the project to find the file. Empty for the top itself, and where there is no repository.
pub fn folder_in_repository(root: &Path) -> PathBuf {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    // A file in linked work trees and submodules.
    let top = root.ancestors().find(|folder| folder.join(".git").exists());
    let inside = top.and_then(|top| root.strip_prefix(top).ok());
    inside.map(Path::to_owned).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs::{File, create_dir_all};

    use super::*;

    #[test]
    fn a_project_knows_where_it_is_in_its_repository() {
        let top = tempfile::tempdir().unwrap();
        let nested = top.path().join("images/bio");
        create_dir_all(&nested).unwrap();
        assert_eq!(
            folder_in_repository(&nested),
            Path::new(""),
            "no repository"
        );
        create_dir_all(top.path().join(".git")).unwrap();
        assert_eq!(folder_in_repository(top.path()), Path::new(""));
        assert_eq!(folder_in_repository(&nested), Path::new("images/bio"));
        File::create(nested.join(".git")).unwrap();
        assert_eq!(folder_in_repository(&nested), Path::new(""), "a submodule");
    }
}
