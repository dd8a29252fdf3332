//! Images that are built while the run goes on.

use std::sync::Arc;

use crate::verdict::Problem;

/// Is told of each image, as soon as it is there or it is known why it won't be.
pub type Told<'a> = dyn Fn(&str, Result<(), Problem>) + Sync + 'a;

/// Is told the name of an image when all of its checks have their verdicts.
pub type Tested = Arc<dyn Fn(&str) + Send + Sync>;

/// What builds images while checks of others run already.
pub struct Building<'a> {
    /// The names of the images, in the order of the builds.
    pub names: Vec<String>,
    /// Builds them all. What it does not tell of was not built.
    pub work: Box<dyn FnOnce(&Told<'_>) + Send + 'a>,
    /// Ends builds that are under way: no check waits for them any more.
    pub stop: Box<dyn Fn() + 'a>,
    /// Is told of an image when all of its checks have their verdicts.
    pub tested: Tested,
}
