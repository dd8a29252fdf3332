//! `/etc/ld.so.conf` (`ldconfig(8)`): the folders that ldconfig makes its cache of. Read only to say
//! why a library that is there is not found.

use super::super::glob::Pattern;
use super::super::path::{Real, absolute, folder, real_path};
use crate::engine::{EngineError, FileKind, Files};

const CONF: &str = "/etc/ld.so.conf";
/// A list of folders is short.
const MAX_CONF: u64 = 1 << 20;
/// Files that include each other end here.
const MAX_FILES: usize = 100;

/// All folders of the configuration, in its order.
pub(super) fn folders(files: &dyn Files) -> Result<Vec<String>, EngineError> {
    let mut folders = Vec::new();
    let mut ahead = vec![CONF.to_owned()];
    for _ in 0..MAX_FILES {
        let Some(conf) = ahead.pop() else { break };
        let Real::Found(path, stat) = real_path(files, &conf)? else {
            continue;
        };
        if stat.kind != FileKind::File || stat.size > MAX_CONF {
            continue;
        }
        let text = files.read(&path, MAX_CONF)?;
        let mut includes = Vec::new();
        for line in String::from_utf8_lossy(&text).lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            match line
                .strip_prefix("include")
                .filter(|rest| rest.starts_with([' ', '\t']))
            {
                Some(globs) => {
                    for glob in globs.split_whitespace() {
                        includes.extend(matches(files, &absolute("/etc", glob))?);
                    }
                }
                None if line.starts_with('/') => folders.push(line.to_owned()),
                None => {}
            }
        }
        ahead.extend(includes.into_iter().rev());
    }
    Ok(folders)
}

fn matches(files: &dyn Files, glob: &str) -> Result<Vec<String>, EngineError> {
    let Ok(pattern) = Pattern::new(glob) else {
        // Whatever ldconfig makes of it, it is not for us to say.
        return Ok(Vec::new());
    };
    let real = match real_path(files, folder(glob))? {
        Real::Found(real, stat) if stat.kind == FileKind::Directory && real != "/" => real,
        _ => return Ok(Vec::new()),
    };
    let mut found = Vec::new();
    files.walk(&real, &mut |entry, _| {
        let path = format!("{}{}", folder(glob), &entry.path[real.len()..]);
        found.extend(pattern.is_match(&path).then_some(path));
        Ok(())
    })?;
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Tree;
    use super::*;

    #[test]
    fn included_files_count() {
        let tree = Tree::new()
            .file(
                CONF,
                "# comment\ninclude ld.so.conf.d/*.conf\n/opt/last/lib # why\n",
            )
            .file(
                "/etc/ld.so.conf.d/b.conf",
                "/b/lib\ninclude /etc/ld.so.conf\n",
            )
            .file("/etc/ld.so.conf.d/a.conf", "/a/lib\n\n")
            .file("/etc/ld.so.conf.d/a.disabled", "/no/lib\n");
        let folders = folders(&tree).unwrap();
        assert_eq!(folders[..3], ["/opt/last/lib", "/a/lib", "/b/lib"]);
        assert!(!folders.iter().any(|folder| folder == "/no/lib"));
        assert_eq!(super::folders(&Tree::new()).unwrap(), Vec::<String>::new());
    }
}
