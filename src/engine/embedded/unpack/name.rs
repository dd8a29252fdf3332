//! What the path of an entry means.

use super::error::Refusal;

/// The longest name and the longest path that Linux can open, in bytes.
const NAME: usize = 255;
const PATH: usize = 4095;

const WHITEOUT: &[u8] = b".wh.";
/// What aufs keeps for itself begins so.
const META: &[u8] = b".wh..wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// The names of a path from the root of the layer. None means the root itself.
pub(super) type Parts<'a> = Vec<&'a [u8]>;

/// What an entry does, as its path says it (OCI image spec, "Image Layer Filesystem Changeset").
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning<'a> {
    /// It is something that the layer has.
    Entry(Parts<'a>),
    /// It removes something of the layers below.
    Whiteout(Parts<'a>),
    /// It hides all that the layers below have in this folder.
    Opaque(Parts<'a>),
    /// It was aufs's own, and means nothing.
    Nothing,
}

/// Takes a path apart: from the root, without empty names and `.`.
pub(super) fn parts(path: &[u8], depth: usize) -> Result<Parts<'_>, Refusal> {
    if path.len() > PATH {
        return Err(Refusal::TooLong);
    }
    let names = path.split(|byte| *byte == b'/');
    let parts: Parts<'_> = names.filter(|name| !matches!(*name, b"" | b".")).collect();
    if parts.contains(&b"..".as_slice()) {
        return Err(Refusal::Escapes);
    }
    if parts.iter().any(|name| name.len() > NAME) {
        return Err(Refusal::TooLong);
    }
    if parts.len() > depth {
        return Err(Refusal::TooDeep);
    }
    Ok(parts)
}

/// What the entry with this path does.
pub(super) fn meaning(path: &[u8], depth: usize) -> Result<Meaning<'_>, Refusal> {
    // Whatever of aufs's own is in it: nobody looks there, so it need not be sound.
    let mut parts = parts(path, depth)?;
    let Some((last, above)) = parts.split_last() else {
        return Ok(Meaning::Entry(parts));
    };
    let (last, above) = (*last, above.len());
    if parts[..above].iter().any(|name| name.starts_with(META)) {
        return Ok(Meaning::Nothing);
    }
    if parts[..above].iter().any(|name| name.starts_with(WHITEOUT)) {
        return Err(Refusal::BelowWhiteout);
    }
    if last == OPAQUE {
        parts.pop();
        return Ok(Meaning::Opaque(parts));
    }
    if last.starts_with(META) {
        return Ok(Meaning::Nothing);
    }
    let Some(name) = last.strip_prefix(WHITEOUT) else {
        return Ok(Meaning::Entry(parts));
    };
    if matches!(name, b"" | b"." | b"..") {
        return Err(Refusal::EmptyWhiteout);
    }
    parts[above] = name;
    Ok(Meaning::Whiteout(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(path: &str) -> Parts<'_> {
        path.split('/').map(str::as_bytes).collect()
    }

    #[test]
    fn paths_are_taken_from_the_root_and_never_lead_out() {
        let long = "n".repeat(256);
        let deep = "d/".repeat(11);
        let table: [(&str, Result<Meaning<'_>, Refusal>); 24] = [
            ("a/b", Ok(Meaning::Entry(split("a/b")))),
            ("/a//b/./", Ok(Meaning::Entry(split("a/b")))),
            ("./a", Ok(Meaning::Entry(split("a")))),
            ("", Ok(Meaning::Entry(vec![]))),
            ("/", Ok(Meaning::Entry(vec![]))),
            ("./", Ok(Meaning::Entry(vec![]))),
            ("...", Ok(Meaning::Entry(split("...")))),
            ("..", Err(Refusal::Escapes)),
            ("a/../b", Err(Refusal::Escapes)),
            ("/../a", Err(Refusal::Escapes)),
            (&long, Err(Refusal::TooLong)),
            (&deep, Err(Refusal::TooDeep)),
            ("a/.wh.b", Ok(Meaning::Whiteout(split("a/b")))),
            (".wh.b/", Ok(Meaning::Whiteout(split("b")))),
            (".wh....", Ok(Meaning::Whiteout(split("...")))),
            ("a/.wh.", Err(Refusal::EmptyWhiteout)),
            (".wh..", Err(Refusal::EmptyWhiteout)),
            (".wh...", Err(Refusal::EmptyWhiteout)),
            (".wh.a/b", Err(Refusal::BelowWhiteout)),
            ("a/.wh..wh..opq", Ok(Meaning::Opaque(split("a")))),
            (".wh..wh..opq", Ok(Meaning::Opaque(vec![]))),
            (".wh..wh.plnk/12.34", Ok(Meaning::Nothing)),
            (".wh..wh.aufs", Ok(Meaning::Nothing)),
            ("wh.a", Ok(Meaning::Entry(split("wh.a")))),
        ];
        for (path, expected) in table {
            assert_eq!(meaning(path.as_bytes(), 10), expected, "{path}");
        }
    }
}
