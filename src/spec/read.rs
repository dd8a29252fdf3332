//! One spec file: its head, its checks, and what it includes.

use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::budget::{Budget, EACH_CHECK};
use super::check::{Check, Inherit, Spec};
use super::entry::{Defaults, checks, now};
use super::load::{Document, Files};
use super::scope::{EnvInput, Inputs, Scope};
use crate::diagnostic::Diagnostic;
use crate::source::{Located, Place};
use crate::yaml::{
    Context, Decode, Definitions, Describe, Entries, Kind, Node, OneOrMany, has_expression, object,
};

object! {
    /// What stands in a spec file beside its checks.
    pub struct SpecHead: "a spec" {
        /// The image that is checked.
        optional image: Located<String>,
        /// Several images, each of which must pass all checks.
        optional images: Located<Vec<Located<String>>>,
        /// Images that this one derives from, whose checks must hold as well.
        optional inherit: OneOrMany<Inherit>,
        /// Files with further checks.
        optional include: OneOrMany<Located<String>>,
    }
}

impl Decode for Inherit {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        if let Kind::Scalar { .. } = node.kind {
            let image = Located::decode(node, context)?;
            let except = Vec::new();
            return Some(Self { image, except });
        }
        let entry = InheritEntry::decode(node, context)?;
        Some(Self {
            image: entry.image,
            except: entry.except.map(|except| except.0).unwrap_or_default(),
        })
    }
}

object! {
    /// One image to inherit from.
    pub struct InheritEntry: "an entry of `inherit`" {
        /// The image.
        required image: Located<String>,
        /// Names of checks that are left out.
        optional except: OneOrMany<Located<String>>,
    }
}

/// The variables of the caller that a spec may use.
struct EnvInputs(Vec<EnvInput>);

impl Decode for EnvInputs {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            let names = OneOrMany::<Located<String>>::decode(node, context)?;
            return Some(Self(names.0.into_iter().map(|name| (name, None)).collect()));
        };
        let inputs: Vec<Option<EnvInput>> = entries
            .iter()
            .map(|(key, value)| {
                let name = Located::decode(key, context)?;
                if value.scalar().is_some_and(has_expression) {
                    let message = "the value of a variable that is not set is a text as it stands";
                    context.report(
                        Diagnostic::new(&value.place, message).help("nothing is filled in here"),
                    );
                }
                let default = if value.is_null() {
                    None
                } else {
                    // After a mistake in its value it is declared all the same.
                    Some(String::decode(value, context).unwrap_or_default())
                };
                Some((name, default))
            })
            .collect();
        inputs.into_iter().collect::<Option<_>>().map(Self)
    }
}

/// What reading specs needs beside the files themselves.
pub(super) struct Reader<'a> {
    pub(super) inputs: Inputs<'a>,
    pub(super) files: &'a Files<'a>,
    /// How much all specs together may say.
    pub(super) budget: &'a Budget,
}

/// Files that include each other deeper than this are a slip.
const MAX_DEPTH: usize = 32;

/// The files that one image's spec includes, as they are met.
struct Included {
    /// From the spec to the file that is read.
    way: Vec<PathBuf>,
    /// All so far: what is included on two ways is one file all the same.
    seen: HashSet<PathBuf>,
}

impl Included {
    fn by(spec: &Document) -> Self {
        Self {
            way: vec![spec.source.path().to_owned()],
            seen: HashSet::new(),
        }
    }
}

impl Reader<'_> {
    /// Reads a spec, once for each of its images.
    pub(super) fn specs(&self, raw: &Document, context: &mut Context) -> Vec<Spec> {
        let what = "a spec";
        let Some(mut entries) = Entries::new(&raw.node, what, context) else {
            return Vec::new();
        };
        let env_inputs = env_inputs(&mut entries, context);
        let scope = self.scope(None, &env_inputs);
        // The image too may come from the caller: `image: ${{ env.IMAGE }}`.
        let head_node = head(&raw.node);
        let Some(head_node) = now(&head_node, &scope, "the head of a spec", context) else {
            return Vec::new();
        };
        let Some(mut head_entries) = Entries::new(&head_node, what, context) else {
            return Vec::new();
        };
        let head = SpecHead::take(&mut head_entries, context);
        for key in HEAD {
            entries.take(key);
        }
        let images = head
            .as_ref()
            .and_then(|head| images(head, &raw.node, context));
        let defaults = entries.take("defaults");
        let may_be_empty = head
            .as_ref()
            .is_some_and(|head| head.inherit.is_some() || head.include.is_some());
        let list = list(&mut entries, may_be_empty, &raw.node, context);
        entries.finish(what, context);
        let (Some(head), Some(images)) = (head, images) else {
            // Without an image the checks are still read, for their mistakes.
            let image = Located::new(String::from("IMAGE"), raw.node.place.clone());
            self.checks(&image, &env_inputs, defaults, list, context);
            let include = entries_of_include(&head_node);
            self.include_all(&include, &image, &mut Included::by(raw), context);
            return Vec::new();
        };
        let mut specs = Vec::new();
        for image in images {
            let mut found = self.checks(&image, &env_inputs, defaults, list, context);
            let include = head.include.iter().flat_map(|include| &include.0);
            let include: Vec<_> = include.cloned().collect();
            let mut included = Included::by(raw);
            found.extend(self.include_all(&include, &image, &mut included, context));
            refuse_duplicates(&found, context);
            specs.push(Spec {
                source: Arc::clone(&raw.source),
                files: included.way.into_iter().chain(included.seen).collect(),
                image,
                inherit: head.inherit.clone().map(|all| all.0).unwrap_or_default(),
                checks: found,
            });
        }
        specs
    }

    /// The checks of the files in one `include`.
    fn include_all(
        &self,
        files: &[Located<String>],
        image: &Located<String>,
        included: &mut Included,
        context: &mut Context,
    ) -> Vec<Check> {
        let mut here: HashMap<PathBuf, &Place> = HashMap::new();
        let mut found = Vec::new();
        for file in files {
            let Some(raw) = self.files.included(file, context) else {
                continue;
            };
            let path = raw.source.path().to_owned();
            if let Some(first) = here.insert(path, &file.place) {
                let message = format!("`{}` is included twice", file.value);
                context.report(Diagnostic::new(&file.place, message).related(first, "first here"));
                continue;
            }
            found.extend(self.include(file, &raw, image, included, context));
        }
        found
    }

    /// The checks of a file that another includes.
    fn include(
        &self,
        file: &Located<String>,
        raw: &Document,
        image: &Located<String>,
        included: &mut Included,
        context: &mut Context,
    ) -> Vec<Check> {
        let path = raw.source.path().to_owned();
        if let Some(start) = included.way.iter().position(|known| *known == path) {
            let way = included.way[start..].iter().chain([&path]);
            let way: Vec<String> = way.map(|path| path.display().to_string()).collect();
            let message = format!("`{}` includes itself: {}", file.value, way.join(" → "));
            context.report(Diagnostic::new(&file.place, message));
            return Vec::new();
        }
        if included.way.len() > MAX_DEPTH {
            let message = format!("files include each other more than {MAX_DEPTH} levels deep");
            context.report(Diagnostic::new(&file.place, message));
            return Vec::new();
        }
        if !included.seen.insert(path.clone()) {
            return Vec::new();
        }
        if !self.budget.spend(EACH_CHECK) {
            if self.budget.tell() {
                context.report(Diagnostic::new(&file.place, Budget::exceeded()));
            }
            return Vec::new();
        }
        let what = "a file of checks to include";
        let Some(mut entries) = Entries::new(&raw.node, what, context) else {
            return Vec::new();
        };
        if entries.has("image") || entries.has("images") {
            let message = format!("`{}` is a spec of its own", file.value);
            context.report(Diagnostic::new(&file.place, message).help(
                "`inherit` takes over the checks of another image; a file to include names no \
                 image",
            ));
            return Vec::new();
        }
        let env_inputs = env_inputs(&mut entries, context);
        let include = entries.optional::<OneOrMany<Located<String>>>("include", context);
        let defaults = entries.take("defaults");
        let list = list(
            &mut entries,
            matches!(include, Some(Some(_))),
            &raw.node,
            context,
        );
        entries.finish(what, context);
        let mut found = self.checks(image, &env_inputs, defaults, list, context);
        let include = include.flatten().map(|include| include.0);
        included.way.push(path);
        found.extend(self.include_all(&include.unwrap_or_default(), image, included, context));
        included.way.pop();
        found
    }

    fn checks(
        &self,
        image: &Located<String>,
        env_inputs: &[EnvInput],
        defaults: Option<&Node>,
        list: &[Node],
        context: &mut Context,
    ) -> Vec<Check> {
        let scope = self.scope(Some(image.value.as_str()), env_inputs);
        // A mistake in the defaults must not hide those in the checks.
        let defaults = defaults
            .and_then(|node| now(node, &scope, "a default", context))
            .and_then(|node| Defaults::decode(&node, context));
        let defaults = Arc::new(defaults.unwrap_or(Defaults::EMPTY));
        list.iter()
            .flat_map(|entry| checks(entry, &scope, &defaults, context))
            .collect()
    }

    fn scope<'s>(&'s self, image: Option<&'s str>, env_inputs: &'s [EnvInput]) -> Scope<'s> {
        Scope {
            inputs: self.inputs,
            image,
            env_inputs,
            variables: Vec::new(),
            used: RefCell::default(),
            budget: self.budget,
        }
    }
}

/// The keys of [`SpecHead`].
const HEAD: [&str; 4] = ["image", "images", "inherit", "include"];

fn head(node: &Node) -> Node {
    let Kind::Mapping(entries) = &node.kind else {
        return node.clone();
    };
    let is_head = |key: &Node| key.scalar().is_some_and(|key| HEAD.contains(&key));
    let entries = entries.iter().filter(|(key, _)| is_head(key));
    Node {
        kind: Kind::Mapping(entries.cloned().collect()),
        place: node.place.clone(),
    }
}

fn env_inputs(entries: &mut Entries<'_>, context: &mut Context) -> Vec<EnvInput> {
    let inputs = entries.optional::<EnvInputs>("env_inputs", context);
    inputs.flatten().map(|inputs| inputs.0).unwrap_or_default()
}

/// What a head that has other mistakes includes.
fn entries_of_include(head: &Node) -> Vec<Located<String>> {
    let mut mistakes_told_before = Context::default();
    let entries = Entries::new(head, "a spec", &mut mistakes_told_before);
    let include = entries.and_then(|mut entries| {
        entries.optional::<OneOrMany<Located<String>>>("include", &mut mistakes_told_before)
    });
    include
        .flatten()
        .map(|include| include.0)
        .unwrap_or_default()
}

/// The images of a spec, at least one.
fn images(head: &SpecHead, node: &Node, context: &mut Context) -> Option<Vec<Located<String>>> {
    let images = match (&head.image, &head.images) {
        (Some(image), None) => vec![image.clone()],
        (None, Some(images)) => images.value.clone(),
        (Some(_), Some(images)) => {
            let message = "a spec has `image` or `images`, not both";
            context.report(Diagnostic::new(&images.place, message));
            return None;
        }
        (None, None) => {
            let message = "a spec needs the key `image`";
            if Entries::new(node, "a spec", context)?.has_misspelt("image") {
                return None;
            }
            let help = "name the image, or several: `images: [a, b]`; a file without an image is \
                        for others to `include`, and none does";
            context.report(Diagnostic::new(&head_line(&node.place), message).help(help));
            return None;
        }
    };
    if let (true, Some(said)) = (images.is_empty(), &head.images) {
        context.report(Diagnostic::new(&said.place, "there is no image here"));
    }
    let mut seen: HashMap<&str, &Place> = HashMap::new();
    for image in &images {
        if image.trim().is_empty() {
            context.report(Diagnostic::new(&image.place, "there is no image name here"));
        }
        if let Some(first) = seen.insert(&image.value, &image.place) {
            let message = format!("the image `{}` is named twice", image.value);
            context
                .report(Diagnostic::new(&image.place, message).related(first, "first named here"));
        }
    }
    Some(images)
}

fn head_line(place: &Place) -> Place {
    let start = place.range().start;
    let head = place.text().lines().next().unwrap_or("").len();
    Place::new(place.source(), start..start + head)
}

/// The entries of `checks`.
fn list<'n>(
    entries: &mut Entries<'n>,
    may_be_empty: bool,
    node: &Node,
    context: &mut Context,
) -> &'n [Node] {
    let nothing = |place: &Place| {
        Diagnostic::new(place, "a spec without a check proves nothing")
            .help("add at least one check, such as `- run: true`")
    };
    match entries.take("checks") {
        // A slip is told where the unknown keys are.
        None if may_be_empty || entries.has_misspelt("checks") => &[],
        None => {
            let message = "a spec needs the key `checks`";
            context.report(Diagnostic::new(&head_line(&node.place), message));
            &[]
        }
        Some(checks) => match &checks.kind {
            Kind::Sequence(items) if !items.is_empty() => items,
            Kind::Sequence(_) => {
                context.report(nothing(&checks.place));
                &[]
            }
            _ if checks.is_null() => {
                context.report(nothing(&checks.place));
                &[]
            }
            _ => {
                context.mismatch::<()>(checks, "a list of checks");
                &[]
            }
        },
    }
}

fn refuse_duplicates(checks: &[Check], context: &mut Context) {
    let mut seen: HashMap<&str, &Place> = HashMap::new();
    for check in checks {
        if let Some(first) = seen.insert(&check.name, &check.place) {
            let message = format!("duplicate check name `{}`", check.name);
            let mistake = Diagnostic::new(&check.place, message).label("used again here");
            let same_place = first.range() == check.place.range();
            context.report(if same_place {
                mistake.help("put a variable of `each` into the name: `… ${{ NAME }}`")
            } else {
                mistake
                    .related(first, "first used here")
                    .help("give one of them a `name` of its own")
            });
        }
    }
}

impl Describe for Inherit {
    fn schema(definitions: &mut Definitions) -> Value {
        let image = String::schema(definitions);
        json!({"anyOf": [image, InheritEntry::schema(definitions)]})
    }
}
