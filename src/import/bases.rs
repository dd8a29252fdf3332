//! Which arguments of a Dockerfile name other images of the catalogue.

use crate::dockerfile::{Dockerfile, variables};

/// What was found out about the bases of an image.
#[derive(Debug, Default)]
pub(super) struct Bases {
    /// Argument, position of the image, and what tells so.
    pub(super) args: Vec<(String, usize, String)>,
    /// What people should know, a line each.
    pub(super) notes: Vec<String>,
}

/// The bases of the image at `own`. All images are called as in `names`.
pub(super) fn bases(file: &Dockerfile, own: usize, names: &[String]) -> Bases {
    let mut found = Bases::default();
    let by_name = |name: &str| {
        let at = names.iter().position(|known| known == name);
        at.filter(|at| *at != own)
    };
    for stage in file.stages() {
        let written = &stage.from.image;
        let base = file.base(&stage, &|_| None);
        if base
            .as_ref()
            .is_ok_and(|base| file.is_stage(base, stage.index))
        {
            continue;
        }
        let used = variables(written, file.escape);
        let [argument] = used.as_slice() else {
            // A name that is written out, or made of several arguments.
            let image = base.ok().and_then(|base| by_name(repository(&base)));
            if let Some(image) = image {
                let message = format!(
                    "`FROM {}` may mean the image {}: name it by one argument to make it a parent",
                    written.value, names[image]
                );
                found.note(message);
            }
            continue;
        };
        if found.args.iter().any(|(known, ..)| known == argument) {
            continue;
        }
        let is_alone = file
            .fill(written, &|name| {
                (name == argument).then(|| "\u{1}".to_owned())
            })
            .is_ok_and(|filled| filled == "\u{1}");
        let by_argument = by_argument(argument, &names[own], names).filter(|at| *at != own);
        match base {
            Ok(base) => {
                let Some(image) = by_name(repository(&base)) else {
                    if let Some(image) = by_argument {
                        found.note(format!(
                            "{argument} is `{base}` by default, which is not the image {}",
                            names[image]
                        ));
                    }
                    continue;
                };
                if is_alone {
                    let why = format!("`{base}` by default");
                    found.args.push((argument.clone(), image, why));
                } else {
                    found.note(format!(
                        "`FROM {}` may mean the image {}: name it by one argument to make it a parent",
                        written.value, names[image]
                    ));
                }
            }
            Err(_) => match by_argument.filter(|_| is_alone) {
                Some(image) => {
                    let why = "a guess by its name, as it has no default".to_owned();
                    found.args.push((argument.clone(), image, why));
                }
                None => found.note(format!(
                    "{argument} has no default, and no image here is called like it: say under `args` \
                     what it is"
                )),
            },
        }
    }
    for (name, _) in file.stages().iter().flat_map(|stage| {
        let index = stage.index;
        let taken = stage.instructions.iter().flat_map(|one| one.takes_from());
        taken.filter(move |(name, _)| file.stage_named(name, index).is_none())
    }) {
        if let Some(image) = by_name(repository(name)) {
            let message = format!(
                "files of `{name}` may be those of the image {}: give it a stage with `FROM` and one \
                 argument to make it a parent",
                names[image]
            );
            found.note(message);
        }
    }
    found
}

impl Bases {
    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// The last part of a reference, without tag and digest: `sv-base` of `example.org/team/sv-base:1`.
fn repository(reference: &str) -> &str {
    let bare = reference.split('@').next().unwrap_or(reference);
    let last = bare.rsplit('/').next().unwrap_or(bare);
    last.split(':').next().unwrap_or(last)
}

/// The image that an argument is called like: `SV_BASE_IMAGE` like `sv-base`; for the image `cnmops`,
/// `VIRTUAL_ENV_IMAGE` like `cnmops-virtual-env`.
fn by_argument(argument: &str, own: &str, names: &[String]) -> Option<usize> {
    let lower = argument.to_ascii_lowercase();
    let ends = ["_docker_image", "_image", "_img", "_docker"];
    let bare = ends.iter().find_map(|end| lower.strip_suffix(end));
    let bare = plain(bare.unwrap_or(&lower));
    let longer = plain(&format!("{own}{bare}"));
    let find = |wanted: &str| names.iter().position(|name| plain(name) == wanted);
    find(&longer).or_else(|| find(&bare))
}

fn plain(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.collect::<String>().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_feed_a_from_are_told_by_default_and_name() {
        let names = ["sv-base", "cnmops", "cnmops-virtual-env", "mini", "own"].map(str::to_owned);
        type Row = (&'static str, usize, &'static [(&'static str, usize)], usize);
        let table: &[Row] = &[
            (
                "ARG A=example.org/x/sv-base:1\nFROM $A\n",
                4,
                &[("A", 0)],
                0,
            ),
            ("ARG A=sv-base@sha256:00\nFROM ${A}\n", 4, &[("A", 0)], 0),
            (
                "ARG SV_BASE_IMAGE\nFROM ${SV_BASE_IMAGE}\n",
                4,
                &[("SV_BASE_IMAGE", 0)],
                0,
            ),
            (
                "ARG VIRTUAL_ENV_IMAGE\nFROM $VIRTUAL_ENV_IMAGE\n",
                1,
                &[("VIRTUAL_ENV_IMAGE", 2)],
                0,
            ),
            // Itself is no base, and what is said goes before what it is called.
            ("ARG A=own\nFROM $A\n", 4, &[], 0),
            ("ARG MINI_IMAGE=debian:12\nFROM $MINI_IMAGE\n", 4, &[], 1),
            ("ARG X\nFROM $X\n", 4, &[], 1),
            // Not by one argument alone.
            ("FROM sv-base:latest\n", 4, &[], 1),
            ("ARG R=example.org T=1\nFROM $R/sv-base:$T\n", 4, &[], 1),
            ("ARG T=1\nFROM sv-base:$T\n", 4, &[], 1),
            // Stages are none, and what is copied is not built on.
            ("ARG A=debian\nFROM $A AS mini\nFROM mini\n", 4, &[], 0),
            (
                "FROM debian AS mini\nFROM x\nCOPY --from=mini a b\nCOPY --from=1 a b\n",
                4,
                &[],
                0,
            ),
            ("FROM debian\nCOPY --from=mini:latest a b\n", 4, &[], 1),
            (
                "ARG A=mini B=sv-base\nFROM $A AS x\nFROM $B\nFROM $A\n",
                4,
                &[("A", 3), ("B", 0)],
                0,
            ),
        ];
        for (text, own, args, notes) in table {
            let file = Dockerfile::parse("Dockerfile", *text).unwrap();
            let found = bases(&file, *own, &names);
            let names: Vec<_> = found
                .args
                .iter()
                .map(|(arg, at, _)| (arg.as_str(), *at))
                .collect();
            assert_eq!(
                (names.as_slice(), found.notes.len()),
                (*args, *notes),
                "{text}: {found:?}"
            );
        }
    }
}
