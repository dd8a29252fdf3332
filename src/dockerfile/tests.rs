use super::{Copying, Dockerfile, Instruction, Kind};

fn parse(text: &str) -> Dockerfile {
    Dockerfile::parse("Dockerfile", text)
        .unwrap_or_else(|mistake| panic!("{}", mistake.render(false)))
}

/// `first-last KEYWORD text` of each instruction.
fn outline(text: &str) -> Vec<String> {
    let file = parse(text);
    let line = |one: &Instruction| {
        let text = one.text.split_whitespace().collect::<Vec<_>>().join(" ");
        format!("{}-{} {text}", one.first_line, one.last_line)
    };
    file.instructions.iter().map(line).collect()
}

#[test]
fn instructions_know_their_lines() {
    let table: &[(&str, &[&str])] = &[
        ("FROM x\nRUN a\n", &["1-1 FROM x", "2-2 RUN a"]),
        ("from x\n\n# c\nrun a", &["1-1 from x", "4-4 run a"]),
        // Continued lines, with comments and empty lines between.
        (
            "FROM x\nRUN a && \\\n  # why\n\n  b \\ \t\n  c\nRUN d\n",
            &["1-1 FROM x", "2-6 RUN a && b c", "7-7 RUN d"],
        ),
        ("FROM x\nRUN a \\\n# end", &["1-1 FROM x", "2-2 RUN a"]),
        (
            "FROM x\nRUN a\\\\\nRUN b",
            &["1-1 FROM x", "2-2 RUN a\\\\", "3-3 RUN b"],
        ),
        ("FROM x\n\\\nRUN a", &["1-1 FROM x", "3-3 RUN a"]),
        ("FROM x\n  \\\n\n", &["1-1 FROM x"]),
        ("FROM x\nRUN a # \\\n b", &["1-1 FROM x", "2-3 RUN a # b"]),
        // A comment that ends with a backslash continues nothing.
        ("FROM x\n# c \\\nRUN a", &["1-1 FROM x", "3-3 RUN a"]),
        (
            "FROM x\nRUN echo \\\n#c\\\n b",
            &["1-1 FROM x", "2-4 RUN echo b"],
        ),
        // Line ends and the mark of the byte order.
        (
            "\u{feff}FROM x\r\nRUN a \\\r\n b\r\n",
            &["1-1 FROM x", "2-3 RUN a b"],
        ),
        // Directives.
        (
            "# escape=`\nFROM x\nRUN a `\n b\nCOPY a c:\\\n",
            &["2-2 FROM x", "3-4 RUN a b", "5-5 COPY a c:\\"],
        ),
        (
            "# syntax=docker/dockerfile:1\r\n#Escape = ` \r\nFROM x\r\nRUN a`\r\n",
            &["3-3 FROM x", "4-4 RUN a"],
        ),
        // Behind anything else a directive is a comment.
        (
            "# hello\n# escape=`\nFROM x\nRUN a \\\n b",
            &["3-3 FROM x", "4-5 RUN a b"],
        ),
        // Here-documents.
        (
            "FROM x\nRUN <<EOF\nFROM y\n  EOF\nEOF\nRUN b",
            &["1-1 FROM x", "2-5 RUN <<EOF", "6-6 RUN b"],
        ),
        (
            "FROM x\nRUN <<A cat <<-'B C'\nB C\nA\n\t\tB C\nRUN b",
            &["1-1 FROM x", "2-5 RUN <<A cat <<-'B C'", "6-6 RUN b"],
        ),
        (
            "FROM x\r\nCOPY <<\"EOF\" \\\r\n # c\r\n /x\r\nline\r\nEOF\r\nRUN b",
            &["1-1 FROM x", "2-6 COPY <<\"EOF\" /x", "7-7 RUN b"],
        ),
        (
            "FROM x\nONBUILD RUN <<E\nE\nRUN b",
            &["1-1 FROM x", "2-3 ONBUILD RUN <<E", "4-4 RUN b"],
        ),
        // None of them is one.
        (
            "FROM x\nRUN [\"a\", \"<<EOF\"]\nRUN echo $((1<<2)) $((1 << N))\nENV A=<<B\nRUN b",
            &[
                "1-1 FROM x",
                "2-2 RUN [\"a\", \"<<EOF\"]",
                "3-3 RUN echo $((1<<2)) $((1 << N))",
                "4-4 ENV A=<<B",
                "5-5 RUN b",
            ],
        ),
    ];
    for (text, expected) in table {
        assert_eq!(outline(text), *expected, "{text:?}");
    }
}

#[test]
fn places_point_into_the_lines_of_the_file() {
    let file =
        parse("\u{feff}FROM x\r\nCOPY --from=a \\\r\n  # c\r\n  one \\\r\n  two /there/ \r\n");
    let copy = &file.instructions[1];
    assert_eq!(copy.place.to_string(), "Dockerfile:2:1");
    assert_eq!(copy.place.text().lines().count(), 4);
    assert_eq!(copy.flags[0].place.text(), "--from=a");
    let Kind::Copy(copying) = &copy.kind else {
        panic!("{copy:?}")
    };
    let places: Vec<String> = copying
        .sources
        .iter()
        .chain([&copying.destination])
        .map(|word| format!("{} {}", word.place, word.place.text()))
        .collect();
    assert_eq!(
        places,
        [
            "Dockerfile:4:3 one",
            "Dockerfile:5:3 two",
            "Dockerfile:5:7 /there/"
        ]
    );
}

#[test]
fn arguments_are_several_in_one() {
    let file = parse("ARG A B=2 C=\"x y\" \\\n # no\n D='$A' E=\nFROM x\nARG F=a\\ b");
    let found = |at: usize| {
        let Kind::Arg(arguments) = &file.instructions[at].kind else {
            panic!("{at}")
        };
        let one = arguments.iter();
        let one = one.map(|one| (one.name.value.clone(), one.default.clone()));
        one.collect::<Vec<_>>()
    };
    let said = |text: &str| Some(text.to_owned());
    assert_eq!(
        found(0),
        [
            ("A".to_owned(), None),
            ("B".to_owned(), said("2")),
            ("C".to_owned(), said("\"x y\"")),
            ("D".to_owned(), said("'$A'")),
            ("E".to_owned(), said("")),
        ]
    );
    assert_eq!(found(2), [("F".to_owned(), said("a\\ b"))]);
}

#[test]
fn copies_say_what_from_where() {
    type Row = (
        &'static str,
        Option<&'static str>,
        &'static [&'static str],
        &'static str,
    );
    let table: &[Row] = &[
        ("COPY a b /c/", None, &["a", "b"], "/c/"),
        ("add --chown=1:2 http://x /c", None, &["http://x"], "/c"),
        (
            "COPY --from=one --chmod=0755 /a /b",
            Some("one"),
            &["/a"],
            "/b",
        ),
        ("COPY --from='${X}' -- --a /b", Some("${X}"), &["--a"], "/b"),
        (
            "COPY [\"a b\", \"c\", \"/d e\"]",
            None,
            &["a b", "c"],
            "/d e",
        ),
        ("COPY --from=0 [\"a\", \"/b\"]", Some("0"), &["a"], "/b"),
        ("COPY <<A b <<C /c/\nA\nC", None, &["b"], "/c/"),
        ("ONBUILD COPY . /app", None, &["."], "/app"),
        ("COPY [a b] /c", None, &["[a", "b]"], "/c"),
    ];
    for (line, from, sources, destination) in table {
        let file = parse(&format!("FROM x\n{line}\n"));
        let mut kind = &file.instructions[1].kind;
        if let Kind::OnBuild(inner) = kind {
            kind = &inner.kind;
        }
        let Kind::Copy(Copying {
            from: found,
            sources: some,
            destination: to,
            ..
        }) = kind
        else {
            panic!("{line}")
        };
        let some: Vec<&str> = some.iter().map(|source| source.value.as_str()).collect();
        let found = (found.as_deref(), some.as_slice(), to.value.as_str());
        assert_eq!(found, (*from, *sources, *destination), "{line}");
    }
}

#[test]
fn stages_know_their_bases() {
    let file = parse(
        "ARG TAG=12\nARG BASE=debian:${TAG} NONE\nFROM --platform=$P $BASE AS One\nCOPY a b\n\
         FROM one\nRUN --mount=type=bind,from=Other,target=/x --mount=type=cache x\n\
         FROM ${NONE:-alpine} as other\nFROM $NONE\nARG BASE=no\nCOPY --from=0 a b",
    );
    let stages = file.stages();
    let names: Vec<_> = stages.iter().map(super::Stage::name).collect();
    assert_eq!(names, [Some("one"), None, Some("other"), None]);
    assert_eq!(stages[0].from.platform.as_deref(), Some("$P"));
    let base = |at: usize, args: &dyn Fn(&str) -> Option<String>| {
        file.base(&stages[at], args)
            .map_err(|error| error.to_string())
    };
    assert_eq!(base(0, &|_| None).unwrap(), "debian:12");
    let tag = |name: &str| (name == "TAG").then(|| "13".to_owned());
    assert_eq!(base(0, &tag).unwrap(), "debian:13");
    assert_eq!(base(1, &tag).unwrap(), "one");
    assert_eq!(base(2, &tag).unwrap(), "alpine");
    assert_eq!(
        base(3, &tag).unwrap_err(),
        "`$NONE` names no image: an argument in it has no value"
    );
    assert_eq!(file.stage_named("ONE", 4), Some(0));
    assert_eq!(file.stage_named("2", 4), Some(2));
    assert_eq!(file.stage_named("2", 2), None);
    let args = |_: &str| None;
    assert_eq!(file.needed_stages(None, &args), Some(vec![0, 3]));
    assert_eq!(file.needed_stages(Some("1"), &args), Some(vec![0, 1]));
    assert_eq!(file.needed_stages(Some("no"), &args), None);
    let taken: Vec<&str> = stages[1].instructions[1]
        .takes_from()
        .map(|(from, _)| from)
        .collect();
    assert_eq!(taken, ["Other"]);
}

#[test]
fn a_step_of_a_builder_is_an_instruction() {
    let one = "# c\nARG BASE=x\nFROM ${BASE}\nENV A=1\nRUN make \\\n  all\nWORKDIR /w\nRUN make \\\n  all\n\
               COPY $A \"b\" /\nRUN <<EOF\nhi\nEOF\n";
    let two = "ARG X\nFROM debian AS build\nRUN a\nFROM build\nRUN a\nFROM scratch AS last\nCOPY --from=build a b\nRUN a\n";
    let table: &[(&str, &str, &str, Option<usize>)] = &[
        // Docker's classic builder counts everything.
        (one, "1/8", "ARG BASE=x", Some(2)),
        (one, "2/8", "FROM ${BASE}", Some(3)),
        (one, "4/8", "RUN make   all", Some(5)),
        (one, "6/8", "RUN make   all", Some(8)),
        (one, "7/8", "COPY $A \"b\" /", Some(10)),
        // buildah counts from FROM.
        (one, "1/7", "FROM x", Some(3)),
        (one, "3/7", "RUN make   all", Some(5)),
        (one, "5/7", "RUN make   all", Some(8)),
        (one, "7/7", "RUN <<EOF (hi)", Some(11)),
        // BuildKit counts what makes files.
        (one, "1/6", "FROM docker.io/library/x", Some(3)),
        (one, "2/6", "RUN make   all", Some(5)),
        (one, "4/6", "RUN make   all", Some(8)),
        (one, "5/6", "COPY 1 b /", Some(10)),
        (one, "6/6", "RUN <<EOF (hi)", Some(11)),
        // What does not fit is not certain.
        (one, "5/8", "RUN make   all", None),
        (one, "4/9", "RUN make   all", None),
        (one, "4/8", "RUN another", None),
        (one, "0/8", "RUN another", None),
        (one, "x", "", None),
        // Its text may be enough.
        (one, "9/12", "WORKDIR /w", Some(7)),
        (one, "", "workdir  /w", Some(7)),
        // Stages.
        (two, "5/8", "RUN a", Some(5)),
        (two, "3/3", "RUN a", Some(3)),
        (two, "[1/3] 2/2", "RUN a", Some(3)),
        (two, "[2/3] 2/2", "RUN a", Some(5)),
        (two, "[3/3] 1/3", "FROM scratch AS last", Some(6)),
        (two, "build 2/2", "RUN a", Some(3)),
        (two, "linux/amd64 build 2/2", "RUN a", Some(3)),
        (two, "stage-1 1/1", "RUN a", Some(5)),
        (two, "last 1/2", "COPY --from=build a b", Some(7)),
        (two, "last 2/2", "RUN a", Some(8)),
        (two, "other 2/2", "RUN a", None),
    ];
    for (text, position, shown, line) in table {
        let file = parse(text);
        let found = file.instruction_at_step(position, shown);
        let found = found.map(|instruction| instruction.first_line);
        assert_eq!(found, *line, "{position} {shown}");
    }
}

#[test]
fn mistakes_have_their_place() {
    let table = [
        ("", "1:1: there is no FROM in this Dockerfile"),
        (
            "# only a comment\n",
            "1:1: there is no FROM in this Dockerfile",
        ),
        ("ARG A\n", "1:1: there is no FROM in this Dockerfile"),
        (
            "ARG A\nRUN x\nFROM x\n",
            "2:1: RUN stands before the first FROM",
        ),
        ("FROM x\nRUNN x\n", "2:1: there is no instruction `RUNN`"),
        (
            "FROM x\nRUN a\n\n  && b\n",
            "4:3: there is no instruction `&&`",
        ),
        (
            "FROM\n",
            "1:1: FROM is followed by an image, or by `IMAGE AS NAME`",
        ),
        (
            "FROM x y\n",
            "1:1: FROM is followed by an image, or by `IMAGE AS NAME`",
        ),
        ("FROM x AS 1a\n", "1:11: `1a` can't be the name of a stage"),
        ("FROM x\nARG\n", "2:1: ARG is followed by a name"),
        ("FROM x\nARG A B=\"x\n", "2:5: a quote is never closed: \""),
        ("FROM x\nARG A =1\n", "2:7: an argument needs a name"),
        (
            "FROM x\ncopy \\\n a\n",
            "2:1: COPY is followed by at least one source and the destination",
        ),
        (
            "FROM x\nRUN [\"a\", 1]\n",
            "2:5: a JSON list here holds texts only",
        ),
        (
            "FROM x\nONBUILD\n",
            "2:1: ONBUILD is followed by an instruction",
        ),
        (
            "FROM x\nONBUILD FROM y\n",
            "2:9: FROM can't stand behind ONBUILD",
        ),
        (
            "# escape=x\nFROM x\n",
            "1:10: `x` can't be the escape character",
        ),
        (
            "# escape=`\n# ESCAPE=`\nFROM x\n",
            "2:10: a second directive `escape`",
        ),
        (
            "FROM x\nRUN \\\n cat <<EOF\nhi\n",
            "3:6: this here-document is never ended by `EOF`",
        ),
    ];
    for (text, expected) in table {
        let mistake = Dockerfile::parse("Dockerfile", text)
            .map(|_| ())
            .unwrap_err();
        let shown = format!("{}: {}", mistake.place(), mistake.message());
        assert_eq!(shown, format!("Dockerfile:{expected}"), "{text:?}");
    }
}

#[test]
fn much_of_anything_is_read_in_bounded_depth() {
    let long = 200_000;
    for line in [
        "ONBUILD ".repeat(long),
        format!("ARG A={}", "${A:-".repeat(long)),
        format!("RUN [{}", "[".repeat(long)),
        format!("RUN a{}", " \\\n".repeat(long)),
        format!("RUN {}", "<<A ".repeat(long)),
        format!("FROM {}x", "--platform=a ".repeat(long)),
    ] {
        let file = Dockerfile::parse("Dockerfile", format!("FROM x\n{line}\n"));
        if let Ok(file) = file {
            for stage in file.stages() {
                let _ = file.base(&stage, &|_| None);
            }
        }
    }
}

#[test]
fn a_frontend_of_its_own_may_know_more() {
    let file = parse("# syntax=example.org/frontend\nFROM x\nINCLUDE y\n");
    assert!(matches!(file.instructions[1].kind, Kind::Other));
}
