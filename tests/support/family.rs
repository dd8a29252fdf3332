//! A family of 21 images as a project of bioinformatics has it: one chain of bases, environments that
//! are built beside them and copied from, and tools that stand alone. All are built from the top of
//! the repository.

use std::fmt::Write as _;

/// An image: its name, the arguments that name its bases, and what it copies.
pub struct Member {
    pub name: &'static str,
    /// Argument and image.
    pub bases: &'static [(&'static str, &'static str)],
    /// Paths from the top of the repository.
    pub copies: &'static [&'static str],
}

const fn member(
    name: &'static str,
    bases: &'static [(&'static str, &'static str)],
    copies: &'static [&'static str],
) -> Member {
    Member {
        name,
        bases,
        copies,
    }
}

/// Children may stand before their parents.
pub const FAMILY: [Member; 21] = [
    member(
        "cnmops",
        &[
            ("SV_BASE_IMAGE", "sv-base"),
            ("VIRTUAL_ENV_IMAGE", "cnmops-virtual-env"),
        ],
        &["src/WGD"],
    ),
    member(
        "cnmops-virtual-env",
        &[("VIRTUAL_ENV_IMAGE", "sv-base-virtual-env")],
        &[],
    ),
    member(
        "denovo",
        &[("PIPELINE_IMAGE", "sv-pipeline")],
        &["src/denovo/*.R"],
    ),
    member("expansion-hunter", &[], &["src/str"]),
    member("manta", &[], &["dockerfiles/manta/demo.sh"]),
    member(
        "melt",
        &[("SV_BASE_IMAGE", "sv-base")],
        &["dockerfiles/melt/run.sh"],
    ),
    member(
        "samtools-cloud",
        &[
            ("MINI_IMAGE", "sv-base-mini"),
            ("VIRTUAL_ENV_IMAGE", "samtools-cloud-virtual-env"),
        ],
        &[],
    ),
    member("samtools-cloud-virtual-env", &[], &[]),
    member(
        "scramble",
        &[("MINI_IMAGE", "sv-base-mini")],
        &["src/scramble"],
    ),
    member(
        "str",
        &[("SAMTOOLS_CLOUD_IMAGE", "samtools-cloud")],
        &["src/str"],
    ),
    member("stripy", &[], &["src/stripy"]),
    member(
        "sv-base",
        &[
            ("SAMTOOLS_CLOUD_IMAGE", "samtools-cloud"),
            ("VIRTUAL_ENV_IMAGE", "sv-base-virtual-env"),
        ],
        &[],
    ),
    member("sv-base-mini", &[], &[]),
    member(
        "sv-base-virtual-env",
        &[("VIRTUAL_ENV_IMAGE", "samtools-cloud-virtual-env")],
        &[],
    ),
    member(
        "sv-pipeline",
        &[
            ("SV_BASE_IMAGE", "sv-base"),
            ("VIRTUAL_ENV_IMAGE", "sv-pipeline-virtual-env"),
        ],
        &["src/sv-pipeline", "src/svtk", "src/svtest"],
    ),
    member(
        "sv-pipeline-virtual-env",
        &[("VIRTUAL_ENV_IMAGE", "sv-base-virtual-env")],
        &[],
    ),
    member(
        "sv-shell",
        &[("PIPELINE_IMAGE", "sv-pipeline")],
        &["src/sv-shell"],
    ),
    member(
        "sv-utils",
        &[
            ("SAMTOOLS_CLOUD_IMAGE", "samtools-cloud"),
            ("ENV_IMAGE", "sv-utils-env"),
        ],
        &["src/sv_utils"],
    ),
    member(
        "sv-utils-env",
        &[("VIRTUAL_ENV_IMAGE", "samtools-cloud-virtual-env")],
        &[],
    ),
    member("vapor", &[("MINI_IMAGE", "sv-base-mini")], &["src/vapor"]),
    member(
        "wham",
        &[("SAMTOOLS_CLOUD_IMAGE", "samtools-cloud")],
        &["dockerfiles/wham/whamg"],
    ),
];

/// All files of the repository but the project file and the specs.
pub fn files() -> Vec<(String, String)> {
    let mut files = vec![
        ("README.md".to_owned(), "A family.\n".to_owned()),
        ("wdl/Main.wdl".to_owned(), "workflow {}\n".to_owned()),
        (".dockerignore".to_owned(), "wdl\n**/*.md\n".to_owned()),
    ];
    for member in &FAMILY {
        files.push((
            format!("dockerfiles/{}/Dockerfile", member.name),
            member.dockerfile(),
        ));
        for path in member.copies {
            let path = match path.strip_suffix("/*.R") {
                Some(folder) => format!("{folder}/run.R"),
                None if path.contains('.') || path.ends_with("whamg") => (*path).to_owned(),
                None => format!("{path}/deep/run.py"),
            };
            if !files.iter().any(|(known, _)| *known == path) {
                files.push((path, "x\n".to_owned()));
            }
        }
    }
    files
}

/// The project file, with what each image is made of.
pub fn project() -> String {
    let mut text = "images:\n".to_owned();
    for member in &FAMILY {
        let name = member.name;
        let _ = writeln!(text, "  {name}:");
        let _ = writeln!(text, "    dockerfile: dockerfiles/{name}/Dockerfile");
        let _ = writeln!(text, "    context: .");
        if !member.bases.is_empty() {
            let _ = writeln!(text, "    args:");
        }
        for (arg, image) in member.bases {
            let _ = writeln!(text, "      {arg}: \"${{{{ image.{image} }}}}\"");
        }
        let _ = writeln!(text, "    files:\n      - dockerfiles/{name}/**");
        for path in member.copies {
            let glob = if path.contains('.') { "" } else { "/**" };
            if !path.starts_with("dockerfiles") {
                let _ = writeln!(text, "      - \"{path}{glob}\"");
            }
        }
    }
    text
}

impl Member {
    fn dockerfile(&self) -> String {
        let mut text = format!("# Makes {}.\n", self.name);
        for (arg, image) in self.bases {
            let _ = writeln!(text, "ARG {arg}={image}:latest");
        }
        match self.bases {
            [] => text.push_str("ARG DISTRIBUTION=debian:bookworm-slim\nFROM $DISTRIBUTION\n"),
            [(base, _)] => {
                let _ = writeln!(text, "FROM ${{{base}}}");
            }
            [(base, _), (environment, _), ..] => {
                let _ = writeln!(text, "FROM ${environment} AS virtual_env");
                let _ = writeln!(text, "FROM ${{{base}}} as final");
                text.push_str("COPY --from=virtual_env /opt/conda /opt/conda\n");
            }
        }
        text.push_str("RUN set -eu; \\\n    # Nothing to do.\n    true\n");
        for path in self.copies {
            let _ = writeln!(text, "COPY {path} /opt/{}/", self.name);
        }
        text
    }
}
