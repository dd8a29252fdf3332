//! What `${{ … }}` stands for in a spec.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};

use super::budget::{Budget, EACH_CHECK, weight};
use super::each::Row;
use crate::diagnostic::{Diagnostic, is_close};
use crate::project::Project;
use crate::source::{Located, Place};
use crate::yaml::{Context, Kind, Node, Part, has_expression, parts};

/// What specs can ask of the world around them.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The project, which knows the arguments of its images.
    pub project: Option<&'a Project>,
    /// The caller's variables.
    pub env: &'a dyn Fn(&str) -> Option<String>,
}

/// A variable of the caller that a spec may use, and its value if it is not set.
pub(super) type EnvInput = (Located<String>, Option<String>);

/// What can be used at one place of a spec.
pub(super) struct Scope<'a> {
    pub(super) inputs: Inputs<'a>,
    /// The image that is checked; nothing where that is not said yet.
    pub(super) image: Option<&'a str>,
    /// The caller's variables that the spec declares.
    pub(super) env_inputs: &'a [EnvInput],
    /// The variables of `each`.
    pub(super) variables: Row<'a>,
    /// Which of those were used.
    pub(super) used: RefCell<BTreeSet<String>>,
    /// How much may be filled in.
    pub(super) budget: &'a Budget,
}

/// What an expression stands for.
pub(super) enum Value {
    /// This text.
    Text(String),
    /// This value, which may be a list or a map.
    Node(Node),
    /// Something that only the image can tell.
    Later,
}

/// A value with its expressions filled in.
pub(super) struct Filled {
    pub(super) node: Node,
    /// The scalars that wait for the image.
    pub(super) late: Vec<Place>,
}

const HELP: &str = "write `${{ NAME }}` for a variable of `each`, `${{ image.arg.NAME }}`, \
    `${{ image.env.NAME }}`, `${{ image.label.NAME }}`, `${{ image.name }}` or `${{ env.NAME }}`";

impl Scope<'_> {
    /// Fills in what can be known now.
    pub(super) fn fill(&self, node: &Node, context: &mut Context) -> Option<Filled> {
        if !self.budget.spend(EACH_CHECK + weight(node)) {
            if self.budget.tell() {
                context.report(too_large(&node.place));
            }
            return None;
        }
        let mut late = Vec::new();
        let mut resolve = |expression: &Located<String>| {
            let value = self.value(expression)?;
            // What a variable of `each` takes was counted before it was copied.
            match &value {
                Value::Text(text) if !self.budget.spend(text.len()) => {
                    self.budget.tell();
                    Err(too_large(&expression.place))
                }
                _ => Ok(value),
            }
        };
        let node = fill(node, &mut resolve, &mut late, context)?;
        Some(Filled { node, late })
    }

    fn value(&self, expression: &Located<String>) -> Result<Value, Diagnostic> {
        let text = expression.value.as_str();
        if let Some((_, node)) = self.variables.iter().find(|(name, _)| name.value == text) {
            self.used.borrow_mut().insert(text.to_owned());
            if !self.budget.spend(weight(node)) {
                self.budget.tell();
                return Err(too_large(&expression.place));
            }
            return Ok(Value::Node((*node).clone()));
        }
        let parts: Vec<&str> = text.splitn(3, '.').collect();
        match (parts.as_slice(), self.image) {
            (["env", name @ ..], _) if !name.is_empty() => self
                .env(&name.join("."), &expression.place)
                .map(Value::Text),
            (["image", "name"], Some(image)) => Ok(Value::Text(image.to_owned())),
            (["image", "arg", name], Some(image)) => self
                .argument(image, name, &expression.place)
                .map(Value::Text),
            (["image", "env" | "label", _], Some(_)) => Ok(Value::Later),
            _ => Err(self.unknown(expression)),
        }
    }

    fn env(&self, name: &str, place: &Place) -> Result<String, Diagnostic> {
        let declared = self
            .env_inputs
            .iter()
            .find(|(known, _)| known.value == name);
        let Some((_, default)) = declared else {
            let message = format!("the variable `{name}` is not declared");
            return Err(Diagnostic::new(place, message).help(format!(
                "declare what the spec depends on: `env_inputs: [{name}]`"
            )));
        };
        (self.inputs.env)(name)
            .or_else(|| default.clone())
            .ok_or_else(|| {
                Diagnostic::new(place, format!("the variable `{name}` is not set")).help(format!(
                "set it for this call ({name}=… seatrial test), or give it a value for when it is \
                 not set: `env_inputs: {{{name}: …}}`"
            ))
            })
    }

    fn argument(&self, image: &str, name: &str, place: &Place) -> Result<String, Diagnostic> {
        let entry = self
            .inputs
            .project
            .and_then(|project| Some((project, project.image(image)?)));
        let Some((project, entry)) = entry else {
            let message = format!("the build arguments of `{image}` are not known");
            return Err(Diagnostic::new(place, message)
                .help("only those of images in the project file are"));
        };
        project
            .argument(entry, name, self.inputs.env)
            .map_err(|error| {
                let mistake = Diagnostic::new(place, error.message);
                match error.help {
                    Some(help) => mistake.help(help),
                    None => mistake,
                }
            })
    }

    fn unknown(&self, expression: &Located<String>) -> Diagnostic {
        let text = expression.value.as_str();
        if self.image.is_none() && text.starts_with("image.") {
            let message = format!("`{text}` is not known before the spec has named its image");
            return Diagnostic::new(&expression.place, message)
                .help("`env.NAME` is, for what `env_inputs` declares");
        }
        let message = format!("`{text}` stands for nothing here");
        let mistake = Diagnostic::new(&expression.place, message);
        let names = self.variables.iter().map(|(name, _)| name.value.as_str());
        let parts: Vec<&str> = text.splitn(3, '.').collect();
        if let ["image", word, name] = parts[..] {
            let known = ["arg", "env", "label"].into_iter();
            if let Some(near) = known.into_iter().find(|known| is_close(word, known)) {
                return mistake.help(format!("did you mean `image.{near}.{name}`?"));
            }
        }
        if text.contains('.') || names.clone().next().is_none() {
            return mistake.help(HELP);
        }
        mistake.suggest(text, names)
    }
}

fn too_large(place: &Place) -> Diagnostic {
    Diagnostic::new(place, Budget::exceeded())
        .help("`each`, `images` and `include` multiply what a spec says")
}

/// Fills in what waited for the image: the scalars that begin at one of these places.
pub(super) fn fill_late(
    node: &Node,
    late: &HashSet<usize>,
    value: &dyn Fn(&str) -> Option<String>,
    context: &mut Context,
) -> Option<Node> {
    let budget = Budget::default();
    let mut resolve = |expression: &Located<String>| {
        let Some(text) = value(&expression.value) else {
            let message = format!("the image has no `{}`", expression.value);
            return Err(Diagnostic::new(&expression.place, message));
        };
        if !budget.spend(text.len()) {
            return Err(too_large(&expression.place));
        }
        Ok(Value::Text(text))
    };
    fill_some(node, late, &mut resolve, context)
}

/// Other scalars may hold a literal `${{`, which is not to be filled in again.
fn fill_some(
    node: &Node,
    late: &HashSet<usize>,
    resolve: &mut Resolve<'_>,
    context: &mut Context,
) -> Option<Node> {
    rebuilt(node, context, &mut |scalar, context| {
        if late.contains(&scalar.place.range().start) {
            fill(scalar, resolve, &mut Vec::new(), context)
        } else {
            Some(scalar.clone())
        }
    })
}

/// Tells what an expression stands for.
type Resolve<'a> = dyn FnMut(&Located<String>) -> Result<Value, Diagnostic> + 'a;

fn fill(
    node: &Node,
    resolve: &mut Resolve<'_>,
    late: &mut Vec<Place>,
    context: &mut Context,
) -> Option<Node> {
    rebuilt(node, context, &mut |node, context| match &node.kind {
        Kind::Scalar { text, plain } if has_expression(text) => {
            scalar(text, *plain, &node.place, resolve, late, context)
        }
        _ => Some(node.clone()),
    })
}

/// The same tree with other scalars, which may have become lists or maps.
fn rebuilt(
    node: &Node,
    context: &mut Context,
    scalar: &mut dyn FnMut(&Node, &mut Context) -> Option<Node>,
) -> Option<Node> {
    let kind = match &node.kind {
        Kind::Scalar { .. } => return scalar(node, context),
        Kind::Sequence(items) => {
            let items: Vec<_> = items
                .iter()
                .map(|item| rebuilt(item, context, scalar))
                .collect();
            Kind::Sequence(items.into_iter().collect::<Option<_>>()?)
        }
        Kind::Mapping(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| {
                    let key = rebuilt(key, context, scalar);
                    key.zip(rebuilt(value, context, scalar))
                })
                .collect();
            let entries: Vec<(Node, Node)> = entries.into_iter().collect::<Option<_>>()?;
            sound_keys(&entries, context)?;
            Kind::Mapping(entries)
        }
    };
    Some(Node {
        kind,
        place: node.place.clone(),
    })
}

/// Keys differ from each other and are scalars, also after they were filled in.
fn sound_keys(entries: &[(Node, Node)], context: &mut Context) -> Option<()> {
    let mut seen = HashSet::new();
    for (key, _) in entries {
        let Some(text) = key.scalar() else {
            return context.mismatch(key, "a text as a key");
        };
        if !seen.insert(text) {
            context.report(Diagnostic::new(
                &key.place,
                format!("this becomes the key `{text}`, which is there already"),
            ));
            return None;
        }
    }
    Some(())
}

fn scalar(
    text: &str,
    plain: bool,
    place: &Place,
    resolve: &mut Resolve<'_>,
    late: &mut Vec<Place>,
    context: &mut Context,
) -> Option<Node> {
    let parts = match parts(text, place, HELP) {
        Ok(parts) => parts,
        Err(mistake) => {
            context.report(mistake);
            return None;
        }
    };
    let values: Vec<Option<(&Part, Value)>> = parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => Some((part, Value::Text(text.clone()))),
            Part::Expression(expression) => match resolve(expression) {
                Ok(value) => Some((part, value)),
                Err(mistake) => {
                    context.report(mistake);
                    None
                }
            },
        })
        .collect();
    let values: Vec<(&Part, Value)> = values.into_iter().collect::<Option<_>>()?;
    // Alone in its scalar a variable keeps its kind.
    if let [(_, Value::Node(node))] = values.as_slice() {
        let mut node = node.clone();
        if let Kind::Scalar { .. } = node.kind {
            node.place = place.clone();
        }
        return Some(node);
    }
    let waits = values
        .iter()
        .any(|(_, value)| matches!(value, Value::Later));
    let mut filled = String::new();
    // What is filled in again must come out as it is.
    let mut literal = String::new();
    let literally = |text: &str| match waits {
        true => text.replace("${{", "${{ '${{' }}"),
        false => text.to_owned(),
    };
    for (part, value) in values {
        match (value, part) {
            (Value::Text(text), _) => literal += &text,
            (Value::Node(node), Part::Expression(expression)) => match node.scalar() {
                Some(text) => literal += text,
                None => {
                    let message = format!(
                        "`{}` is {}, which can't stand in a text",
                        expression.value,
                        node.describe()
                    );
                    context.report(Diagnostic::new(&expression.place, message));
                    return None;
                }
            },
            (Value::Later, Part::Expression(expression)) => {
                filled += &literally(&std::mem::take(&mut literal));
                filled += &format!("${{{{ {} }}}}", expression.value);
            }
            (Value::Node(_) | Value::Later, Part::Text(_)) => {}
        }
    }
    filled += &literally(&literal);
    if waits {
        late.push(place.clone());
    }
    let mut node = Node {
        kind: Kind::Scalar {
            text: filled,
            plain,
        },
        place: place.clone(),
    };
    // A value that turns out to be empty is an empty text, not one that nobody gave.
    if node.is_null()
        && let Kind::Scalar { plain, .. } = &mut node.kind
    {
        *plain = false;
    }
    Some(node)
}
