//! The template, filled.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use sha2::{Digest, Sha256};

use super::page::Page;
use crate::report::format::RenderError;
use crate::report::record::Record;

const TEMPLATE: &str = include_str!("report.html");
const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// The whole page. Every value is escaped, but for the style and the script.
pub(in crate::report) fn render(record: &Record) -> Result<String, RenderError> {
    let told = |error: minijinja::Error| RenderError(format!("{error:#}"));
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let mut syntax = SyntaxConfig::builder();
    let syntax = syntax.trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(told)?);
    environment
        .add_template("report.html", TEMPLATE)
        .map_err(told)?;
    let template = environment.get_template("report.html").map_err(told)?;
    let page = Page::of(record);
    let values =
        context! { policy => policy(), style => STYLE, script => SCRIPT, page => Serde(page) };
    template.render(values).map_err(told)
}

/// What the page may do: apply this style, run this script, and nothing else; so not even a mistake
/// in the template could load or run anything.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}
