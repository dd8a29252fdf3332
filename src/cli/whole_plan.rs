//! The plan of a project with all checks that its specs have.

use super::exit::Exit;
use super::session::{Trouble, env};
use crate::diagnostic::Diagnostics;
use crate::plan::Plan;
use crate::project::Project;
use crate::spec::{Inputs, Loaded, load};

/// All specs of the project.
pub(super) fn specs(project: &Project) -> Result<Loaded, Trouble> {
    let inputs = Inputs {
        project: Some(project),
        env: &env,
    };
    let specs = [project.specs.clone()];
    let loaded = load(&project.root, &specs, inputs);
    loaded.map_err(|error| Trouble::new(Exit::InvalidSpec, error))
}

/// All checks of all specs of the project.
pub(super) fn whole_plan(project: &Project, loaded: Loaded) -> Result<Plan, Trouble> {
    let mut mistakes = loaded.mistakes;
    match Plan::new(loaded.specs, Vec::new(), Some(project), &project.root) {
        Ok(plan) if mistakes.is_empty() => return Ok(plan),
        Ok(_) => {}
        Err(more) => mistakes.extend(more.0),
    }
    Err(Trouble::mistakes(&Diagnostics(mistakes)))
}
