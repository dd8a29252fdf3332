//! What reads Markdown finds no more in a report than what was put there.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::escape::{code, fenced, inline};
use super::*;
use crate::report::golden;
use crate::report::record::Record;
use crate::report::text::nasty_bytes;

fn record() -> Record {
    let record = golden::record(&golden::events());
    Record {
        seatrial: "VERSION".to_owned(),
        ..record
    }
}

#[test]
fn a_text_in_a_line_is_no_markup() {
    for (text, escaped) in [
        ("a-b/c.d, 1", "a-b/c.d, 1"),
        ("@user", "&#64;<!-- -->user"),
        ("a@b.c", "a&#64;<!-- -->b.c"),
        ("www.x.y", "www&#46;x.y"),
        ("![x](http://y)", "&#33;&#91;x&#93;(http&#58;//y)"),
        ("<img src=x>", "&#60;img src&#61;x&#62;"),
        ("a|b\n# c", "a&#124;b &#35; c"),
        (
            "&lt;`x` *y* _z_ ~w~",
            "&#38;lt&#59;&#96;x&#96; &#42;y&#42; &#95;z&#95; &#126;w&#126;",
        ),
    ] {
        assert_eq!(inline(text), escaped);
    }
    assert_eq!(code("x"), "<code>x</code>");
}

#[test]
fn no_line_ends_a_block() {
    for (text, block) in [
        ("a\n", "```diff\na\n```\n"),
        ("```\n", "````diff\n```\n````\n"),
        ("x ````` y", "``````diff\nx ````` y\n``````\n"),
        ("", "```diff\n\n```\n"),
    ] {
        assert_eq!(fenced("diff", text), block);
    }
}

proptest! {
    #[test]
    fn whatever_comes_stays_in_its_place(bytes in nasty_bytes(), ticks in 0usize..9) {
        let line = inline(&bytes);
        let left = line.replace("<!-- -->", "");
        prop_assert!(!left.contains(['<', '>', '`', '*', '_', '[', ']', '!', '|', '\n', '@', ':']));
        let text = format!("{}\n{}\n{}", String::from_utf8_lossy(&bytes), "`".repeat(ticks), "~~~");
        let block = fenced("text", &text);
        let fence: String = block.chars().take_while(|c| *c == '`').collect();
        prop_assert!(fence.len() >= 3);
        let inner = block.split_inclusive('\n').skip(1);
        let closing: Vec<&str> = inner.filter(|line| line.contains(&fence)).collect();
        prop_assert_eq!(closing, [format!("{fence}\n")]);
    }
}

#[test]
fn markdown_holds_the_whole_run() {
    assert_snapshot!(render(&record()).unwrap());
}

#[test]
fn markdown_of_other_runs() {
    for (name, events) in [
        ("broken_off", golden::broken_off()),
        ("empty", golden::empty()),
    ] {
        let record = Record {
            seatrial: "VERSION".to_owned(),
            ..golden::record(&events)
        };
        assert_snapshot!(format!("markdown_{name}"), render(&record).unwrap());
    }
}

#[test]
fn what_does_not_fit_is_left_out_as_a_whole() {
    let whole = render(&record()).unwrap();
    assert!(!whole.contains("Cut here"));
    for limit in [
        0,
        100,
        199,
        200,
        300,
        700,
        2_000,
        4_000,
        whole.len() - 1,
        whole.len(),
    ] {
        let cut = within(&record(), limit);
        assert!(cut.len() <= limit, "{limit}: {}", cut.len());
        assert_eq!(
            cut.matches("<details>").count(),
            cut.matches("</details>").count()
        );
        let (kept, marker) = cut.split_once("\n**Cut here**").unwrap_or((&cut, ""));
        assert!(whole.starts_with(kept), "{kept}");
        assert_eq!(marker.is_empty(), limit <= 200, "{limit}: {cut}");
    }
    assert_eq!(within(&record(), whole.len() + 200), whole);
}
