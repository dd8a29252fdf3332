//! Where images are published: registries, and the lists that tell people of them.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use super::file::RegistryEntry;
use crate::diagnostic::Diagnostic;
use crate::source::{Located, Place};
use crate::yaml::{Context, OneOrMany, Pairs};

/// The key of an image in a list if the project does not say.
const LIST_KEY: &str = "{snake}_docker";

/// A registry that images are published to.
#[derive(Debug, Clone)]
pub struct Registry {
    /// What the project calls it.
    pub name: Located<String>,
    /// What stands before the name of an image there: the host and a path.
    pub prefix: String,
    /// Where it is told what is published there.
    pub list: Option<PublishedList>,
}

/// A file that tells where images are published: a JSON map of keys to references.
#[derive(Debug, Clone)]
pub struct PublishedList {
    /// The file.
    pub path: PathBuf,
    /// The file as the project names it.
    pub shown: String,
    key: String,
    keys: Vec<(String, Vec<String>)>,
}

impl Registry {
    /// Where `image` is kept in this registry, without a tag.
    pub fn repository(&self, image: &str) -> String {
        format!("{}/{image}", self.prefix)
    }
}

impl PublishedList {
    /// The keys that stand for `image`; at least one.
    pub fn keys(&self, image: &str) -> Vec<String> {
        let said = self.keys.iter().find(|(name, _)| name == image);
        said.map_or_else(|| vec![filled(&self.key, image)], |(_, keys)| keys.clone())
    }
}

/// `{name}` is the name of the image; in `{snake}` all but letters and digits is `_`.
fn filled(template: &str, image: &str) -> String {
    let snake = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let snake: String = image.chars().map(snake).collect();
    template.replace("{name}", image).replace("{snake}", &snake)
}

/// The registries, with every mistake reported.
pub(super) fn registries(
    entries: Pairs<RegistryEntry>,
    root: &Path,
    images: &[String],
    context: &mut Context,
) -> Vec<Registry> {
    let mut found: Vec<Registry> = Vec::new();
    let mut prefixes: HashMap<String, Place> = HashMap::new();
    let mut lists: HashMap<PathBuf, Place> = HashMap::new();
    for (name, entry) in entries.0 {
        check_prefix(&entry.prefix, context);
        let place = &entry.prefix.place;
        if let Some(first) = prefixes.insert(entry.prefix.value.clone(), place.clone()) {
            let message = format!("two registries with the prefix `{}`", entry.prefix.value);
            context.report(
                Diagnostic::new(place, message)
                    .label("images would be published there twice")
                    .related(&first, "the other registry"),
            );
        }
        let prefix = entry.prefix.value.clone();
        let list = list(entry, root, images, context);
        if let Some((list, place)) = &list
            && let Some(first) = lists.insert(list.path.clone(), place.clone())
        {
            let message = format!("two registries with the list `{}`", list.shown);
            context.report(
                Diagnostic::new(place, message)
                    .label("each would write over the other's references")
                    .related(&first, "the other list"),
            );
        }
        found.push(Registry {
            name,
            prefix,
            list: list.map(|(list, _)| list),
        });
    }
    found
}

fn check_prefix(prefix: &Located<String>, context: &mut Context) {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let sound = |part: &str| {
        part.starts_with(is_inner)
            && part.ends_with(is_inner)
            && part.chars().all(|c| is_inner(c) || "._-".contains(c))
    };
    let (host, path) = match prefix.split_once('/') {
        Some((host, path)) => (host, Some(path)),
        None => (prefix.as_str(), None),
    };
    let is_host = host.contains(['.', ':']) || host == "localhost";
    let (bare, port) = host.split_once(':').unwrap_or((host, "0"));
    let host_is_sound = sound(&bare.to_ascii_lowercase()) && port.parse::<u16>().is_ok();
    let why = if prefix.contains("://") {
        "leave out what stands before the host"
    } else if prefix.ends_with('/') {
        "leave out the slash at its end"
    } else if !is_host {
        "it begins with the host of the registry, such as `us.gcr.io/project/dir`"
    } else if !host_is_sound || !path.is_none_or(|path| path.split('/').all(sound)) {
        "it is a host and a path in lower case without a tag, such as `us.gcr.io/project/dir`"
    } else {
        return;
    };
    let message = format!("`{}` can't be the prefix of a registry", prefix.value);
    context.report(Diagnostic::new(&prefix.place, message).help(why));
}

fn list(
    entry: RegistryEntry,
    root: &Path,
    images: &[String],
    context: &mut Context,
) -> Option<(PublishedList, Place)> {
    let said = entry.list_keys.unwrap_or_default();
    let Some(path) = entry.list else {
        let keys = said.0.first().map(|(name, _)| &name.place);
        if let Some(place) = entry.list_key.as_ref().map(|it| &it.place).or(keys) {
            let message = "these are keys of a list, and this registry has no `list`";
            context.report(Diagnostic::new(place, message));
        }
        return None;
    };
    check_file(root, &path, context);
    let said_key = entry.list_key;
    let key_is_sound = said_key.as_ref().is_none_or(|key| check_key(key, context));
    let key = said_key.map_or_else(|| LIST_KEY.to_owned(), |key| key.value);
    let list = PublishedList {
        path: root.join(&path.value),
        shown: path.value.clone(),
        key,
        keys: own_keys(&said, images, context),
    };
    if key_is_sound {
        check_keys(&list, &said, images, &path.place, context);
    }
    Some((list, path.place))
}

/// Refuses what is no file of the project.
fn check_file(root: &Path, said: &Located<String>, context: &mut Context) {
    let path = root.join(&said.value);
    let stays = Path::new(&said.value)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    // A link may lead out, too.
    let is_inside = || match (path.canonicalize(), root.canonicalize()) {
        (Ok(path), Ok(root)) => path.starts_with(root),
        _ => true,
    };
    let mistake = if !stays || !is_inside() {
        let message = format!("the list `{}` is not in the project", said.value);
        Diagnostic::new(&said.place, message)
            .label("outside of the folder of seatrial.yaml")
            .help("lists are kept beside what they tell of, so that one commit has both")
    } else if path.is_dir() {
        let message = format!("the list `{}` is a folder", said.value);
        Diagnostic::new(&said.place, message).help("it is a JSON file, a map of keys to references")
    } else if !path.is_file() {
        Diagnostic::new(&said.place, format!("there is no list `{}`", said.value))
            .label("no such file")
            .help("begin one with `{}` in it")
    } else {
        return;
    };
    context.report(mistake);
}

/// Whether a template can give each image a key of its own.
fn check_key(key: &Located<String>, context: &mut Context) -> bool {
    let known = "known are `{name}`, the name of the image, and `{snake}`, the name with `_` for \
                 all but letters and digits";
    let rest = key.replace("{name}", "").replace("{snake}", "");
    if rest.contains(['{', '}']) {
        let message = format!("`{}` has a placeholder that stands for nothing", key.value);
        context.report(Diagnostic::new(&key.place, message).help(known));
    } else if rest == key.value {
        let message = format!("`{}` would be the key of all images", key.value);
        context.report(Diagnostic::new(&key.place, message).help(known));
    } else {
        return true;
    }
    false
}

type SaidKeys = Pairs<OneOrMany<Located<String>>>;

fn own_keys(
    said: &SaidKeys,
    images: &[String],
    context: &mut Context,
) -> Vec<(String, Vec<String>)> {
    let mut own = Vec::new();
    for (name, keys) in &said.0 {
        if !images.contains(&name.value) {
            let message = format!("no image `{}` in this project", name.value);
            let known = images.iter().map(String::as_str);
            context.report(Diagnostic::new(&name.place, message).suggest(name, known));
        }
        let texts = keys.0.iter().map(|key| key.value.clone());
        own.push((name.value.clone(), texts.collect()));
    }
    own
}

/// Refuses keys that stand for two images, or twice for one.
fn check_keys(
    list: &PublishedList,
    said: &SaidKeys,
    images: &[String],
    place: &Place,
    context: &mut Context,
) {
    let mut known: HashMap<String, &str> = HashMap::new();
    for image in images {
        for (at, key) in list.keys(image).into_iter().enumerate() {
            let Some(other) = known.insert(key.clone(), image) else {
                continue;
            };
            let own = said.0.iter().find(|(name, _)| name.value == *image);
            let own = own.and_then(|(_, keys)| keys.0.get(at));
            let place = own.map_or(place, |key| &key.place);
            let message = if other == image {
                format!("the key `{key}` is said twice for `{image}`")
            } else {
                format!("the key `{key}` stands for two images, `{other}` and `{image}`")
            };
            context.report(
                Diagnostic::new(place, message)
                    .help("`list_keys` gives an image keys of its own: `{IMAGE: KEY}`"),
            );
        }
    }
}
