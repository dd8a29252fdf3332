//! Loops of filters count their steps, so that a filter without an end comes to one.

use std::cell::Cell;

use jaq_core::box_iter::box_once;
use jaq_core::data::JustLut;
use jaq_core::load::parse::Def;
use jaq_core::native::{Fun, run};
use jaq_core::{Exn, load};
use jaq_json::Val;

/// The steps that the loops of one run may take together: `range`, `recurse`, `repeat`, `while`,
/// `until`. What goes over the input (`.[]`, `..`, `map`) is bounded by it and takes none.
pub(super) const STEPS: u32 = 1 << 15;

/// The loops of the standard library, each step counted. A filter can't define loops of its own.
const LOOPS: &str = "
def __step: if __tick then . else empty end;
def __range($from; $upto; $by): range($from; $upto; $by);
def range($from; $upto; $by): __range($from; $upto; $by) | __step;
def range(from; upto): range(from; upto; 1);
def range(upto): range(0; upto);
def repeat(f): def rec: __step | (f, rec); rec;
def recurse(f): def rec: __step | (., (f | rec)); rec;
def recurse: recurse(.[]?);
def recurse(f; cond): recurse(f | select(cond));
def while(cond; update): def rec: __step | if cond then ., (update | rec) else empty end; rec;
def until(cond; update): def rec: __step | if cond then . else update | rec end; rec;
def combinations($n): [limit($n; repeat(.))] | combinations;
";

thread_local! {
    static STEPS_LEFT: Cell<u32> = const { Cell::new(0) };
}

/// Gives the filter that this thread runs next its steps.
pub(super) fn refill() {
    STEPS_LEFT.set(STEPS);
}

/// The definitions that take the place of the standard library's.
pub(super) fn defs() -> Vec<Def<&'static str>> {
    load::parse(LOOPS, |parser| parser.defs()).unwrap_or_default()
}

/// The function by which they count. It ends a run by `halt`, which no `try` can catch.
pub(super) fn funs() -> impl Iterator<Item = Fun<JustLut<Val>>> {
    let tick = run::<JustLut<Val>>(("__tick", Box::new([]), |_| {
        let left = STEPS_LEFT.get();
        STEPS_LEFT.set(left.saturating_sub(1));
        box_once(match left {
            0 => Err(Exn::halt(1)),
            _ => Ok(Val::Bool(true)),
        })
    }));
    std::iter::once(tick)
}
