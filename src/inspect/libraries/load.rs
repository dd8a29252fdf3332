//! Loads a program without running it: all its libraries, and the libraries of these.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::binary::Binary;
use super::super::path::name;
use super::conf;
use super::loader::Loader;
use super::search::{Candidate, Object, Sought, System};
use crate::engine::EngineError;

/// No program has more libraries; whatever looks like it does was made to.
const MAX_OBJECTS: usize = 4096;
/// As many places are named in a message.
const SHOWN_PLACES: usize = 8;

/// Parts of musl itself, whatever files of these names there are.
const PARTS_OF_MUSL: [&str; 7] = ["c", "pthread", "rt", "m", "dl", "util", "xnet"];

/// Loads `program` with a loader and says what is missing, one line each.
pub(super) fn load(
    system: &System<'_>,
    program: Object,
    loader: &Loader,
    loader_object: Object,
) -> Result<Vec<String>, EngineError> {
    let Some(abi) = program.elf().map(|elf| elf.abi) else {
        return Ok(Vec::new());
    };
    let mut complaints = Vec::new();
    let mut missing = HashSet::new();
    // The loader is there before it loads anything.
    let mut objects = vec![program, loader_object];
    let mut at = 0;
    while at < objects.len() {
        let needed = objects[at]
            .elf()
            .map(|elf| elf.needed.clone())
            .unwrap_or_default();
        // What the loader itself needs, it has.
        let needed = if at == 1 { Vec::new() } else { needed };
        for library in needed {
            if is_loaded(&library, &mut objects, loader) || missing.contains(&library) {
                continue;
            }
            match system.seek(&library, at, &objects, loader, abi)? {
                Sought::Found(path, real, elf) => {
                    if let Some(known) = objects.iter_mut().find(|object| object.real == real) {
                        known.names.push(library);
                    } else if objects.len() < MAX_OBJECTS {
                        objects.push(Object {
                            path,
                            real,
                            elf,
                            by: Some(at),
                            names: vec![library],
                        });
                    } else {
                        complaints.push(format!("more than {MAX_OBJECTS} libraries are needed"));
                        return Ok(complaints);
                    }
                }
                Sought::Bad(path, reason) => {
                    let by = &objects[at].path;
                    complaints.push(format!("{library} => {path} {reason}, needed by {by}"));
                    missing.insert(library);
                }
                Sought::Missing(places) => {
                    let by = &objects[at].path;
                    let mut complaint = format!("{library} => not found, needed by {by}");
                    complaint.push_str(&hint(system, &library, loader, abi)?);
                    complaint.push_str(&shown(&places));
                    complaints.push(complaint);
                    missing.insert(library);
                }
            }
        }
        at += 1;
    }
    if matches!(loader, Loader::Glibc { .. }) {
        complaints.extend(missing_versions(&objects));
    }
    Ok(complaints)
}

fn is_loaded(library: &str, objects: &mut [Object], loader: &Loader) -> bool {
    if matches!(loader, Loader::Musl { .. }) && is_part_of_musl(library) {
        objects[1].names.push(library.to_owned());
        return true;
    }
    let by_soname = matches!(loader, Loader::Glibc { .. });
    objects.iter().any(|object| {
        let soname = object.elf().and_then(|elf| elf.soname.as_deref());
        object.names.iter().any(|name| name == library) || (by_soname && soname == Some(library))
    })
}

fn is_part_of_musl(library: &str) -> bool {
    let part = library
        .strip_prefix("lib")
        .and_then(|rest| rest.split_once('.'));
    part.is_some_and(|(part, _)| PARTS_OF_MUSL.contains(&part)) || library.starts_with("ld-musl-")
}

/// A library that is there, in a folder that only ldconfig reads of.
fn hint(
    system: &System<'_>,
    library: &str,
    loader: &Loader,
    abi: super::super::elf::Abi,
) -> Result<String, EngineError> {
    let (Loader::Glibc { .. }, false) = (loader, library.contains('/')) else {
        return Ok(String::new());
    };
    let mut folders = conf::folders(system.files)?;
    folders.push("/usr/local/lib".to_owned());
    for folder in folders {
        let path = format!("{}/{library}", folder.trim_end_matches('/'));
        if let Candidate::Good(..) = system.library(&path, abi)? {
            return Ok(format!(
                "; it is in {folder}, but not in /etc/ld.so.cache: run ldconfig"
            ));
        }
    }
    Ok(String::new())
}

fn shown(places: &[String]) -> String {
    if places.is_empty() {
        return String::new();
    }
    let more = places.len().saturating_sub(SHOWN_PLACES);
    let shown = places[..places.len() - more].join(", ");
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("; sought in {shown}{more}")
}

/// Versions that libraries were linked with and that those found here do not define. musl's loader
/// does not look at them.
fn missing_versions(objects: &[Object]) -> Vec<String> {
    let mut complaints = Vec::new();
    for object in objects {
        let Some(elf) = object.elf() else { continue };
        for need in elf.needs.iter().filter(|need| !need.weak) {
            let library = objects.iter().find(|object| {
                let soname = object.elf().and_then(|elf| elf.soname.as_deref());
                object.names.contains(&need.library) || soname == Some(&need.library)
            });
            // A library that is not found was told of already; one without versions has them all.
            let versions = library.and_then(|found| Some((found, found.elf()?.versions.as_ref()?)));
            if let Some((found, versions)) = versions
                && !versions.contains(&need.version)
            {
                complaints.push(format!(
                    "{} has no version {}, needed by {}",
                    found.path, need.version, object.path
                ));
            }
        }
    }
    complaints
}

/// The loader as a loaded object.
pub(super) fn loader_object(path: &str, real: String, elf: Arc<Binary>) -> Object {
    Object {
        path: path.to_owned(),
        real,
        elf,
        by: None,
        names: vec![path.to_owned(), name(path).to_owned()],
    }
}
