//! Text → filter.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use jaq_core::compile::Undefined;
use jaq_core::data::JustLut;
use jaq_core::load::lex::{StrPart, Tok, Token};
use jaq_core::load::{Arena, Error, File, Lexer, Loader, import};
use jaq_json::Val;

use super::bounds;

/// What asks the machine rather than the input, or speaks to it.
const LEFT_OUT: [&str; 9] = [
    "env",
    "now",
    "localtime",
    "strflocaltime",
    "halt",
    "halt_error",
    "debug",
    "stderr",
    "repl",
];
/// Deeper brackets than any person writes; the compiler recurses over them.
const MAX_DEPTH: usize = 64;

/// A compiled jq filter.
#[derive(Clone)]
pub struct Filter {
    text: Arc<str>,
    pub(super) compiled: Arc<jaq_core::Filter<JustLut<Val>>>,
}

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// What is wrong, in one line.
    pub message: String,
    /// The bytes of the filter that it is about.
    pub range: Range<usize>,
}

impl Filter {
    /// Compiles a filter.
    ///
    /// The language is jq's without what reaches out of the input: there is no `input`, `env`,
    /// `$ENV`, `now`, `debug` or `halt`, no `import`, and no `def`, so that loops can be bounded.
    ///
    /// # Errors
    /// A text that is no filter, or a name that is not known.
    pub fn compile(text: &str) -> Result<Self, Mistake> {
        let mistake = |message: String, part: &str| Mistake {
            message,
            range: range_in(text, part),
        };
        if depth(text) > MAX_DEPTH {
            return Err(mistake("brackets are nested too deeply".to_owned(), text));
        }
        if let Ok(tokens) = Lexer::new(text).lex()
            && let Some(def) = definition(&tokens)
        {
            let message = "filters can't be defined here (`def`)";
            return Err(mistake(message.to_owned(), def));
        }
        let arena = Arena::default();
        let defs = jaq_core::defs()
            .chain(jaq_std::defs())
            .chain(jaq_json::defs())
            .filter(|def| !LEFT_OUT.contains(&def.name))
            .chain(bounds::defs());
        let program = File {
            code: text,
            path: (),
        };
        let modules = Loader::new(defs).load(&arena, program);
        let modules = modules.and_then(|modules| {
            import(&modules, |_| Err("nothing can be imported".to_owned()))?;
            Ok(modules)
        });
        let modules = modules.map_err(|errors| {
            let errors = errors.into_iter().map(|(_, error)| error);
            let (message, part) = errors.map(first).next().unwrap_or_default();
            mistake(message, part)
        })?;
        let funs = jaq_core::funs()
            .chain(jaq_std::funs())
            .chain(jaq_json::funs())
            .filter(|(name, ..)| !LEFT_OUT.contains(name))
            .chain(bounds::funs());
        let compiler = jaq_core::Compiler::default().with_funs(funs);
        let compiled = compiler.compile(modules).map_err(|errors| {
            let mut undefined = errors.into_iter().flat_map(|(_, errors)| errors);
            let Some((name, what)) = undefined.next() else {
                return mistake("not a filter".to_owned(), text);
            };
            let shown = match what {
                Undefined::Filter(arity) if arity > 0 => format!("{name}/{arity}"),
                _ => name.to_owned(),
            };
            mistake(format!("unknown {} `{shown}`", what.as_str()), name)
        })?;
        Ok(Self {
            text: Arc::from(text),
            compiled: Arc::new(compiled),
        })
    }

    /// The text it was compiled from.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({:?})", self.text)
    }
}

/// The first of the errors: the others often only follow from it.
fn first(error: Error<&str>) -> (String, &str) {
    match error {
        Error::Io(errors) => {
            let first = errors.into_iter().next();
            first.map(|(path, message)| (message, path))
        }
        Error::Lex(errors) => {
            let first = errors.into_iter().next();
            first.map(|(expected, found)| (told(expected.as_str(), found), head(found)))
        }
        Error::Parse(errors) => {
            let first = errors.into_iter().next();
            first.map(|(expected, found)| (told(expected.as_str(), found), head(found)))
        }
    }
    .unwrap_or_default()
}

fn told(expected: &str, found: &str) -> String {
    match head(found) {
        "" => format!("expected {expected} at its end"),
        found => format!("expected {expected}, found `{found}`"),
    }
}

/// What was found may be all of the rest: its first word or sign is enough.
fn head(found: &str) -> &str {
    let word = found.find(|c: char| !c.is_alphanumeric() && c != '_');
    match word {
        Some(0) => &found[..found.chars().next().map_or(0, char::len_utf8)],
        Some(end) => &found[..end],
        None => found,
    }
}

/// Where a slice of `text` lies in it; all of it for another slice.
fn range_in(text: &str, part: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    if start <= text.len() && text.len() - start >= part.len() {
        start..start + part.len()
    } else {
        0..text.len()
    }
}

fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// A `def` that starts a definition; as a key (`.def`, `{def: 1}`) it is a word like others.
fn definition<'t>(tokens: &[Token<&'t str>]) -> Option<&'t str> {
    for (at, Token(text, kind)) in tokens.iter().enumerate() {
        let inner = match kind {
            Tok::Block(tokens) => definition(tokens),
            Tok::Str(parts) => parts.iter().find_map(|part| match part {
                StrPart::Term(token) => definition(std::slice::from_ref(token)),
                _ => None,
            }),
            Tok::Word if *text == "def" => {
                let names = matches!(tokens.get(at + 1), Some(Token(_, Tok::Word)));
                let is_key = at > 0 && tokens[at - 1].0.ends_with('.');
                (names && !is_key).then_some(*text)
            }
            _ => None,
        };
        if inner.is_some() {
            return inner;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_have_a_place() {
        let table = [
            ("", "expected term at its end", ""),
            (".a |", "expected term at its end", ""),
            ("(.a", "expected closing parenthesis at its end", ""),
            (".a)", "expected token, found `)`", ")"),
            ("if . then 1", "expected else or end at its end", ""),
            (".a == foo", "unknown filter `foo`", "foo"),
            ("map(.x; 1)", "unknown filter `map/2`", "map"),
            ("$x", "unknown variable `$x`", "$x"),
            ("$ENV.PATH", "unknown variable `$ENV`", "$ENV"),
            ("env", "unknown filter `env`", "env"),
            ("now > 0", "unknown filter `now`", "now"),
            ("input", "unknown filter `input`", "input"),
            ("halt", "unknown filter `halt`", "halt"),
            ("1 | debug", "unknown filter `debug`", "debug"),
            (
                "def f: f; f",
                "filters can't be defined here (`def`)",
                "def",
            ),
            (
                "[\"\\(def f: 1; f)\"]",
                "filters can't be defined here (`def`)",
                "def",
            ),
            ("import \"a\" as a; 1", "module loading not supported", "a"),
            ("import \"a\" as $a; 1", "nothing can be imported", "a"),
        ];
        for (text, message, part) in table {
            let mistake = Filter::compile(text).unwrap_err();
            assert_eq!(mistake.message, message, "{text}");
            assert_eq!(&text[mistake.range], part, "{text}");
        }
        let deep = format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(Filter::compile(&deep).is_err());
    }

    #[test]
    fn a_key_may_be_called_def() {
        for text in [
            ".def",
            "{def: 1}",
            ".a.def",
            ".def as $x | $x",
            "{\"def\": .}",
        ] {
            assert!(Filter::compile(text).is_ok(), "{text}");
        }
    }
}
