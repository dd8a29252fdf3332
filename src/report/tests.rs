//! All reports over the same run.

use insta::assert_snapshot;

use super::golden;
use super::text::terminal_text;
use super::*;
use crate::event::{Event, Listener};

fn console(options: ConsoleOptions, events: impl FnOnce(&dyn Listener)) -> String {
    let console = Console::new(Vec::new(), options);
    events(&console);
    String::from_utf8(console.into_inner()).unwrap()
}

fn replay(events: Vec<Event>) -> impl FnOnce(&dyn Listener) {
    move |listener| events.iter().for_each(|event| listener.on(event))
}

#[test]
fn the_console_tells_the_whole_run() {
    assert_snapshot!(console(ConsoleOptions::default(), replay(golden::events())));
}

#[test]
fn colours_are_only_decoration() {
    let coloured = ConsoleOptions {
        colour: true,
        ..ConsoleOptions::default()
    };
    let coloured = console(coloured, replay(golden::events()));
    let plain = console(ConsoleOptions::default(), replay(golden::events()));
    assert!(coloured.contains("\x1b[31m"));
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
}

#[test]
fn a_quiet_console_is_silent_about_success() {
    let quiet = ConsoleOptions {
        quiet: true,
        ..ConsoleOptions::default()
    };
    let quiet = console(quiet, replay(golden::events()));
    assert!(!quiet.contains("  ok "), "{quiet}");
    assert!(
        quiet.contains("  FAIL ") && quiet.contains("  skip "),
        "{quiet}"
    );
}

#[test]
fn the_console_of_a_run_that_was_broken_off() {
    assert_snapshot!(console(
        ConsoleOptions::default(),
        replay(golden::broken_off())
    ));
}

#[test]
fn the_console_of_an_empty_selection() {
    assert_snapshot!(console(ConsoleOptions::default(), replay(golden::empty())));
}

#[test]
fn no_output_of_a_container_acts_on_the_console() {
    let shown = console(ConsoleOptions::default(), replay(golden::events()));
    assert_eq!(terminal_text(&shown), shown);
}
