//! Small images with small programs.

use super::super::Facts;
use super::super::testing::Tree;
use super::super::testing_elf::Made;
use super::cache::tests::cache;
use super::{Checked, Inspector};
use crate::engine::ImageConfig;

const FOLDERS: &[u8] = b"\0/lib64/\0/usr/lib64/\0";

/// An image with glibc's loader.
fn glibc() -> Tree {
    let loader = Made {
        soname: Some("ld-linux-x86-64.so.2"),
        data: FOLDERS,
        ..Made::default()
    };
    Tree::new()
        .file("/usr/lib64/ld-linux-x86-64.so.2", loader.bytes())
        .link("/lib64", "usr/lib64")
}

fn musl() -> Tree {
    let loader = Made {
        soname: Some("libc.musl-x86_64.so.1"),
        ..Made::default()
    };
    Tree::new().file("/lib/ld-musl-x86_64.so.1", loader.bytes())
}

fn library<'a>(needed: &'a [&'a str]) -> Made<'a> {
    Made {
        needed,
        ..Made::default()
    }
}

fn check_with(tree: &Tree, path: &str, env: &[(&str, &str)]) -> Vec<String> {
    let env = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let config = ImageConfig {
        env: env.collect(),
        ..ImageConfig::default()
    };
    match Inspector::new(tree, &Facts::default(), &config)
        .check(path)
        .unwrap()
    {
        Checked::Program(complaints) => complaints,
        other => vec![format!("{other:?}")],
    }
}

fn check(tree: &Tree) -> Vec<String> {
    check_with(tree, "/app/bin/p", &[])
}

#[track_caller]
fn complains(found: &[String], words: &[&str]) {
    assert_eq!(found.len(), words.len(), "{found:?}");
    for (found, words) in found.iter().zip(words) {
        assert!(found.contains(words), "{found}\nhas not: {words}");
    }
}

#[test]
fn libraries_of_default_folders_and_of_each_other() {
    let tree = glibc()
        .file(
            "/app/bin/p",
            Made::program(&["liba.so.1", "libc.so.6"]).bytes(),
        )
        .file(
            "/lib64/liba.so.1",
            library(&["libc.so.6", "libb.so.1"]).bytes(),
        )
        .file(
            "/usr/lib64/libc.so.6",
            library(&["ld-linux-x86-64.so.2"]).bytes(),
        );
    // The tree knows no links by itself: what was put into /lib64 lies there only.
    let found = check(&tree);
    complains(
        &found,
        &["liba.so.1 => not found, needed by /app/bin/p; sought in /lib64, /usr/lib64"],
    );
    let tree = tree.file(
        "/usr/lib64/liba.so.1",
        library(&["libc.so.6", "libb.so.1"]).bytes(),
    );
    complains(
        &check(&tree),
        &["libb.so.1 => not found, needed by /lib64/liba.so.1"],
    );
    let tree = tree.file("/usr/lib64/libb.so.1", library(&["liba.so.1"]).bytes());
    assert_eq!(check(&tree), Vec::<String>::new());
}

#[test]
fn runpath_is_for_its_object_alone_and_rpath_for_all_that_it_loads() {
    let base = || {
        glibc()
            .file("/app/lib/liba.so", library(&["libb.so"]).bytes())
            .file("/app/lib/libb.so", library(&[]).bytes())
    };
    let program = |rpath, runpath| {
        let program = Made {
            rpath,
            runpath,
            ..Made::program(&["liba.so"])
        };
        base().file("/app/bin/p", program.bytes())
    };
    assert_eq!(
        check(&program(Some("$ORIGIN/../lib"), None)),
        Vec::<String>::new()
    );
    complains(
        &check(&program(None, Some("${ORIGIN}/../lib"))),
        &["libb.so => not found, needed by /app/bin/../lib/liba.so"],
    );
    // RUNPATH turns RPATH off.
    complains(
        &check(&program(Some("/app/lib"), Some("/no"))),
        &["liba.so => not found, needed by /app/bin/p; sought in /no, /lib64"],
    );
    // A library's own RUNPATH keeps the program's RPATH from it.
    let stubborn = Made {
        runpath: Some("/no"),
        ..library(&["libb.so"])
    };
    let tree = program(Some("/app/lib"), None).file("/app/lib/liba.so", stubborn.bytes());
    complains(
        &check(&tree),
        &["libb.so => not found, needed by /app/lib/liba.so; sought in /no"],
    );
}

#[test]
fn origin_is_where_the_program_really_is() {
    let program = Made {
        runpath: Some("$ORIGIN/../lib"),
        ..Made::program(&["liba.so"])
    };
    let tree = glibc()
        .file("/opt/app/bin/p", program.bytes())
        .file("/opt/app/lib/liba.so", library(&[]).bytes())
        .link("/app/bin/p", "/opt/app/bin/p");
    assert_eq!(check(&tree), Vec::<String>::new());
}

#[test]
fn the_variables_of_the_image_count() {
    let tree = glibc()
        .file("/app/bin/p", Made::program(&["liba.so"]).bytes())
        .file("/app/lib/liba.so", library(&[]).bytes());
    complains(&check(&tree), &["liba.so => not found"]);
    let env = [("LD_LIBRARY_PATH", "/no:/app/lib")];
    assert_eq!(check_with(&tree, "/app/bin/p", &env), Vec::<String>::new());
}

#[test]
fn a_folder_that_only_ldconfig_knows_is_not_searched() {
    let tree = glibc()
        .file("/app/bin/p", Made::program(&["liba.so"]).bytes())
        .file("/app/lib/liba.so", library(&[]).bytes())
        .file("/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n")
        .file("/etc/ld.so.conf.d/app.conf", "/app/lib\n");
    let hint = "it is in /app/lib, but not in /etc/ld.so.cache: run ldconfig";
    complains(&check(&tree), &[hint]);
    let stale = tree.file(
        "/etc/ld.so.cache",
        cache(&[("libz.so", "/app/lib/libz.so")]),
    );
    complains(&check(&stale), &[hint]);
    let fresh = stale.file(
        "/etc/ld.so.cache",
        cache(&[("liba.so", "/app/lib/liba.so")]),
    );
    assert_eq!(check(&fresh), Vec::<String>::new());
    // The cache may name what was deleted since.
    let gone = cache(&[("liba.so", "/gone/liba.so")]);
    complains(
        &check(&fresh.file("/etc/ld.so.cache", gone)),
        &["sought in /etc/ld.so.cache"],
    );
}

#[test]
fn libraries_of_another_machine_are_passed_over() {
    let foreign = Made {
        machine: 183,
        ..Made::default()
    };
    let tree = glibc()
        .file(
            "/app/bin/p",
            Made {
                rpath: Some("/foreign:/own"),
                ..Made::program(&["liba.so"])
            }
            .bytes(),
        )
        .file("/foreign/liba.so", foreign.bytes());
    complains(&check(&tree), &["liba.so => not found"]);
    let tree = tree.file("/own/liba.so", library(&[]).bytes());
    assert_eq!(check(&tree), Vec::<String>::new());
    let text = tree.file("/foreign/liba.so", "INPUT(liba.so.1)");
    complains(
        &check(&text),
        &["liba.so => /foreign/liba.so is no ELF file, needed by /app/bin/p"],
    );
}

#[test]
fn versions_that_a_library_does_not_have() {
    let needs = [("libc.so.6", "GLIBC_2.38")];
    let program = Made {
        needs: &needs,
        ..Made::program(&["libc.so.6"])
    };
    let libc = |versions| {
        Made {
            versions,
            ..library(&[])
        }
        .bytes()
    };
    let tree = glibc().file("/app/bin/p", program.bytes());
    let old = tree.file("/usr/lib64/libc.so.6", libc(&["GLIBC_2.36"]));
    complains(
        &check(&old),
        &["/lib64/libc.so.6 has no version GLIBC_2.38, needed by /app/bin/p"],
    );
    let new = old.file("/usr/lib64/libc.so.6", libc(&["GLIBC_2.36", "GLIBC_2.38"]));
    assert_eq!(check(&new), Vec::<String>::new());
    // Without a table of versions the loader only warns.
    let without = new.file("/usr/lib64/libc.so.6", libc(&[]));
    assert_eq!(check(&without), Vec::<String>::new());
}

#[test]
fn default_folders_can_be_refused() {
    let program = Made {
        no_default_folders: true,
        ..Made::program(&["liba.so"])
    };
    let tree = glibc()
        .file("/app/bin/p", program.bytes())
        .file("/usr/lib64/liba.so", library(&[]).bytes());
    complains(&check(&tree), &["liba.so => not found"]);
    // A cache entry of such a folder does not help either.
    let tree = tree.file("/etc/ld.so.cache", cache(&[("liba.so", "/lib64/liba.so")]));
    complains(&check(&tree), &["liba.so => not found"]);
}

#[test]
fn programs_without_loader_and_loaders_that_are_missing() {
    let tree = Tree::new().file("/app/bin/p", Made::default().bytes());
    assert_eq!(check(&tree), Vec::<String>::new(), "linked statically");
    let tree = Tree::new().file("/app/bin/p", Made::program(&["libc.so.6"]).bytes());
    complains(
        &check(&tree),
        &["the loader /lib64/ld-linux-x86-64.so.2 of /app/bin/p does not exist"],
    );
    let tree = Tree::new().file("/app/bin/p", library(&["libc.so.6"]).bytes());
    complains(&check(&tree), &["no dynamic loader"]);
    let tree = glibc().file("/app/bin/p", &Made::program(&["libc.so.6"]).bytes()[..90]);
    complains(&check(&tree), &["/app/bin/p is broken"]);
    complains(&check(&Tree::new()), &["Missing"]);
    complains(&check(&Tree::new().file("/app/bin/p", "text")), &["Other"]);
}

#[test]
fn musl_has_rules_of_its_own() {
    let program = |rpath, runpath| Made {
        interpreter: Some("/lib/ld-musl-x86_64.so.1"),
        rpath,
        runpath,
        needs: &[("liba.so", "NO_SUCH_VERSION")],
        ..Made::program(&["liba.so", "libc.so", "libpthread.so.0"])
    };
    let tree = |made: Made<'_>| {
        let versions = Made {
            versions: &["A_1"],
            ..library(&["libb.so"])
        };
        musl()
            .file("/app/bin/p", made.bytes())
            .file("/app/lib/liba.so", versions.bytes())
            .file(
                "/app/lib/libb.so",
                library(&["libc.musl-x86_64.so.1"]).bytes(),
            )
            .file("/usr/lib/libc.musl-x86_64.so.1", library(&[]).bytes())
    };
    // RUNPATH is inherited, and versions are not looked at.
    assert_eq!(
        check(&tree(program(None, Some("$ORIGIN/../lib")))),
        Vec::<String>::new()
    );
    assert_eq!(
        check(&tree(program(Some("/app/lib"), None))),
        Vec::<String>::new()
    );
    complains(
        &check(&tree(program(None, None))),
        &["liba.so => not found, needed by /app/bin/p; sought in /lib, /usr/local/lib, /usr/lib"],
    );
    let listed = tree(program(None, None)).file("/etc/ld-musl-x86_64.path", "/app/lib\n/usr/lib\n");
    assert_eq!(check(&listed), Vec::<String>::new());
    // It takes the first file of the name, whatever it is.
    let foreign = Made {
        machine: 183,
        ..Made::default()
    };
    let tree = tree(program(Some("/x:/app/lib"), None)).file("/x/liba.so", foreign.bytes());
    complains(
        &check(&tree),
        &["/x/liba.so is for another kind of machine"],
    );
}

#[test]
fn scripts_need_their_interpreters() {
    let base = || glibc().file("/usr/bin/sh", Made::program(&["libc.so.6"]).bytes());
    let with_libc = || base().file("/usr/lib64/libc.so.6", library(&[]).bytes());
    let script = |tree: Tree, line: &str| check(&tree.file("/app/bin/p", format!("{line}\n")));
    assert_eq!(
        script(with_libc(), "#!/usr/bin/sh -e"),
        Vec::<String>::new()
    );
    complains(
        &script(base(), "#!/usr/bin/sh"),
        &["libc.so.6 => not found, needed by /usr/bin/sh"],
    );
    complains(
        &script(with_libc(), "#!/bin/bash"),
        &["/bin/bash, which runs /app/bin/p, does not exist"],
    );
    complains(
        &script(with_libc(), "#!/usr/bin/sh\r"),
        &["/usr/bin/sh\\r, which runs"],
    );
    let env = || with_libc().link("/usr/bin/env", "sh");
    assert_eq!(script(env(), "#!/usr/bin/env sh"), Vec::<String>::new());
    complains(
        &script(env(), "#!/usr/bin/env python3"),
        &["`python3`, which runs /app/bin/p, is not in PATH"],
    );
    complains(
        &script(with_libc(), "#!/usr/bin/env sh"),
        &["/usr/bin/env, which runs"],
    );
    let not_executable = with_libc().mode("/usr/bin/x", 0o644);
    complains(
        &script(not_executable, "#!/usr/bin/x"),
        &["can't be executed"],
    );
    complains(&script(with_libc(), "#!/app/bin/p"), &["too many scripts"]);
}

#[test]
fn a_search_path_may_be_relative_or_not_known() {
    let program = Made {
        runpath: Some("lib:/x/$PLATFORM:/y/$LIB"),
        ..Made::program(&["liba.so"])
    };
    let tree = glibc().file("/app/bin/p", program.bytes());
    complains(
        &check(&tree),
        &["sought in /lib, /x/x86_64, /y/lib64, /lib64, /usr/lib64"],
    );
}
