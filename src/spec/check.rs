//! A spec and its checks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::config::ConfigCheck;
use super::file::{FileCheck, FilesExpectation};
use super::hygiene::HygieneCheck;
use super::kind;
use super::late::Late;
use super::layers::LayersCheck;
use super::libraries::LibraryCheck;
use super::options::CheckOptions;
use super::packages::PackageCheck;
use super::run::{RunCheck, RunSettings, Stdin};
use super::service::ServiceCheck;
use super::size::SizeBounds;
use super::text::TextExpectation;
use super::tools::{HelpCheck, VersionCheck};
use crate::source::{Located, Place, Source};

/// One spec file, for one of the images that it names.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The file.
    pub source: Arc<Source>,
    /// All files that it was read from, as [`Source::path`] has them: the file, and what it includes.
    pub files: Vec<PathBuf>,
    /// The image that is checked: a name of the project file or any image reference.
    pub image: Located<String>,
    /// The images whose checks must hold as well.
    pub inherit: Vec<Inherit>,
    /// What must hold. Never empty unless it inherits; names differ from each other.
    pub checks: Vec<Check>,
}

/// An image whose checks a derived image must pass too.
#[derive(Debug, Clone)]
pub struct Inherit {
    /// The image.
    pub image: Located<String>,
    /// Names of checks that are left out; `*` and `?` stand for any text and any character.
    pub except: Vec<Located<String>>,
}

/// One thing that must hold.
#[derive(Debug, Clone)]
pub struct Check {
    /// Its name, unique within the image.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// What can be said of any check.
    pub options: CheckOptions,
    /// The time after which it has failed, for kinds that run no command.
    pub timeout: Option<Located<Duration>>,
    /// What it looks at and expects.
    pub kind: CheckKind,
}

/// What a check looks at.
#[derive(Debug, Clone)]
pub enum CheckKind {
    /// A command in a container.
    Run(Box<RunCheck>, Box<RunSettings>),
    /// A tool must tell its version.
    Version(Box<VersionCheck>, Box<RunSettings>),
    /// A tool must explain itself.
    Help(Box<HelpCheck>, Box<RunSettings>),
    /// A path of the image.
    File(Box<FileCheck>),
    /// The image's configuration.
    Config(Box<ConfigCheck>),
    /// The image as the service it is.
    Service(Box<ServiceCheck>, Box<RunSettings>),
    /// The size of the image.
    Size(Located<SizeBounds>),
    /// The layers of the image.
    Layers(Box<LayersCheck>),
    /// The libraries of a program.
    Library(Box<LibraryCheck>),
    /// An installed package.
    Package(Box<PackageCheck>),
    /// A rule about what is left in the image.
    Hygiene(Box<HygieneCheck>),
    /// Something that can only be read once the image is known.
    Late(Box<Late>),
}

impl CheckKind {
    /// The key that says what it looks at, in a word; modules are asked for by commands.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Run(..) => "run",
            Self::Version(..) => "version",
            Self::Help(..) => "help",
            Self::File(_) => "file",
            Self::Config(_) => "config",
            Self::Service(..) => "service",
            Self::Size(_) => "size",
            Self::Layers(_) => "layers",
            Self::Library(_) => "libraries",
            Self::Package(_) => "packages",
            Self::Hygiene(_) => "hygiene",
            Self::Late(late) => kind::key(&late.node).unwrap_or("run"),
        }
    }

    /// What the check is called when the spec does not say.
    pub(super) fn default_name(&self) -> String {
        let name = match self {
            Self::Run(run, _) => run.run.summary(),
            Self::File(file) if file.expected.must_exist() => {
                format!("file {}", file.file.text())
            }
            Self::File(file) => format!("no file {}", file.file.text()),
            Self::Config(_) => "config".to_owned(),
            Self::Size(_) => "size".to_owned(),
            Self::Layers(_) => "layers".to_owned(),
            Self::Version(check, _) => format!("version of {}", check.tool.name.value),
            Self::Help(check, _) => format!("help of {}", check.tool.name.value),
            Self::Service(..) => "service".to_owned(),
            Self::Library(_) | Self::Package(_) | Self::Hygiene(_) | Self::Late(_) => String::new(),
        };
        let printable = name.chars().map(|c| if c.is_control() { ' ' } else { c });
        printable.take(200).collect::<String>().trim().to_owned()
    }

    /// The files of the project that the check needs, and where it says so.
    pub fn host_files(&self) -> Vec<(PathBuf, Place)> {
        let settings = match self {
            Self::Run(_, settings)
            | Self::Version(_, settings)
            | Self::Help(_, settings)
            | Self::Service(_, settings) => Some(settings),
            _ => None,
        };
        let mounts = settings.iter().flat_map(|settings| &settings.mounts);
        let mounts = mounts
            .flat_map(|pairs| &pairs.0)
            .map(|(path, _)| (PathBuf::from(&path.value), path.place.clone()));
        let stdins: Vec<&Located<Stdin>> = match self {
            Self::Run(run, _) => run.stdin.iter().collect(),
            Self::Service(service, _) => service.stdins().collect(),
            _ => Vec::new(),
        };
        let stdins = stdins.into_iter().filter_map(|stdin| match &stdin.value {
            Stdin::File(path) => Some((path.value.clone(), path.place.clone())),
            Stdin::Text(_) => None,
        });
        let golden = self
            .texts()
            .into_iter()
            .flat_map(TextExpectation::host_files);
        let golden = golden.map(|path| (path.value.clone(), path.place.clone()));
        mounts.chain(stdins).chain(golden).collect()
    }

    /// Files of the project that the check may need once the image is known, as far as that can be
    /// told: the folder of a path that is not all there yet.
    pub fn late_files(&self) -> Vec<PathBuf> {
        match self {
            Self::Late(late) => late.files(),
            _ => Vec::new(),
        }
    }

    /// What the check expects of texts.
    fn texts(&self) -> Vec<&TextExpectation> {
        match self {
            Self::Run(run, _) => {
                let files = run.files.iter().flat_map(FilesExpectation::texts);
                run.stdout.iter().chain(&run.stderr).chain(files).collect()
            }
            Self::Service(service, _) => service.texts(),
            Self::File(file) => file.expected.texts().collect(),
            Self::Config(config) => config.texts().collect(),
            Self::Version(..)
            | Self::Help(..)
            | Self::Size(_)
            | Self::Layers(_)
            | Self::Library(_)
            | Self::Package(_)
            | Self::Hygiene(_)
            | Self::Late(_) => Vec::new(),
        }
    }
}
