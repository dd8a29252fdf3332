//! Whatever the text, reading it ends, and no line is in two instructions.

use proptest::prelude::*;

use super::{Dockerfile, expand, variables};

/// Pieces that Dockerfiles are made of, put together in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("FROM x\n".to_owned()),
        Just("from y AS z\n".to_owned()),
        Just("ARG A B=2\n".to_owned()),
        Just("RUN a \\\n".to_owned()),
        Just("RUN <<EOF\n".to_owned()),
        Just("COPY <<-'E' b /c\n".to_owned()),
        Just("ONBUILD RUN x\n".to_owned()),
        Just("RUN [\"a\", \"é\"]\n".to_owned()),
        Just("COPY --from=z \"a b\n".to_owned()),
        Just("EOF\n".to_owned()),
        Just("\tE\r\n".to_owned()),
        Just("# escape=`\n".to_owned()),
        Just("  # ü \\\n".to_owned()),
        Just("`\n".to_owned()),
        Just("\\\n".to_owned()),
        Just("\n".to_owned()),
        Just("\u{feff}".to_owned()),
        "[ -~é\t\r\n]{0,12}",
    ];
    proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

fn hold(text: &str) {
    let Ok(file) = Dockerfile::parse("Dockerfile", text) else {
        return;
    };
    let lines = text.split('\n').count();
    let mut last = 0;
    for one in &file.instructions {
        assert!(
            last < one.first_line && one.first_line <= one.last_line,
            "{text:?}"
        );
        assert_eq!(one.place.line(), one.first_line, "{text:?}");
        assert_eq!(
            one.place.text().split('\n').count(),
            one.last_line - one.first_line + 1
        );
        last = one.last_line;
        for document in &one.heredocs {
            assert!(one.first_line < document.lines.start, "{text:?}");
            assert!(document.lines.end <= one.last_line, "{text:?}");
        }
    }
    assert!(last <= lines, "{text:?}");
    for stage in file.stages() {
        let _ = file.base(&stage, &|_| None);
    }
    let _ = file.needed_stages(None, &|_| None);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        hold(&text);
        hold(&format!("FROM x\n{text}"));
    }

    #[test]
    fn any_pieces_are_read_or_refused(text in pieces()) {
        hold(&text);
        hold(&format!("FROM x\n{text}"));
    }

    #[test]
    fn any_word_is_filled_in_or_refused(word in "[$a-b{}:+?\"'\\\\ é-]{0,20}") {
        let _ = expand(&word, '\\', &|_| Some("v".to_owned()));
        let _ = variables(&word, '\\');
    }

    #[test]
    fn any_step_is_found_or_not(position in "[a-z0-9/\\[\\] -]{0,12}", text in pieces()) {
        if let Ok(file) = Dockerfile::parse("Dockerfile", format!("FROM x\n{text}")) {
            let _ = file.instruction_at_step(&position, &text);
        }
    }
}
