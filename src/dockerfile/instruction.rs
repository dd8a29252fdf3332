//! What an instruction says.

use super::flags::Flag;
use super::heredoc::Heredoc;
use crate::source::{Located, Place};

/// One instruction of a Dockerfile.
#[derive(Debug, Clone)]
pub struct Instruction {
    /// Its first word in upper case.
    pub keyword: Located<String>,
    /// Its flags.
    pub flags: Vec<Flag>,
    /// What it says.
    pub kind: Kind,
    /// The whole instruction as one line: continued lines are joined and comments left out, the
    /// content of here-documents is not in it.
    pub text: String,
    /// Its here-documents.
    pub heredocs: Vec<Heredoc>,
    /// Its first line, counted from 1.
    pub first_line: usize,
    /// Its last line, with that of its last here-document.
    pub last_line: usize,
    /// From its keyword to its end.
    pub place: Place,
}

/// What an instruction says, as far as it matters here.
#[derive(Debug, Clone)]
pub enum Kind {
    /// `FROM`: a stage begins.
    From(From),
    /// `ARG`: build arguments.
    Arg(Vec<Argument>),
    /// `COPY` or `ADD`.
    Copy(Copying),
    /// `RUN`.
    Run(Run),
    /// `ONBUILD`: what is done in images that derive from this one.
    OnBuild(Box<Instruction>),
    /// Any other.
    Other,
}

/// What `FROM` says.
#[derive(Debug, Clone)]
pub struct From {
    /// The image or stage, nothing filled in.
    pub image: Located<String>,
    /// `--platform`, nothing filled in.
    pub platform: Option<String>,
    /// The name behind `AS`, in lower case.
    pub name: Option<Located<String>>,
}

/// A build argument.
#[derive(Debug, Clone)]
pub struct Argument {
    /// Its name.
    pub name: Located<String>,
    /// Its default as it is written: with quotes, nothing filled in.
    pub default: Option<String>,
}

/// What `COPY` or `ADD` says.
#[derive(Debug, Clone)]
pub struct Copying {
    /// The stage or image that is copied from; the context if not said. Nothing filled in.
    pub from: Option<String>,
    /// What is copied, nothing filled in; here-documents are not among it.
    pub sources: Vec<Located<String>>,
    /// Where to, nothing filled in.
    pub destination: Located<String>,
    /// Whether the arguments are a JSON list, so that quotes in them are characters as any other.
    pub is_json: bool,
}

/// What `RUN` says.
#[derive(Debug, Clone)]
pub struct Run {
    /// The words of the JSON form; `None` for a line of the shell.
    pub words: Option<Vec<String>>,
}

impl Instruction {
    /// The first flag of this name.
    pub fn flag(&self, name: &str) -> Option<&Flag> {
        self.flags.iter().find(|flag| flag.name == name)
    }

    /// The stages and images that it takes files from: `--from` of `COPY`, `from=` of each `--mount`
    /// of `RUN`. Nothing filled in.
    pub fn takes_from(&self) -> impl Iterator<Item = (&str, &Place)> {
        self.flags.iter().filter_map(|flag| {
            let from = match flag.name.as_str() {
                "from" => flag.value.as_deref(),
                "mount" => flag.entry("from"),
                _ => None,
            };
            from.map(|from| (from, &flag.place))
        })
    }
}
