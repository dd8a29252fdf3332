//! A comparison for people, and for programs.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::model::{
    Aspect, Change, Comparison, FieldChange, FileChange, PackageChange, Recorded, Told,
};
use super::words::{bytes, signed};
use crate::engine::FileKind;
use crate::report::text::one_line;
use crate::words::{count, shortened};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const ADDED: Style = AnsiColor::Green.on_default();
const REMOVED: Style = AnsiColor::Red.on_default();
const CHANGED: Style = AnsiColor::Yellow.on_default();

/// So many files are shown unless all are wanted.
const FILES: usize = 30;
/// Longer values of the configuration are cut.
const LONGEST_VALUE: usize = 300;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// The most telling: of files some, and a folder that is new as one line.
    Some,
    /// Every file.
    AllFiles,
}

/// The comparison as JSON, with a line break at its end. Nothing in it acts on a terminal.
pub fn json(found: &Comparison) -> String {
    let text = serde_json::to_string_pretty(found).unwrap_or_default();
    let mut safe = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        // Whatever is not plain stands in a string, where JSON can spell it out.
        let acts = matches!(
            c,
            '\u{7f}'..='\u{9f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}'
        );
        if acts {
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe.push('\n');
    safe
}

/// The comparison for a terminal, with a line break at its end: packages, configuration, sizes, files.
pub fn text(found: &Comparison, shown: Shown) -> String {
    let mut text = String::new();
    let (old, new) = (&found.old.reference, &found.new.reference);
    let _ = writeln!(text, "{BOLD}{} → {}{BOLD:#}", one_line(old), one_line(new));
    if found.is_empty() && found.undecided.is_empty() {
        text.push_str("nothing differs\n");
        return text;
    }
    if !found.packages.is_empty() {
        let changes = found.packages.iter().map(PackageChange::change);
        heading(&mut text, "packages", &tally(changes));
        for package in &found.packages {
            let line = format!("{}  {}", sign(package.change()), package_line(package));
            let _ = writeln!(text, "  {line}");
        }
    }
    if !found.config.is_empty() {
        let changes = found.config.iter().map(FieldChange::change);
        heading(&mut text, "config", &tally(changes));
        for field in &found.config {
            let _ = writeln!(text, "  {}  {}", sign(field.change()), field_line(field));
        }
    }
    sizes(&mut text, found);
    files(&mut text, &found.files, shown);
    for what in &found.undecided {
        let _ = writeln!(
            text,
            "\n{CHANGED}not compared{CHANGED:#}: {}",
            one_line(what)
        );
    }
    text
}

fn heading(text: &mut String, title: &str, said: &str) {
    let _ = writeln!(text, "\n{BOLD}{title}{BOLD:#}: {said}");
}

/// `2 added, 1 removed`.
pub(super) fn tally(changes: impl Iterator<Item = Change>) -> String {
    let mut counts = [0_usize; 3];
    for change in changes {
        counts[change as usize] += 1;
    }
    let words = ["added", "removed", "changed"];
    let said = counts.iter().zip(words).filter(|(count, _)| **count > 0);
    let said: Vec<String> = said
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    said.join(", ")
}

/// `+`, `-` or `~`, in colour.
pub(super) fn sign(change: Change) -> String {
    let (style, sign) = match change {
        Change::Added => (ADDED, '+'),
        Change::Removed => (REMOVED, '-'),
        Change::Changed => (CHANGED, '~'),
    };
    format!("{style}{sign}{style:#}")
}

/// `dpkg samtools 1.16 → 1.17`.
pub(super) fn package_line(package: &PackageChange) -> String {
    let version = |it: &Recorded| match &it.version {
        Some(version) => one_line(version),
        None => "(no version)".to_owned(),
    };
    // Of databases there is one; of environments there may be several.
    let is_env = matches!(package.manager.as_str(), "pip" | "conda" | "r");
    let place = |it: &Recorded| match is_env {
        true => format!("  {DIM}({}){DIM:#}", one_line(&it.at)),
        false => String::new(),
    };
    let said = match (&package.old, &package.new) {
        (Some(old), Some(new)) if old.at == new.at || !is_env => {
            format!("{} → {}{}", version(old), version(new), place(new))
        }
        (Some(old), Some(new)) if old.version == new.version => {
            let (from, to) = (one_line(&old.at), one_line(&new.at));
            format!("{}  {DIM}({from} → {to}){DIM:#}", version(new))
        }
        (Some(old), Some(new)) => {
            let (from, to) = (place(old), place(new));
            format!("{}{from} → {}{to}", version(old), version(new))
        }
        (Some(it), None) | (None, Some(it)) => format!("{}{}", version(it), place(it)),
        (None, None) => String::new(),
    };
    format!("{} {} {said}", package.manager, one_line(&package.name))
}

/// `env.PATH: /bin → /opt/bin:/bin`.
pub(super) fn field_line(field: &FieldChange) -> String {
    let value = |it: &Option<String>| match it {
        None => "nothing".to_owned(),
        Some(it) if it.is_empty() => "\"\"".to_owned(),
        Some(it) => shortened(&one_line(it), LONGEST_VALUE),
    };
    let name = one_line(&field.field);
    match (&field.old, &field.new) {
        (Some(_), Some(_)) => format!("{name}: {} → {}", value(&field.old), value(&field.new)),
        (None, it) | (it, None) => format!("{name}: {}", value(it)),
    }
}

fn sizes(text: &mut String, found: &Comparison) {
    let (Some(old), Some(new), Some(growth)) = (found.sizes.old, found.sizes.new, found.growth())
    else {
        return;
    };
    if growth == 0 && found.sizes.folders.is_empty() {
        return;
    }
    let said = format!("{} → {} ({})", bytes(old), bytes(new), signed(growth));
    heading(text, "sizes", &said);
    for folder in &found.sizes.folders {
        let change = signed(folder.change);
        let _ = writeln!(text, "  {change:>10}  {}", one_line(&folder.path));
    }
}

fn files(text: &mut String, files: &[FileChange], shown: Shown) {
    if files.is_empty() {
        return;
    }
    heading(text, "files", &tally(files.iter().map(|it| it.change)));
    let lines = match shown {
        Shown::AllFiles => files.iter().map(|it| (it, Below::default())).collect(),
        Shown::Some => folded(files),
    };
    let limit = match shown {
        Shown::AllFiles => usize::MAX,
        Shown::Some => FILES,
    };
    for (file, below) in lines.iter().take(limit) {
        let _ = writeln!(text, "  {}  {}", sign(file.change), file_line(file, *below));
    }
    if lines.len() > limit {
        let more = lines[limit..].iter().map(|(_, below)| 1 + below.files);
        let _ = writeln!(
            text,
            "  … and {} more; --files shows all",
            more.sum::<usize>()
        );
    }
}

/// What lies in a folder that is only in one image.
#[derive(Debug, Clone, Copy, Default)]
struct Below {
    files: usize,
    bytes: u64,
}

/// What is in a folder that came or went is not told one by one.
fn folded(files: &[FileChange]) -> Vec<(&FileChange, Below)> {
    let mut lines: Vec<(&FileChange, Below)> = Vec::new();
    // Where the folder stands among the lines that what follows may lie in. By path, things in a
    // folder need not follow it at once: `/a-b` is between `/a` and `/a/b`.
    let mut open: Vec<usize> = Vec::new();
    for file in files {
        open.retain(|at| {
            let folder = lines[*at].0.path.as_str();
            file.path.as_str() < folder || file.path.starts_with(folder)
        });
        let home = open.iter().copied().find(|at| {
            let folder = lines[*at].0;
            let below = file.path.strip_prefix(folder.path.as_str());
            folder.change == file.change && below.is_some_and(|rest| rest.starts_with('/'))
        });
        let told = file.old.as_ref().or(file.new.as_ref());
        let size = told.and_then(|it| it.size).unwrap_or(0);
        if let Some(home) = home {
            lines[home].1.files += 1;
            lines[home].1.bytes += size;
            continue;
        }
        let is_folder = told.is_some_and(|it| it.kind == FileKind::Directory);
        if is_folder && file.change != Change::Changed {
            open.push(lines.len());
        }
        lines.push((file, Below::default()));
    }
    lines
}

fn file_line(file: &FileChange, below: Below) -> String {
    let path = one_line(&file.path);
    let told = |told: &Told| match told.kind {
        FileKind::Directory if below.files > 0 => {
            let size = bytes(below.bytes);
            format!(
                "{path}/  {DIM}({} in it, {size}){DIM:#}",
                count(below.files, "path")
            )
        }
        FileKind::Directory => format!("{path}/"),
        FileKind::Symlink => {
            let target = told.target.as_deref().unwrap_or_default();
            format!("{path} → {}", one_line(target))
        }
        FileKind::File => format!("{path}  {DIM}({}){DIM:#}", bytes(told.size.unwrap_or(0))),
        other => format!("{path}  {DIM}({}){DIM:#}", kind(other)),
    };
    match (&file.old, &file.new) {
        (Some(old), Some(new)) => {
            let differs = file.differs.iter().map(|it| aspect(*it, old, new));
            let differs: Vec<String> = differs.collect();
            format!("{path}  {}", differs.join(", "))
        }
        (Some(it), None) | (None, Some(it)) => told(it),
        (None, None) => path,
    }
}

fn aspect(aspect: Aspect, old: &Told, new: &Told) -> String {
    let unknown = || "?".to_owned();
    match aspect {
        Aspect::Type => format!("{} → {}", kind(old.kind), kind(new.kind)),
        Aspect::Content => match (old.size, new.size) {
            (Some(old), Some(new)) if old != new => {
                let old = i128::from(old);
                let change = i64::try_from(i128::from(new) - old).unwrap_or(i64::MAX);
                format!("content ({})", signed(change))
            }
            _ => "content".to_owned(),
        },
        Aspect::Mode => format!("mode {} → {}", old.mode, new.mode),
        Aspect::Owner => {
            let owner = |it: &Told| it.owner.clone().unwrap_or_else(unknown);
            format!("owner {} → {}", owner(old), owner(new))
        }
        Aspect::Target => {
            let target = |it: &Told| it.target.as_deref().map_or_else(unknown, one_line);
            format!("link {} → {}", target(old), target(new))
        }
    }
}

fn kind(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File => "file",
        FileKind::Directory => "folder",
        FileKind::Symlink => "link",
        FileKind::CharDevice => "character device",
        FileKind::BlockDevice => "block device",
        FileKind::Fifo => "pipe",
        FileKind::Socket => "socket",
        FileKind::Other => "something unknown",
    }
}
