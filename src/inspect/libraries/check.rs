//! Whether a program can be started.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::super::binary::{Binary, Script};
use super::super::elf::Elf;
use super::super::facts::{Facts, path_folders};
use super::super::glob::Pattern;
use super::super::path::{Real, absolute, real_path};
use super::load::{load, loader_object};
use super::loader::{Loader, usual};
use super::script::interpreter;
use super::search::{Candidate, Object, System};
use crate::engine::{EngineError, FileKind, FileStat, Files, ImageConfig};

/// As many scripts may interpret each other (`execve(2)`).
const MAX_SCRIPTS: usize = 5;

/// Looks at programs and libraries of one image.
pub struct Inspector<'a> {
    files: &'a dyn Files,
    facts: &'a Facts,
    config: &'a ImageConfig,
    /// Loaders by their paths; each has a cache to read.
    loaders: RefCell<HashMap<String, Rc<Loader>>>,
}

/// What came of looking at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// An ELF file or a script, and what is missing for it to run, one line each.
    Program(Vec<String>),
    /// Nothing is at this path.
    Missing(String),
    /// A file that is neither, or no file.
    Other,
}

impl<'a> Inspector<'a> {
    /// Looks at `files`, whose image has this configuration.
    pub fn new(files: &'a dyn Files, facts: &'a Facts, config: &'a ImageConfig) -> Self {
        Self {
            files,
            facts,
            config,
            loaders: RefCell::default(),
        }
    }

    /// The files and links that a glob matches, in order.
    ///
    /// # Errors
    /// When the engine can't tell.
    pub fn matches(&self, pattern: &Pattern) -> Result<Vec<String>, EngineError> {
        let survey = self.facts.survey(self.files, &self.config.env)?;
        pattern.among(self.files, &survey)
    }

    /// Looks at one path, through links.
    ///
    /// # Errors
    /// When the engine can't tell.
    pub fn check(&self, path: &str) -> Result<Checked, EngineError> {
        self.check_within(path, MAX_SCRIPTS)
    }

    /// The same for a path that a glob happened to match: a script that can't be executed is not
    /// meant to be run.
    ///
    /// # Errors
    /// When the engine can't tell.
    pub fn check_match(&self, path: &str) -> Result<Checked, EngineError> {
        if let Real::Found(real, stat) = real_path(self.files, path)?
            && stat.kind == FileKind::File
            && !is_executable(&stat)
            && let Binary::Script(_) = self.facts.binary(self.files, &real, stat.size)?.as_ref()
        {
            return Ok(Checked::Other);
        }
        self.check(path)
    }

    fn check_within(&self, path: &str, scripts: usize) -> Result<Checked, EngineError> {
        let (real, stat) = match real_path(self.files, path)? {
            Real::Found(real, stat) => (real, stat),
            Real::Missing(at) => return Ok(Checked::Missing(at)),
        };
        if stat.kind != FileKind::File {
            return Ok(Checked::Other);
        }
        let binary = self.facts.binary(self.files, &real, stat.size)?;
        Ok(match binary.as_ref() {
            Binary::Elf(elf) => {
                let object = Object {
                    // What /proc/self/exe says.
                    path: real.clone(),
                    real,
                    elf: std::sync::Arc::clone(&binary),
                    by: None,
                    names: Vec::new(),
                };
                Checked::Program(self.elf(object, elf)?)
            }
            Binary::Script(script) => Checked::Program(self.script(path, script, scripts)?),
            Binary::Broken(reason) => Checked::Program(vec![format!("{path} is broken: {reason}")]),
            Binary::Other => Checked::Other,
        })
    }

    fn elf(&self, object: Object, elf: &Elf) -> Result<Vec<String>, EngineError> {
        let path = object.path.clone();
        let loader = match &elf.interpreter {
            Some(path) => path.clone(),
            // Linked statically.
            None if elf.needed.is_empty() => return Ok(Vec::new()),
            None => match usual(self.files, elf)? {
                Some(path) => path,
                None => {
                    return Ok(vec![format!(
                        "the image has no dynamic loader that could load {path}"
                    )]);
                }
            },
        };
        let system = System {
            files: self.files,
            facts: self.facts,
            library_path: self.config.variable("LD_LIBRARY_PATH"),
            workdir: &self.config.workdir,
        };
        let (real, binary) = match system.library(&loader, elf.abi)? {
            Candidate::Good(real, binary) => (real, binary),
            Candidate::None => {
                return Ok(vec![format!(
                    "the loader {loader} of {path} does not exist"
                )]);
            }
            Candidate::Foreign => {
                return Ok(vec![format!(
                    "the loader {loader} of {path} is for another kind of machine"
                )]);
            }
            Candidate::Bad(reason) => {
                return Ok(vec![format!("the loader {loader} of {path} {reason}")]);
            }
        };
        if let Some(stat) = self.files.stat(&real)?
            && !is_executable(&stat)
        {
            return Ok(vec![format!(
                "the loader {loader} of {path} is not executable"
            )]);
        }
        let object_of_loader = loader_object(&loader, real, binary);
        let kind = match object_of_loader.elf() {
            Some(elf) => self.loader(&loader, elf)?,
            None => return Ok(Vec::new()),
        };
        load(&system, object, &kind, object_of_loader)
    }

    fn loader(&self, path: &str, elf: &Elf) -> Result<Rc<Loader>, EngineError> {
        if let Some(known) = self.loaders.borrow().get(path) {
            return Ok(Rc::clone(known));
        }
        let loader = Rc::new(Loader::new(self.files, path, elf)?);
        let mut loaders = self.loaders.borrow_mut();
        loaders.insert(path.to_owned(), Rc::clone(&loader));
        Ok(loader)
    }

    fn script(
        &self,
        path: &str,
        script: &Script,
        scripts: usize,
    ) -> Result<Vec<String>, EngineError> {
        if scripts == 0 {
            return Ok(vec![format!(
                "{path}: too many scripts interpret each other"
            )]);
        }
        let interpreter = match interpreter(script) {
            Ok(interpreter) => interpreter,
            Err(reason) => return Ok(vec![format!("{path}: {reason}")]),
        };
        let mut programs = vec![absolute(&self.config.workdir, &interpreter.path)];
        if let Some(program) = interpreter.sought {
            match self.in_path(&program)? {
                Some(found) => programs.push(found),
                None => {
                    let message = format!("`{program}`, which runs {path}, is not in PATH");
                    return Ok(vec![message]);
                }
            }
        }
        let mut complaints = Vec::new();
        for program in programs {
            let shown = program.escape_debug();
            let is_sound = match real_path(self.files, &program)? {
                Real::Found(_, stat) => stat.kind == FileKind::File && is_executable(&stat),
                Real::Missing(_) => {
                    complaints.push(format!("{shown}, which runs {path}, does not exist"));
                    continue;
                }
            };
            if !is_sound {
                complaints.push(format!("{shown}, which runs {path}, can't be executed"));
                continue;
            }
            match self.check_within(&program, scripts - 1)? {
                Checked::Program(more) => complaints.extend(more),
                Checked::Missing(_) | Checked::Other => {
                    complaints.push(format!("{shown}, which runs {path}, is no program"));
                }
            }
        }
        Ok(complaints)
    }

    /// The program that a name stands for, as `execvp(3)` finds it.
    fn in_path(&self, name: &str) -> Result<Option<String>, EngineError> {
        if name.contains('/') {
            return Ok(Some(absolute(&self.config.workdir, name)));
        }
        for folder in path_folders(&self.config.env) {
            let path = absolute(&absolute(&self.config.workdir, folder), name);
            if let Real::Found(_, stat) = real_path(self.files, &path)?
                && stat.kind == FileKind::File
                && is_executable(&stat)
            {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }
}

fn is_executable(stat: &FileStat) -> bool {
    stat.mode & 0o111 != 0
}
