//! Which image derives from which, and the order in which they are built.

use super::load::{Image, Project};

/// An image was asked for that the project does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no image `{name}` in the project; {hint}")]
pub struct UnknownImage {
    /// The name that was asked for.
    pub name: String,
    /// "did you mean …?", or the names that there are.
    pub hint: String,
}

impl Project {
    /// The named images (all if none is named) and what they derive from, parents first and
    /// otherwise in the order of the file.
    ///
    /// # Errors
    /// The first name that the project does not have.
    pub fn build_order(&self, names: &[String]) -> Result<Vec<usize>, UnknownImage> {
        let mut selected = Vec::new();
        for name in names {
            let at = self
                .images
                .iter()
                .position(|image| image.name.value == *name);
            selected.push(at.ok_or_else(|| self.unknown(name))?);
        }
        if names.is_empty() {
            selected = (0..self.images.len()).collect();
        }
        selected.sort_unstable();
        let mut order = Vec::new();
        for at in selected {
            self.visit(at, &mut order);
        }
        Ok(order)
    }

    /// The names of all images that derive from the one of this name.
    pub fn derived_from(&self, name: &str) -> Vec<String> {
        let mut images = self.images.iter();
        let at = images.position(|image| image.name.value == name);
        let derived = at.map(|at| self.descendants(at)).unwrap_or_default();
        let names = derived.iter().map(|at| self.images[*at].name.value.clone());
        names.collect()
    }

    /// All images that derive from `image`, directly or not, in the order of the file.
    pub fn descendants(&self, image: usize) -> Vec<usize> {
        let mut found = vec![image];
        // One pass per generation: parents may stand behind their children in the file.
        loop {
            let known = found.len();
            for (at, candidate) in self.images.iter().enumerate() {
                let derives = candidate
                    .parents
                    .iter()
                    .any(|parent| found.contains(parent));
                if derives && !found.contains(&at) {
                    found.push(at);
                }
            }
            if found.len() == known {
                break;
            }
        }
        found.retain(|at| *at != image);
        found.sort_unstable();
        found
    }

    /// Ends, because a project with a cycle is never made.
    fn visit(&self, at: usize, order: &mut Vec<usize>) {
        if order.contains(&at) {
            return;
        }
        let mut parents = self.images[at].parents.clone();
        parents.sort_unstable();
        for parent in parents {
            self.visit(parent, order);
        }
        order.push(at);
    }

    fn unknown(&self, name: &str) -> UnknownImage {
        let known = self
            .images
            .iter()
            .map(|image: &Image| image.name.value.as_str());
        UnknownImage {
            name: name.to_owned(),
            hint: crate::diagnostic::suggestion(name, known).unwrap_or_default(),
        }
    }
}

/// The cycles of the graph, as positions from child to parent; each begins with its smallest.
pub(super) fn find_cycles(parents: &[&[usize]]) -> Vec<Vec<usize>> {
    (0..parents.len())
        .filter_map(|start| shortest_way_back(parents, start))
        // The others were found from a smaller start.
        .filter(|cycle| cycle.iter().all(|at| *at >= cycle[0]))
        .collect()
}

fn shortest_way_back(parents: &[&[usize]], start: usize) -> Option<Vec<usize>> {
    let mut ways = vec![vec![start]];
    let mut seen = vec![false; parents.len()];
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let last = *way.last()?;
            for &next in parents[last] {
                if next == start {
                    return Some(way);
                }
                if !std::mem::replace(&mut seen[next], true) {
                    longer.push([way.as_slice(), &[next]].concat());
                }
            }
        }
        ways = longer;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::find_cycles;

    #[test]
    fn every_cycle_is_found_once() {
        type Row = (&'static [&'static [usize]], &'static [&'static [usize]]);
        let table: &[Row] = &[
            (&[], &[]),
            (&[&[], &[0], &[0, 1]], &[]),
            (&[&[0]], &[&[0]]),
            (&[&[2], &[], &[0], &[4], &[3]], &[&[0, 2], &[3, 4]]),
            (&[&[], &[2], &[3], &[1]], &[&[1, 2, 3]]),
        ];
        for (parents, cycles) in table {
            assert_eq!(find_cycles(parents), *cycles, "{parents:?}");
        }
    }
}
