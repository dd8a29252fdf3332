//! The `imports` preset: modules that an interpreter of the image must be able to load.

use serde_json::{Value, json};

use super::check::CheckKind;
use super::command::Command;
use super::kind::{CheckType, Found, preset, with_container, with_settings};
use super::run::RunCheck;
use super::text::{TextExpectation, TextMatcher};
use crate::diagnostic::{Diagnostic, is_close, suggestion};
use crate::source::{Located, Place};
use crate::version::VersionRequirement;
use crate::yaml::{Context, Decode, Definitions, Describe, Kind, Node, OneOrMany};

/// `imports`
pub(super) const TYPE: CheckType = CheckType {
    key: "imports",
    what: "an imports check",
    read: |entries, defaults, context| {
        let (imports, settings) = with_container::<Imports>("imports", entries, defaults, context)?;
        let found = imports.0.iter().map(|import| Found {
            name: import.name(),
            item: None,
            place: Some(import.place().clone()),
            kind: CheckKind::Run(Box::new(import.check()), settings.clone()),
        });
        Some(found.collect())
    },
    keys: |definitions| {
        let about = "Modules that must load, by language: `python`, `r`, `perl`, or an interpreter \
                     of the image. One check for each module.";
        let own = preset::<Imports>("imports", about, definitions);
        with_settings(vec![own], definitions)
    },
};

/// Modules by interpreter. Never empty.
#[derive(Debug, Clone)]
pub struct Imports(pub Vec<Import>);

/// One module that must load.
#[derive(Debug, Clone)]
pub struct Import {
    /// What is said in the spec: `python`, `r`, `perl`, or an interpreter.
    pub interpreter: Located<String>,
    /// The module.
    pub module: Located<String>,
    /// What its version must be.
    pub version: Option<Located<VersionRequirement>>,
    language: Language,
}

#[derive(Debug, Clone, Copy)]
enum Language {
    Python,
    R,
    Perl,
}

impl Language {
    /// By the name of its interpreter.
    fn of(interpreter: &str) -> Option<Self> {
        let program = interpreter.rsplit('/').next().unwrap_or(interpreter);
        let version = |rest: &str| rest.chars().all(|c| c.is_ascii_digit() || c == '.');
        let is = |name: &str| program.strip_prefix(name).is_some_and(version);
        if is("python") || is("pypy") {
            Some(Self::Python)
        } else if program == "r" || program == "Rscript" {
            Some(Self::R)
        } else if is("perl") {
            Some(Self::Perl)
        } else {
            None
        }
    }

    /// The interpreter that the name of a language alone stands for.
    fn usual(self) -> &'static str {
        match self {
            Self::Python => "python3",
            Self::R => "Rscript",
            Self::Perl => "perl",
        }
    }

    fn is_module(self, name: &str) -> bool {
        let word = |part: &str| {
            part.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_alphanumeric() || c == '_')
        };
        match self {
            Self::Python => name.split('.').all(word),
            Self::R => name
                .split('.')
                .all(|part| part.chars().all(char::is_alphanumeric)),
            Self::Perl => name.split("::").all(word),
        }
    }

    /// The arguments that make the interpreter load the module, and print its version.
    fn script(self, module: &str, version: bool) -> [String; 2] {
        let script = match (self, version) {
            (Self::Python, false) => format!("import {module}"),
            (Self::Python, true) => format!(
                "import importlib\nmodule = importlib.import_module('{module}')\n\
                 version = getattr(module, '__version__', None)\n\
                 if not isinstance(version, str):\n    \
                 from importlib.metadata import version as of\n    \
                 version = of('{module}')\nprint(version)"
            ),
            (Self::R, false) => format!("suppressPackageStartupMessages(library({module}))"),
            (Self::R, true) => format!(
                "suppressPackageStartupMessages(library({module})); \
                 cat(format(packageVersion(\"{module}\")), \"\\n\", sep = \"\")"
            ),
            (Self::Perl, false) => format!("require {module}"),
            (Self::Perl, true) => format!("require {module}; print {module}->VERSION, \"\\n\""),
        };
        let option = if matches!(self, Self::Python) {
            "-c"
        } else {
            "-e"
        };
        [option.to_owned(), script]
    }
}

impl Decode for Imports {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            return context.mismatch(node, "a map of languages and modules");
        };
        let imports: Vec<Option<Vec<Import>>> = entries
            .iter()
            .map(|(interpreter, modules)| imports_of(interpreter, modules, context))
            .collect();
        let imports: Vec<Vec<Import>> = imports.into_iter().collect::<Option<_>>()?;
        let imports: Vec<Import> = imports.into_iter().flatten().collect();
        if imports.is_empty() {
            context.report(Diagnostic::new(&node.place, "there is no module here"));
            return None;
        }
        Some(Self(imports))
    }
}

impl Describe for Imports {
    fn schema(definitions: &mut Definitions) -> Value {
        let names = OneOrMany::<String>::schema(definitions);
        let version = VersionRequirement::schema(definitions);
        let map = json!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"anyOf": [version, {"type": "null"}]},
        });
        json!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"anyOf": [names, map]},
            "examples": [{"python": ["pysam", "pandas"], "r": {"DNAcopy": ">=1.72"}}],
        })
    }
}

fn imports_of(interpreter: &Node, modules: &Node, context: &mut Context) -> Option<Vec<Import>> {
    let interpreter = Located::<String>::decode(interpreter, context)?;
    let Some(language) = Language::of(&interpreter) else {
        let message = format!(
            "`{}` is no interpreter that is known here",
            interpreter.value
        );
        let name = interpreter.to_lowercase();
        let near = ["python", "r", "perl"].into_iter();
        let help = suggestion(&name, near.filter(|known| is_close(&name, known)));
        let help = help.unwrap_or_else(|| {
            "write `python`, `r`, `perl`, or a program such as `/opt/conda/bin/python`".to_owned()
        });
        context.report(Diagnostic::new(&interpreter.place, message).help(help));
        return None;
    };
    let pairs: Vec<(&Node, Option<&Node>)> = match &modules.kind {
        Kind::Mapping(entries) => entries
            .iter()
            .map(|(key, value)| (key, Some(value)))
            .collect(),
        Kind::Sequence(items) => items.iter().map(|item| (item, None)).collect(),
        Kind::Scalar { .. } => vec![(modules, None)],
    };
    if pairs.is_empty() {
        context.report(Diagnostic::new(&modules.place, "there is no module here"));
        return None;
    }
    let imports: Vec<Option<Import>> = pairs
        .into_iter()
        .map(|(module, version)| {
            let module = Located::<String>::decode(module, context)?;
            if !language.is_module(&module) {
                let message = format!("`{}` can't be the name of a module", module.value);
                context.report(Diagnostic::new(&module.place, message));
                return None;
            }
            let version = match version {
                Some(node) if !node.is_null() && node.scalar() != Some("any") => {
                    Some(Located::decode(node, context)?)
                }
                _ => None,
            };
            Some(Import {
                interpreter: interpreter.clone(),
                module,
                version,
                language,
            })
        })
        .collect();
    imports.into_iter().collect()
}

impl Import {
    /// What the check is called: `python imports pysam`.
    pub fn name(&self) -> String {
        format!("{} imports {}", self.interpreter.value, self.module.value)
    }

    /// Where it stands.
    pub fn place(&self) -> &Place {
        &self.module.place
    }

    /// The command that loads the module, and what it must print.
    pub fn check(&self) -> RunCheck {
        let said = self.interpreter.value.as_str();
        let program = match said {
            "python" | "r" | "perl" => self.language.usual(),
            program => program,
        };
        let [option, script] = self.language.script(&self.module, self.version.is_some());
        let command = Command::Exec(vec![program.to_owned(), option, script]);
        let stdout = self.version.clone().map(|version| {
            let matcher = TextMatcher::Version(version.value);
            TextExpectation(vec![Located::new(matcher, version.place)])
        });
        RunCheck {
            stdout,
            ..RunCheck::of(Located::new(command, self.module.place.clone()))
        }
    }
}
