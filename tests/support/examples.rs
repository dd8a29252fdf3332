//! The complete examples of the documentation.

/// The pages whose examples are run.
pub const PAGES: [&str; 7] = [
    "README.md",
    "docs/specs.md",
    "docs/composition.md",
    "docs/texts.md",
    "docs/files-and-config.md",
    "docs/presets.md",
    "docs/services.md",
];

/// A spec that is complete, or several files that are so together.
pub struct Example {
    /// The line of the page at which it begins.
    pub line: usize,
    /// Where each file stands, and what is in it. A spec alone has no place.
    pub files: Vec<(Option<String>, String)>,
}

/// The complete examples of a page: each block that begins with an image, and the blocks of one
/// section that begin with a comment that is nothing but a path.
pub fn examples_of_page(page: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut several: Option<Example> = None;
    let mut lines = (1..).zip(page.lines());
    while let Some((line, text)) = lines.next() {
        if text.starts_with('#') {
            examples.extend(several.take());
        }
        if !text.starts_with("```") {
            continue;
        }
        let block: Vec<&str> = lines
            .by_ref()
            .map(|(_, text)| text)
            .take_while(|text| *text != "```")
            .collect();
        let content = block.join("\n") + "\n";
        if let Some(path) = block.first().and_then(|first| place(first)) {
            let example = several.get_or_insert(Example {
                line,
                files: Vec::new(),
            });
            example.files.push((Some(path.to_owned()), content));
        } else if text == "```yaml" && has_image(&block) {
            examples.push(Example {
                line,
                files: vec![(None, content)],
            });
        }
    }
    examples.extend(several);
    examples
}

/// The path that a comment is, such as `# test-specs/base.yaml`.
fn place(line: &str) -> Option<&str> {
    let path = line.strip_prefix("# ")?;
    let is_path = path.ends_with(".yaml") || path.ends_with("Dockerfile");
    (is_path && !path.contains(' ')).then_some(path)
}

/// What begins otherwise, say with a comment, is a part of something.
fn has_image(block: &[&str]) -> bool {
    let first = block.first();
    first.is_some_and(|line| line.starts_with("image:") || line.starts_with("images:"))
}
