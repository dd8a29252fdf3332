//! What a container may do and use.

use super::size::Bytes;
use crate::diagnostic::{Diagnostic, is_close, suggestion};
use crate::engine::Isolation;
use crate::source::Located;
use crate::yaml::{Context, Decode, Definitions, Describe, Kind, Node, or_expression, words};
use serde_json::{Value, json};

impl Decode for Isolation {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match node.scalar() {
            Some("fresh") => Some(Self::Fresh),
            Some("shared") => Some(Self::Shared),
            _ => context.mismatch(node, "`fresh` or `shared`"),
        }
    }
}

/// Folders in memory, and how large each can become.
#[derive(Debug, Clone, Default)]
pub struct Tmpfs(pub Vec<(Located<String>, Option<Bytes>)>);

impl Decode for Tmpfs {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let folders: Vec<Option<_>> = match &node.kind {
            Kind::Mapping(entries) => entries
                .iter()
                .map(|(key, value)| {
                    let size = if value.is_null() {
                        None
                    } else {
                        Some(size(value, context)?)
                    };
                    Some((folder(key, context)?, size))
                })
                .collect(),
            Kind::Sequence(items) => items
                .iter()
                .map(|item| Some((folder(item, context)?, None)))
                .collect(),
            Kind::Scalar { .. } => {
                return context.mismatch(node, "a list of folders, or a map of folders and sizes");
            }
        };
        folders.into_iter().collect::<Option<_>>().map(Self)
    }
}

/// To the kernel a size of 0 is no limit.
fn size(node: &Node, context: &mut Context) -> Option<Bytes> {
    let size = Bytes::decode(node, context)?;
    if size.0 == 0 {
        let message = "a folder of this size holds nothing";
        context.report(Diagnostic::new(&node.place, message));
        return None;
    }
    Some(size)
}

fn folder(node: &Node, context: &mut Context) -> Option<Located<String>> {
    let folder = Located::<String>::decode(node, context)?;
    if !folder.starts_with('/') || folder.contains(':') || folder.value == "/" {
        context.report(
            Diagnostic::new(&folder.place, "a folder in memory needs an absolute path")
                .help("such as `/scratch`"),
        );
        return None;
    }
    Some(folder)
}

/// A number of processors, in whole ones and parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cpus(pub f64);

impl Decode for Cpus {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match node.scalar().and_then(|text| text.parse::<f64>().ok()) {
            // An engine counts in thousandths; what is less is nothing.
            Some(cpus) if (0.01..=10_000.0).contains(&cpus) => Some(Self(cpus)),
            _ => context.mismatch(node, "a number of processors, such as `2` or `0.5`"),
        }
    }
}

/// A number of processes and threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pids(pub u32);

impl Decode for Pids {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        match node.scalar().and_then(|text| text.parse().ok()) {
            Some(count) if count > 0 => Some(Self(count)),
            _ => context.mismatch(node, "a number of processes, at least 1"),
        }
    }
}

/// A capability as `capabilities(7)` names it, without `CAP_`; or `ALL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability(pub String);

/// All of Linux 6.12, and the word for all.
const CAPABILITIES: [&str; 42] = [
    "ALL",
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

impl Decode for Capability {
    fn decode(node: &Node, context: &mut Context) -> Option<Self> {
        let written = String::decode(node, context)?;
        let name = written.to_uppercase();
        let name = name.strip_prefix("CAP_").unwrap_or(&name);
        if CAPABILITIES.contains(&name) {
            return Some(Self(name.to_owned()));
        }
        let message = format!("there is no capability `{written}`");
        let near = CAPABILITIES
            .into_iter()
            .filter(|known| is_close(name, known));
        let help = suggestion(name, near)
            .unwrap_or_else(|| "capabilities(7) lists them; write `NET_RAW` or `ALL`".to_owned());
        context.report(Diagnostic::new(&node.place, message).help(help));
        None
    }
}

impl Describe for Isolation {
    fn schema(_: &mut Definitions) -> Value {
        words(&["fresh", "shared"])
    }
}

impl Describe for Tmpfs {
    fn schema(definitions: &mut Definitions) -> Value {
        let size = Bytes::schema(definitions);
        let sized =
            json!({"type": "object", "additionalProperties": {"anyOf": [size, {"type": "null"}]}});
        json!({"anyOf": [Vec::<String>::schema(definitions), sized], "examples": [["/scratch"], {"/scratch": "64MB"}]})
    }
}

impl Describe for Cpus {
    fn schema(_: &mut Definitions) -> Value {
        or_expression(&json!({"type": "number", "exclusiveMinimum": 0}))
    }
}

impl Describe for Pids {
    fn schema(_: &mut Definitions) -> Value {
        or_expression(&json!({"type": "integer", "minimum": 1}))
    }
}

impl Describe for Capability {
    fn schema(_: &mut Definitions) -> Value {
        json!({"type": "string", "examples": ["NET_RAW", "SYS_PTRACE", "ALL"]})
    }
}
