//! One of several parts of a plan.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::build::{Case, Plan};
use crate::event::CaseInfo;

impl Plan {
    /// Keeps the part `number` of `total`, counted from 1, of the checks in `selected` (by their
    /// whole names), and gives what is left to the other parts.
    ///
    /// Sorted by name, checks are dealt out in turn: parts differ by one check at most, in all and
    /// for each image, and the same selection makes the same parts on every machine.
    #[must_use]
    pub fn shard(
        mut self,
        number: usize,
        total: usize,
        selected: &BTreeSet<String>,
    ) -> (Self, Vec<Arc<CaseInfo>>) {
        let is_selected = |case: &&Arc<Case>| selected.contains(&case.info.name());
        let mut dealt: Vec<&Arc<Case>> = self.cases.iter().filter(is_selected).collect();
        dealt.sort_by(|one, other| {
            let key = |case: &Case| (case.info.image.clone(), case.info.check.clone());
            key(one).cmp(&key(other))
        });
        let others = dealt.iter().enumerate();
        let others: BTreeSet<usize> = others
            .filter(|(at, _)| at % total != number - 1)
            .map(|(_, case)| case.info.index)
            .collect();
        let mut elsewhere = Vec::new();
        self.cases.retain(|case| {
            let is_elsewhere = others.contains(&case.info.index);
            if is_elsewhere {
                elsewhere.push(Arc::clone(&case.info));
            }
            !is_elsewhere
        });
        (self, elsewhere)
    }
}
