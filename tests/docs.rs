//! The examples of the documentation are true: each complete spec in it passes.

mod support;

use std::io::Write;
use std::path::Path;

use assert_cmd::Command;
use support::{PAGES, specs_of_page};

#[test]
fn every_complete_spec_of_the_documentation_passes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    for page in PAGES {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        let specs = specs_of_page(&text);
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
