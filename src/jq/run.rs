//! Filter × JSON → outputs.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use jaq_core::data::JustLut;
use jaq_core::{Ctx, Vars};
use jaq_json::{Val, read};

use super::bounds;
use super::compile::Filter;

/// A filter over a document of some megabytes takes far less.
const DEADLINE: Duration = Duration::from_secs(10);
/// Nobody compares more.
const MAX_OUTPUTS: usize = 10_000;
/// Deeper than any tool nests; bounds the recursion of everything that walks a value.
const MAX_DEPTH: usize = 512;
/// Reserved, not used: what a filter of the allowed steps can nest fits in.
const STACK: usize = 256 << 20;

/// One output of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// As `jq -r` shows it: a string as it is, anything else as compact JSON.
    pub text: String,
    /// As `jq -c` shows it.
    pub json: String,
    /// Whether it is neither `null` nor `false`.
    pub truthy: bool,
}

/// Why there are no outputs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The text is not one JSON document.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// The filter can't be applied to this document; jq's words.
    #[error("{0}")]
    Failed(String),
    /// It went beyond a bound: nothing is known.
    #[error("{0}")]
    Unbounded(String),
}

impl Filter {
    /// Runs the filter on a JSON document.
    ///
    /// Its loops have a bounded number of steps. Beyond that it has a deadline, after which it is
    /// left alone in its thread.
    ///
    /// # Errors
    /// A text that is not JSON, an error of the filter, a bound.
    pub fn run(&self, json: &[u8]) -> Result<Vec<Output>, RunError> {
        check(json)?;
        let (sender, receiver) = sync_channel(1);
        let filter = self.clone();
        let json = json.to_vec();
        let thread = std::thread::Builder::new()
            .name("jq".to_owned())
            .stack_size(STACK);
        thread
            .spawn(move || {
                // Nobody waits after the deadline.
                let _ = sender.send(outputs(&filter, &json));
            })
            .map_err(|error| RunError::Unbounded(format!("no thread for it: {error}")))?;
        receiver.recv_timeout(DEADLINE).unwrap_or_else(|error| {
            Err(RunError::Unbounded(match error {
                RecvTimeoutError::Timeout => format!("it did not end within {DEADLINE:?}"),
                RecvTimeoutError::Disconnected => "it broke down".to_owned(),
            }))
        })
    }
}

fn outputs(filter: &Filter, json: &[u8]) -> Result<Vec<Output>, RunError> {
    let input = read::parse_single(json).map_err(|error| RunError::NotJson(error.to_string()))?;
    bounds::refill();
    let compiled = &filter.compiled;
    let context = Ctx::<JustLut<Val>>::new(&compiled.lut, Vars::new([]));
    let mut outputs = Vec::new();
    for output in compiled.id.run((context, input)) {
        if outputs.len() == MAX_OUTPUTS {
            let message = format!("it gives more than {MAX_OUTPUTS} outputs");
            return Err(RunError::Unbounded(message));
        }
        match output {
            Ok(value) => outputs.push(shown(&value)),
            Err(exception) => {
                return Err(match exception.get_err() {
                    Ok(error) => RunError::Failed(error.to_string()),
                    // Only our own bound halts.
                    Err(_) => RunError::Unbounded(format!(
                        "its loops take more than {} steps",
                        bounds::STEPS
                    )),
                });
            }
        }
    }
    Ok(outputs)
}

fn shown(value: &Val) -> Output {
    let json = value.to_string();
    let text = match value {
        Val::TStr(bytes) | Val::BStr(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => json.clone(),
    };
    Output {
        text,
        json,
        truthy: !matches!(value, Val::Null | Val::Bool(false)),
    }
}

/// JSON and nothing more: the reader of the filters takes comments, `NaN` and their like too.
fn check(json: &[u8]) -> Result<(), RunError> {
    let not_json = |reason: String| RunError::NotJson(reason);
    std::str::from_utf8(json).map_err(|error| not_json(error.to_string()))?;
    serde_json::from_slice::<serde::de::IgnoredAny>(json)
        .map_err(|error| not_json(error.to_string()))?;
    if depth(json) > MAX_DEPTH {
        let message = format!("the document is nested more than {MAX_DEPTH} levels deep");
        return Err(RunError::Unbounded(message));
    }
    Ok(())
}

/// The deepest level of valid JSON.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(filter: &str, json: &str) -> Result<Vec<String>, RunError> {
        let outputs = Filter::compile(filter).unwrap().run(json.as_bytes())?;
        Ok(outputs.into_iter().map(|output| output.json).collect())
    }

    #[test]
    fn filters_give_outputs() {
        let json = r#"{"name": "samtools", "version": "1.16", "n": 1.10, "tools": [
            {"name": "view", "n": 3}, {"name": "bcf", "n": 12}], "none": null}"#;
        let table: &[(&str, &[&str])] = &[
            (".name", &["\"samtools\""]),
            (".n", &["1.10"]),
            (".tools | length", &["2"]),
            (".tools[] | .n", &["3", "12"]),
            (
                ".tools[] | select(.n > 3) | .name | test(\"^b\")",
                &["true"],
            ),
            (".tools | map(.n) | add", &["15"]),
            (".none, .missing", &["null", "null"]),
            ("empty", &[]),
            (".version == \"1.16\"", &["true"]),
            ("[range(3)]", &["[0,1,2]"]),
            ("[limit(3; repeat(1))]", &["[1,1,1]"]),
            ("[.tools | recurse | numbers]", &["[3,12]"]),
            ("[.tools | .. | numbers]", &["[3,12]"]),
            ("[1 | until(. > 100; . * 2)]", &["[128]"]),
            ("[1 | while(. < 10; . * 2)]", &["[1,2,4,8]"]),
            (
                "[1 | recurse(if . < 3 then . + 1 else empty end)]",
                &["[1,2,3]"],
            ),
            ("[path(.tools | recurse | numbers)] | length", &["2"]),
            ("[[0,1] | combinations(2)] | length", &["4"]),
            (".tools |= length | .tools", &["2"]),
            ("\"2020-01-02T03:04:05Z\" | fromdate", &["1577934245"]),
            ("@base64 \"a\\(.name)\"", &["\"ac2FtdG9vbHM=\""]),
        ];
        for (filter, outputs) in table {
            let given = run(filter, json);
            let expected: Vec<String> = outputs.iter().map(|&text| text.to_owned()).collect();
            assert_eq!(given, Ok(expected), "{filter}");
        }
    }

    #[test]
    fn outputs_have_a_raw_text() {
        let outputs = Filter::compile(".[]")
            .unwrap()
            .run(b"[\"a\\nb\", false, [1, \"x\"]]");
        let outputs = outputs.unwrap();
        assert_eq!(outputs[0].text, "a\nb");
        assert_eq!(outputs[2].text, "[1,\"x\"]");
        let truthy: Vec<bool> = outputs.iter().map(|output| output.truthy).collect();
        assert_eq!(truthy, [true, false, true]);
    }

    #[test]
    fn only_json_is_json() {
        for json in [
            "", "{", "1 2", "NaN", "# no\n1", "b\"x\"", "+1", "[1,]", "{1: 2}", "'a'",
        ] {
            assert!(
                matches!(run(".", json), Err(RunError::NotJson(_))),
                "{json}"
            );
        }
        let outputs = Filter::compile(".").unwrap().run(b"\"\xff\"");
        assert!(matches!(outputs, Err(RunError::NotJson(_))));
        assert!(run(".", "{\"a\": 1}\n").is_ok());
    }

    #[test]
    fn an_error_of_the_filter_is_told() {
        let told = run(".a.b", "{\"a\": 1}").unwrap_err();
        assert!(matches!(&told, RunError::Failed(_)), "{told:?}");
        let told = run("error(\"no\")", "1").unwrap_err();
        assert_eq!(told, RunError::Failed("\"no\"".to_owned()));
    }

    #[test]
    fn what_has_no_end_is_stopped() {
        let endless = [
            "last(repeat(1))",
            "[limit(1e12; repeat(1))]",
            "[range(1e12)]",
            "[range(0; 1; 0)]",
            "last(range(1e12))",
            "1 | until(false; . + 1)",
            "[1 | while(true; . + 1)]",
            "last(1 | recurse(. + 1))",
            "[1 | recurse(. + 1; true)]",
            "try last(repeat(1)) catch 1",
            "[.[]?, repeat(1)] | length",
            "reduce range(1e9) as $i (0; [.])",
            "reduce repeat(1) as $i (0; [.])",
            "repeat(1)",
        ];
        for filter in endless {
            let told = run(filter, "1");
            assert!(
                matches!(told, Err(RunError::Unbounded(_))),
                "{filter}: {told:?}"
            );
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(matches!(run(".", &deep), Err(RunError::Unbounded(_))));
        let nested = run("reduce range(30000) as $i (0; [.]) | tojson | length", "1");
        assert_eq!(nested, Ok(vec!["60001".to_owned()]));
    }
}
