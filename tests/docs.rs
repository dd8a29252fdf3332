//! The examples of the documentation are true: each complete spec in it passes.

use std::io::Write;
use std::path::Path;

use assert_cmd::Command;

const PAGES: [&str; 3] = ["README.md", "docs/specs.md", "docs/services.md"];

/// The yaml blocks of a page that are whole specs, with the line each begins at.
fn specs(page: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut block: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(page.lines()) {
        match &mut block {
            None if line == "```yaml" => block = Some((number + 1, String::new())),
            None => {}
            Some(_) if line == "```" => found.extend(block.take()),
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    assert!(block.is_none(), "a yaml block is never closed");
    found.retain(|(_, text)| text.starts_with("image:"));
    found
}

#[test]
fn every_complete_spec_of_the_documentation_passes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    for page in PAGES {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        let specs = specs(&text);
        assert!(!specs.is_empty(), "{page} has no complete spec");
        for (line, spec) in specs {
            let name = format!("{}-line-{line}.yaml", page.replace('/', "-"));
            let file = folder.path().join(name);
            let mut writer = std::fs::File::create_new(&file).unwrap();
            writer.write_all(spec.as_bytes()).unwrap();
            Command::cargo_bin("seatrial")
                .unwrap()
                .current_dir(root)
                .args(["test", "--spec"])
                .arg(&file)
                .assert()
                .success();
        }
    }
}
