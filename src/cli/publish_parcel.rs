//! Images made ready to be published, and what is said of them.

use std::path::Path;

use super::exit::Exit;
use super::publish::Chosen;
use super::session::{Session, Trouble, env};
use crate::engine::Engine;
use crate::plan::Plan;
use crate::project::Project;
use crate::publish::Parcel;
use crate::publish::attestation::{Statement, configuration};
use crate::registry::{LayerCache, Prepared, Registries, RegistryError, RepositoryName, Target};
use crate::report::OutputFile;
use crate::tag::commit;

/// Reads an image and makes it ready for all registries.
pub(super) fn parcel(
    session: &Session,
    project: &Project,
    plan: &Plan,
    engine: &dyn Engine,
    registries: &Registries,
    image: &Chosen,
    url: Option<String>,
) -> Result<Parcel, Trouble> {
    let failed = |error: RegistryError| session.trouble(error);
    let found = image.found.as_ref();
    let found = found.map_err(|message| Trouble::new(Exit::Harness, message))?;
    let folder = LayerCache::usual_folder(&env).unwrap_or_else(std::env::temp_dir);
    let cache = LayerCache::open(&folder).map_err(|error| {
        let message = format!("can't keep layers in {}: {error}", folder.display());
        Trouble::new(Exit::Harness, message)
    })?;
    let parts = engine.parts(found, &folder);
    let (parts, tested) = parts.map_err(|error| session.trouble(error))?;
    let stop = session.signals().stop();
    let is_stopped = || *stop.borrow();
    let prepared = Prepared::new(&parts, &tested, &cache, &is_stopped).map_err(failed)?;
    let mut repositories = Vec::new();
    let mut targets = Vec::new();
    for registry in &project.registries {
        let name = RepositoryName::parse(&registry.repository(&image.name)).map_err(failed)?;
        let mount_from = image.parents.iter().filter_map(|parent| {
            let parent = RepositoryName::parse(&registry.repository(parent)).ok()?;
            Some(parent.path)
        });
        repositories.push(name.to_string());
        targets.push(Target {
            repository: registries.repository(&name).map_err(failed)?,
            mount_from: mount_from.collect(),
        });
    }
    let several = image.platforms.len() > 1;
    let digest = prepared.manifest().digest.to_string();
    let specs = configuration(plan, &image.name);
    let statement = Statement::new(&repositories, &digest, &image.decision, specs, url);
    Ok(Parcel {
        name: image.name.clone(),
        prepared,
        targets,
        statement,
        // Platforms are put together by it.
        commit: several.then(|| commit(&project.root)).flatten(),
    })
}

/// Writes what is said of images, to be signed.
pub(super) fn write_attestations(folder: &Path, parcels: &[Parcel]) -> Result<(), Trouble> {
    for Parcel {
        name, statement, ..
    } in parcels
    {
        let texts = [
            (format!("{name}.intoto.json"), statement.to_json()),
            (
                format!("{name}.predicate.json"),
                statement.predicate.to_json(),
            ),
        ];
        for (file, text) in texts {
            let unwritable = |error: &dyn std::fmt::Display| Trouble::new(Exit::Harness, error);
            let text = text.map_err(|error| unwritable(&error))?;
            OutputFile::open(folder.join(file), text.as_bytes())
                .map_err(|error| unwritable(&error))?;
        }
    }
    Ok(())
}
