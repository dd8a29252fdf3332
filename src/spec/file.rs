//! Checks of files in the image; no container is started for them.

use super::check::CheckKind;
use super::count::Count;
use super::digest::Sha256Digest;
use super::file_values::{Executor, FileType, Mode};
use super::kind::{CheckType, one, preset};
use super::pattern::FilePattern;
use super::size::SizeBounds;
use super::text::TextExpectation;
use crate::diagnostic::Diagnostic;
use crate::source::{Located, Place};
use crate::yaml::{
    Context, Decode, Definitions, Describe, Entries, Keys, Kind, Node, OneOrMany, object,
};
use serde_json::{Value, json};

/// `file`
pub(super) const TYPE: CheckType = CheckType {
    key: "file",
    what: "a file check",
    read: |entries, _, context| {
        let file = FileCheck::take(entries, context)?;
        file.validate(context);
        Some(one(CheckKind::File(Box::new(file))))
    },
    keys: |definitions| {
        let about = "The absolute path, or a glob: `*`, `?`, `[…]`, `{a,b}` and `**`.";
        let mut keys = vec![preset::<String>("file", about, definitions)];
        keys.extend(FileExpectation::keys(definitions));
        keys
    },
};

/// Looks at one path of the image's file system, or at all that match a glob.
#[derive(Debug, Clone)]
pub struct FileCheck {
    /// Where to look.
    pub file: Located<FilePattern>,
    /// What must be there.
    pub expected: FileExpectation,
}

object! {
    /// What must be at a path. Of a glob each match must meet this.
    pub struct FileExpectation: "a file expectation" {
        /// Whether it must be there; true unless said otherwise.
        optional exists: Located<bool>,
        /// How many paths must match a glob; at least one unless said otherwise.
        optional count: Located<Count>,
        /// What it must be.
        optional r#type("type"): Located<FileType>,
        /// Its permissions.
        optional mode: Located<Mode>,
        /// Its owner, by name or number.
        optional owner: Located<String>,
        /// Its group, by name or number.
        optional group: Located<String>,
        /// Its size.
        optional size: Located<SizeBounds>,
        /// The digest of its content.
        optional sha256: Located<Sha256Digest>,
        /// Its content.
        optional content: TextExpectation,
        /// Where it leads, as the link says it.
        optional link_target: TextExpectation,
        /// Who can execute it; all of these.
        optional executable_by: OneOrMany<Located<Executor>>,
    }
}

impl FileCheck {
    /// Takes the keys of a file check and leaves the others.
    pub fn take(entries: &mut Entries<'_>, context: &mut Context) -> Option<Self> {
        let file = entries.required("file", "a file check", context);
        let expected = FileExpectation::take(entries, context);
        let (file, expected) = (file?, expected?);
        Some(Self { file, expected })
    }

    pub(super) fn validate(&self, context: &mut Context) {
        self.expected.validate(&self.file, context);
    }
}

impl FileExpectation {
    /// Expects that something is there, and no more.
    const EXISTS: Self = Self {
        exists: None,
        count: None,
        r#type: None,
        mode: None,
        owner: None,
        group: None,
        size: None,
        sha256: None,
        content: None,
        link_target: None,
        executable_by: None,
    };

    /// Whether it must be there.
    pub fn must_exist(&self) -> bool {
        self.exists.as_ref().is_none_or(|exists| exists.value)
    }

    /// Whether it is about a link itself and not about what the link leads to.
    pub fn is_about_link(&self) -> bool {
        let link = |kind: &Located<FileType>| kind.value == FileType::Symlink;
        self.link_target.is_some() || self.r#type.as_ref().is_some_and(link)
    }

    /// All text expectations in it.
    pub fn texts(&self) -> impl Iterator<Item = &TextExpectation> {
        self.content.iter().chain(&self.link_target)
    }

    /// Whether anything beyond its existence is expected.
    fn expects_more(&self) -> bool {
        self.count.is_some() || self.looks()
    }

    /// Whether anything is expected of what is there.
    fn looks(&self) -> bool {
        self.r#type.is_some()
            || self.mode.is_some()
            || self.owner.is_some()
            || self.group.is_some()
            || self.size.is_some()
            || self.sha256.is_some()
            || self.executable_by.is_some()
            || self.texts().next().is_some()
    }

    /// What is expected of something of this type that no such thing has, and the way out.
    fn lacking(&self, kind: FileType) -> Option<(&'static str, &'static str)> {
        let has_target = kind == FileType::Symlink;
        // Of a symlink more is said elsewhere.
        let has_content = matches!(kind, FileType::File | FileType::Symlink);
        if self.link_target.is_some() && !has_target {
            Some(("target", "remove `link_target`, or say `type: symlink`"))
        } else if self.content.is_some() && !has_content {
            Some(("content", "remove `content`, or say `type: file`"))
        } else if self.sha256.is_some() && !has_content {
            Some(("content", "remove `sha256`, or say `type: file`"))
        } else if self.size.is_some() && kind == FileType::Directory {
            let help = "remove `size`; what is in it can be counted with a glob and `count`";
            Some(("size", help))
        } else {
            None
        }
    }

    /// Records what can't hold.
    fn validate(&self, path: &Located<FilePattern>, context: &mut Context) {
        let mut report = |place: &Place, message: &str, help: &str| {
            context.report(Diagnostic::new(place, message).help(help));
        };
        if let Some(exists) = self.exists.as_ref().filter(|exists| !exists.value)
            && self.expects_more()
        {
            let message = "a file that must not exist can't be looked at";
            let help = "remove `exists: false` or the other expectations";
            report(&exists.place, message, help);
        }
        if let Some(count) = self.count.as_ref().filter(|_| !path.is_glob()) {
            let message = "only what matches a glob can be counted";
            let help = "remove `count`, or put a wildcard in the path, such as `*`";
            report(&count.place, message, help);
        }
        let none = |count: &&Located<Count>| count.value.max == Some(0);
        if let Some(count) = self.count.as_ref().filter(none).filter(|_| self.looks()) {
            let message = "files that must not exist can't be looked at";
            let help = "remove the other expectations, or count more than none";
            report(&count.place, message, help);
        }
        if let Some(kind) = &self.r#type
            && let Some((lacking, help)) = self.lacking(kind.value)
        {
            let kind_word = kind.value.word().replace('_', " ");
            report(
                &kind.place,
                &format!("a {kind_word} has no {lacking}"),
                help,
            );
        }
        for name in [&self.owner, &self.group].into_iter().flatten() {
            let (message, help) = if name.is_empty() {
                ("there is no name here", "say a name, or a number")
            } else if name.contains(':') {
                let help = "a user goes into `owner`, and a group into `group`";
                ("one name, without a colon", help)
            } else {
                continue;
            };
            report(&name.place, message, help);
        }
        if self.is_about_link() {
            let message = "a link has no content of its own";
            let help = "`type: symlink` and `link_target` look at the link itself; \
                        make another check of the file that it leads to";
            if let Some(digest) = &self.sha256 {
                report(&digest.place, message, help);
            }
            if let Some(text) = self.content.as_ref().and_then(|content| content.0.first()) {
                report(&text.place, message, help);
            }
        }
    }
}

/// What must be at several paths. Never empty.
#[derive(Debug, Clone)]
pub struct FilesExpectation(pub Vec<(Located<FilePattern>, FileExpectation)>);

impl FilesExpectation {
    /// All text expectations in it.
    pub fn texts(&self) -> impl Iterator<Item = &TextExpectation> {
        self.0.iter().flat_map(|(_, expected)| expected.texts())
    }
}

impl Decode for FilesExpectation {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            return context.mismatch(node, "a map of paths");
        };
        if entries.is_empty() {
            context.report(Diagnostic::new(&node.place, "this expects nothing"));
            return None;
        }
        let files: Vec<Option<_>> = entries
            .iter()
            .map(|(path, expected)| {
                let path = Located::<FilePattern>::decode(path, context);
                let expected = expectation(expected, context);
                let (path, expected) = (path?, expected?);
                expected.validate(&path, context);
                Some((path, expected))
            })
            .collect();
        files.into_iter().collect::<Option<_>>().map(Self)
    }
}

/// Nothing means that it must be there, and a bare text is the content.
fn expectation(node: &Node, context: &mut Context) -> Option<FileExpectation> {
    match &node.kind {
        _ if node.is_null() => Some(FileExpectation::EXISTS),
        Kind::Scalar { .. } => TextExpectation::decode(node, context).map(|content| {
            let content = Some(content);
            FileExpectation {
                content,
                ..FileExpectation::EXISTS
            }
        }),
        Kind::Mapping(_) => FileExpectation::decode(node, context),
        Kind::Sequence(_) => context.mismatch(node, "a file expectation (a map) or its content"),
    }
}

impl Describe for FilesExpectation {
    fn schema(definitions: &mut Definitions) -> Value {
        let content = String::schema(definitions);
        let map = FileExpectation::schema(definitions);
        json!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"anyOf": [content, map, {"type": "null"}]},
            "examples": [{"/tmp/x.bai": {"size": {"min": 1}}, "/tmp/*.log": {"count": 2}}],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;
    use crate::yaml::parse;

    /// The expectations, or the messages with their places.
    fn read(text: &str) -> Result<FilesExpectation, Vec<String>> {
        let node = parse(&Source::new("t.yaml", text)).unwrap();
        let mut context = Context::default();
        let files = FilesExpectation::decode(&node, &mut context);
        let mistakes: Vec<String> = context
            .into_diagnostics()
            .iter()
            .map(|mistake| format!("{} {}", mistake.place(), mistake.message()))
            .collect();
        match files {
            Some(files) if mistakes.is_empty() => Ok(files),
            _ => Err(mistakes),
        }
    }

    #[test]
    fn a_map_of_paths_has_short_forms() {
        let files =
            read("/there:\n/too: {}\n/text: hello\n/none: {exists: false}\n/logs/*: {count: 2}\n")
                .unwrap();
        let [there, too, text, none, logs] = &files.0[..] else {
            panic!("{files:?}")
        };
        for (_, expected) in [there, too] {
            assert!(expected.must_exist() && !expected.expects_more());
        }
        assert!(text.1.content.is_some());
        assert!(!none.1.must_exist());
        assert!(logs.0.is_glob() && logs.1.count.is_some());
        assert_eq!(files.texts().count(), 1);
    }

    #[test]
    fn mistakes_are_all_shown() {
        let table = [
            ("{}", "t.yaml:1:1 this expects nothing"),
            ("a: {}", "t.yaml:1:1 a file check needs an absolute path"),
            (
                "/a: [x]",
                "t.yaml:1:5 expected a file expectation (a map) or its content, found a list",
            ),
            (
                "/a: {exist: false}",
                "t.yaml:1:6 unknown key `exist` in a file expectation",
            ),
            (
                "/a: {count: 1}",
                "t.yaml:1:13 only what matches a glob can be counted",
            ),
            ("/a*: {count: {}}", "t.yaml:1:14 this expects nothing"),
            (
                "/a*: {count: {min: 2, max: 1}}",
                "t.yaml:1:14 `min` is larger than `max`",
            ),
            (
                "/a*: {count: -1}",
                "t.yaml:1:14 expected a whole number from 0, found `-1`",
            ),
            (
                "/a*: {count: 1, exists: false}",
                "t.yaml:1:25 a file that must not exist can't be looked at",
            ),
            (
                "/a: {sha256: 12ab}",
                "t.yaml:1:14 expected a SHA-256 digest (64 hexadecimal digits), found `12ab`",
            ),
            (
                "/a: {link_target: b, type: file}",
                "t.yaml:1:28 a file has no target",
            ),
            (
                "/a: {type: fifo, content: c}",
                "t.yaml:1:12 a fifo has no content",
            ),
            (
                "/a: {type: directory, sha256: 0000000000000000000000000000000000000000000000000000000000000000}",
                "t.yaml:1:12 a directory has no content",
            ),
            (
                "/a: {type: directory, size: 1}",
                "t.yaml:1:12 a directory has no size",
            ),
            (
                "/a*: {count: 0, mode: 644}",
                "t.yaml:1:14 files that must not exist can't be looked at",
            ),
            ("/a: {owner: ''}", "t.yaml:1:13 there is no name here"),
            (
                "/a: {group: 'a:b'}",
                "t.yaml:1:13 one name, without a colon",
            ),
            (
                "/a: {link_target: b, content: c}",
                "t.yaml:1:31 a link has no content of its own",
            ),
            (
                "/a: {type: symlink, content: c}",
                "t.yaml:1:30 a link has no content of its own",
            ),
            (
                "/a: {executable_by: []}",
                "t.yaml:1:21 an empty list says nothing",
            ),
            (
                "/a: {executable_by: 'a:b'}",
                "t.yaml:1:21 expected `owner`, `group`, `other`, `any` or the name of a user, found `a:b`",
            ),
            (
                "/a: {type: door}",
                "t.yaml:1:12 expected `file`, `directory`, `symlink`, `char_device`, `block_device`, `fifo` or `socket`, found `door`",
            ),
        ];
        for (text, mistake) in table {
            assert_eq!(read(text).unwrap_err(), [mistake], "{text}");
        }
        assert_eq!(read("/a/: {}\nb: {}\n").unwrap_err().len(), 2);
    }
}
