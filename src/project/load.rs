//! From the file to the [`Project`].

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::check::check;
use super::file::ProjectFile;
use super::globs::FileGlobs;
use super::inputs::SaidInputs;
use super::registries::Registry;
use super::template::Template;
use crate::diagnostic::Diagnostics;
use crate::platform::Platform;
use crate::source::{Located, Source};
use crate::tag::TagTemplate;
use crate::yaml::{self, Context, Decode, ReadError};

/// The name of the project file.
pub const FILE_NAME: &str = "seatrial.yaml";

/// Where specs are if the project does not say.
pub(super) const SPECS: &str = "test-specs";

/// The catalogue of images.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder of the project file: all paths in it are relative to this.
    pub root: PathBuf,
    /// The folder of the specs.
    pub specs: PathBuf,
    /// The tag of what is published, if the file says one.
    pub tag: Option<TagTemplate>,
    /// What `{release}` stands for in tags, if the file says so.
    pub release: Option<String>,
    /// The images in the order of the file.
    pub images: Vec<Image>,
    /// The registries that images are published to, in the order of the file.
    pub registries: Vec<Registry>,
}

/// An image of the catalogue.
#[derive(Debug, Clone)]
pub struct Image {
    /// The name that specs use, and where it is written.
    pub name: Located<String>,
    /// What it is tagged with.
    pub reference: String,
    /// Its Dockerfile.
    pub dockerfile: PathBuf,
    /// The folder that is sent to the engine.
    pub context: PathBuf,
    /// Build arguments.
    pub args: Vec<(String, Template)>,
    /// The stage to build.
    pub target: Option<String>,
    /// The platforms that it is made for; none if not said.
    pub platforms: Vec<Platform>,
    /// What its build may use besides.
    pub inputs: SaidInputs,
    /// Whether it is published.
    pub public: bool,
    /// The files it depends on.
    pub files: FileGlobs,
    /// The images it derives from, as positions in [`Project::images`].
    pub parents: Vec<usize>,
}

/// Why there is no project.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The file can't be read.
    #[error("can't read the project file {}: {reason}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The file has mistakes.
    #[error("{0}")]
    Invalid(#[from] Diagnostics),
}

impl Project {
    /// Looks for a project file in `folder` and above; `None` if there is none.
    ///
    /// # Errors
    /// When there is one, but it is not right.
    pub fn discover(folder: &Path) -> Result<Option<Self>, ProjectError> {
        let found = folder
            .ancestors()
            .map(|folder| folder.join(FILE_NAME))
            .find(|file| file.is_file());
        found.map(|file| Self::load(&file)).transpose()
    }

    /// Reads the project file `path`.
    ///
    /// # Errors
    /// When it can't be read, or all mistakes in it.
    pub fn load(path: &Path) -> Result<Self, ProjectError> {
        let root = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // Under the root an absolute name would only be noise, and differ between machines.
        let shown = if path.is_absolute() {
            path.strip_prefix(root).unwrap_or(path)
        } else {
            path
        };
        let unreadable = |reason| ProjectError::Unreadable {
            path: path.to_owned(),
            reason,
        };
        let source = yaml::read(path, shown).map_err(|error| match error {
            ReadError::System(reason) => unreadable(reason),
            ReadError::Refused(reason) => unreadable(io::Error::other(reason)),
            ReadError::NotText(mistake) => ProjectError::Invalid(Diagnostics(vec![*mistake])),
        })?;
        Ok(Self::parse(&source, root)?)
    }

    /// Reads the text of a project file that stands in `root`.
    ///
    /// # Errors
    /// All mistakes in it.
    pub fn parse(source: &Arc<Source>, root: &Path) -> Result<Self, Diagnostics> {
        let document = yaml::parse(source).map_err(|error| Diagnostics(vec![error]))?;
        let mut context = Context::default();
        let file = ProjectFile::decode(&document, &mut context);
        let project = file.map(|file| check(file, root, &mut context));
        let mut mistakes = context.into_diagnostics();
        match project {
            Some(project) if mistakes.is_empty() => Ok(project),
            _ => {
                mistakes.sort_by_key(|mistake| mistake.place().range().start);
                Err(Diagnostics(mistakes))
            }
        }
    }

    /// The file that it was read from.
    pub fn file(&self) -> Option<PathBuf> {
        let source = self.images.first()?.name.place.source();
        Some(self.root.join(source.path().file_name()?))
    }

    /// The image of this name.
    pub fn image(&self, name: &str) -> Option<&Image> {
        self.images.iter().find(|image| image.name.value == name)
    }

    /// The build arguments of `image`, filled in.
    ///
    /// # Errors
    /// Every variable that is not set.
    pub fn arguments(
        &self,
        image: &Image,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Vec<(String, String)>, Diagnostics> {
        let reference = |name: &str| {
            let found = self.image(name).map(|image| image.reference.clone());
            found.unwrap_or_default()
        };
        let mut filled = Vec::new();
        let mut mistakes = Vec::new();
        for (name, template) in &image.args {
            match template.fill(&reference, env) {
                Ok(value) => filled.push((name.clone(), value)),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        if mistakes.is_empty() {
            Ok(filled)
        } else {
            Err(Diagnostics(mistakes))
        }
    }
}
