//! Whatever changes: more changes concern no fewer images, and whoever derives from one of them too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use proptest::prelude::*;
use seatrial::affected::{Action, Affected, Changed, Changes, GitError, Old, affected};
use seatrial::project::Project as Catalogue;
use seatrial::spec::{Inputs, Spec, load};

use crate::repository::SPECS;
use crate::support::Project;
use crate::support::family::{files, project};

struct Family {
    folder: Project,
    catalogue: Catalogue,
    specs: Vec<Spec>,
    paths: Vec<String>,
}

/// The project file as it was before: one image was another.
struct Before;

impl Old for Before {
    fn contents(&self, path: &Path) -> Result<Vec<Option<Vec<u8>>>, GitError> {
        let is_project = path.ends_with("seatrial.yaml");
        let old = project().replacen("dockerfiles/vapor/Dockerfile", "x", 1);
        Ok(vec![is_project.then(|| old.into_bytes())])
    }
}

fn family() -> &'static Family {
    static FAMILY: OnceLock<Family> = OnceLock::new();
    FAMILY.get_or_init(|| {
        let folder = Project::new(&SPECS);
        let mut paths: Vec<String> = SPECS.iter().map(|(path, _)| (*path).to_owned()).collect();
        for (path, text) in files() {
            folder.write(&path, text.as_bytes());
            paths.push(path);
        }
        for path in ["x.txt", "golden.txt", "in.txt", "folder/deep/y.txt"] {
            folder.write(&format!("fixtures/{path}"), b"x\n");
            paths.push(format!("fixtures/{path}"));
        }
        folder.write("seatrial.yaml", project().as_bytes());
        let others = [
            "seatrial.yaml",
            "src/svtk/new",
            "nobody/new",
            "test-specs/gone.yaml",
            "é",
        ];
        paths.extend(others.map(str::to_owned));
        let catalogue = Catalogue::load(&folder.path("seatrial.yaml")).unwrap();
        let inputs = Inputs {
            project: Some(&catalogue),
            env: &|_| None,
        };
        let specs = load(&catalogue.root, &[PathBuf::from("test-specs")], inputs)
            .unwrap()
            .specs;
        assert_eq!(specs.len(), 6);
        Family {
            folder,
            catalogue,
            specs,
            paths,
        }
    })
}

fn find(paths: &BTreeSet<usize>, folders: bool) -> Affected {
    let family = family();
    let root = family.folder.root().canonicalize().unwrap();
    let files = paths.iter().map(|at| {
        let path = root.join(&family.paths[*at]);
        Changed {
            path: if folders {
                path.parent().unwrap().to_owned()
            } else {
                path
            },
            is_folder: folders,
        }
    });
    let changes = Changes {
        files: files.collect(),
        notes: Vec::new(),
    };
    let specs: Vec<&Spec> = family.specs.iter().collect();
    affected(&family.catalogue, &specs, &changes, &Before).unwrap()
}

fn paths() -> impl Strategy<Value = BTreeSet<usize>> {
    proptest::collection::btree_set(0..family().paths.len(), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn more_changes_concern_no_fewer_images(one in paths(), other in paths(), folders in any::<bool>()) {
        let both: BTreeSet<usize> = one.union(&other).copied().collect();
        let (small, large) = (find(&one, folders), find(&both, folders));
        let actions = |of: &Affected, action: Action| {
            let images = of.images.iter().filter(|image| image.action <= action);
            images.map(|image| image.name.clone()).collect::<BTreeSet<_>>()
        };
        for action in [Action::Build, Action::Test] {
            prop_assert!(actions(&small, action).is_subset(&actions(&large, action)));
        }
        // A repository of its own concerns whatever is in it.
        prop_assert!(small.to_test().is_subset(&find(&one, true).to_test()));
    }

    #[test]
    fn what_is_built_is_closed_and_holds_what_changed(changed in paths()) {
        let family = family();
        let found = find(&changed, false);
        let build: BTreeSet<String> = found.to_build().into_iter().collect();
        for image in &family.catalogue.images {
            let mut parents = image.parents.iter().map(|at| &family.catalogue.images[*at].name.value);
            if parents.any(|parent| build.contains(parent)) {
                prop_assert!(build.contains(&image.name.value), "{}", image.name.value);
            }
            let own = format!("dockerfiles/{}/Dockerfile", image.name.value);
            if changed.iter().any(|at| family.paths[*at] == own) {
                prop_assert!(build.contains(&image.name.value), "{}", image.name.value);
            }
        }
        // Parents come first, each image once, and every chain ends at something that changed.
        let order = found.to_build();
        let mut seen: BTreeSet<&String> = BTreeSet::new();
        for name in &order {
            prop_assert!(seen.insert(name));
            let image = family.catalogue.image(name).unwrap();
            for parent in &image.parents {
                let parent = &family.catalogue.images[*parent].name.value;
                prop_assert!(!build.contains(parent) || seen.contains(parent));
            }
        }
        for image in &found.images {
            prop_assert!(image.chain.len() >= 2 && image.chain[0] == image.name);
            let end = image.chain.last().unwrap();
            let is_there = |at: &usize| end.starts_with(family.paths[*at].as_str());
            prop_assert!(changed.iter().any(is_there), "{}", image.because());
        }
        if changed.is_empty() {
            prop_assert!(found.images.is_empty());
        }
    }
}
