//! Which devices containers can use: those that Docker lets them, and never the host's disks.
//!
//! A container's root may make any device, as Docker's may. What it can't do is to open it: the
//! helper, and with it all that it starts, is in a control group that refuses. That costs nothing
//! for each container.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use super::cgroup::{Cgroups, set};
use crate::engine::embedded::sandbox::{DeviceOp, attach_device_program, load_device_program};

/// Character devices, by their numbers; all of a kind if there is no second one.
const ALLOWED: [(u32, Option<u32>); 9] = [
    (1, Some(3)),
    (1, Some(5)),
    (1, Some(7)),
    (1, Some(8)),
    (1, Some(9)),
    (5, Some(0)),
    (5, Some(1)),
    (5, Some(2)),
    (136, None),
];

/// What keeps a container from the devices of the host.
#[derive(Debug)]
pub(super) enum Devices {
    /// The kernel, as in every user namespace.
    UserNamespace,
    /// A control group of version 1.
    Group,
    /// A program, which every control group of version 2 must have.
    Program(OwnedFd),
    /// Nothing but its mounts, in which no device works.
    Mounts,
}

/// A control group of version 2 for a process that is yet to be born.
#[derive(Debug)]
pub(super) struct Birthplace {
    program: OwnedFd,
    folder: File,
}

impl Birthplace {
    /// Makes one in which no other devices can be opened; `None` where that is not possible, or not
    /// needed.
    pub(super) fn prepare(in_user_namespace: bool, cgroups: &Cgroups) -> Option<Self> {
        let folder = cgroups.version_two_folder()?;
        if in_user_namespace {
            return None;
        }
        let made = || -> io::Result<Self> {
            let program = load_device_program(&program())?;
            fs::create_dir(&folder)?;
            let folder = File::open(&folder)?;
            attach_device_program(&program, &folder)?;
            Ok(Self { program, folder })
        };
        made()
            .inspect_err(|_| {
                let _ = fs::remove_dir(&folder);
            })
            .ok()
    }
}

impl AsFd for Birthplace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }
}

impl Devices {
    /// Sees to it that this process, and all that it will start, can open no others. It may have
    /// been born where that is so.
    pub(super) fn keep_from_us(
        in_user_namespace: bool,
        born: Option<Birthplace>,
        cgroups: &Cgroups,
    ) -> Self {
        if in_user_namespace {
            return Self::UserNamespace;
        }
        if let Some(born) = born {
            return Self::Program(born.program);
        }
        if let Some(folder) = cgroups.version_one_folder("devices")
            && join_group(&folder).is_ok()
        {
            return Self::Group;
        }
        Self::Mounts
    }

    /// Whether mounts must not let any device work.
    pub(super) fn need_mounts(&self) -> bool {
        matches!(self, Self::Mounts)
    }

    /// Takes care of a new control group of version 2, which is beside that of this process.
    pub(super) fn guard(&self, folder: &Path) -> io::Result<()> {
        match self {
            Self::Program(program) => attach_device_program(program, File::open(folder)?),
            _ => Ok(()),
        }
    }
}

fn join_group(folder: &Path) -> io::Result<()> {
    fs::create_dir(folder)?;
    let join = || -> io::Result<()> {
        set(&folder.join("devices.deny"), "a")?;
        // Where we ourselves may not have one of them, containers can't either.
        for kind in ["b", "c"] {
            let _ = set(&folder.join("devices.allow"), format!("{kind} *:* m"));
        }
        for (major, minor) in ALLOWED {
            let minor = minor.map_or("*".to_owned(), |minor| minor.to_string());
            let _ = set(
                &folder.join("devices.allow"),
                format!("c {major}:{minor} rwm"),
            );
        }
        set(&folder.join("cgroup.procs"), 0)
    };
    join().inspect_err(|_| {
        let _ = fs::remove_dir(folder);
    })
}

/// The same as a program: 1 if a device may be used.
fn program() -> Vec<DeviceOp> {
    const LOAD: u8 = 0x61;
    const COPY: u8 = 0xbf;
    const SHIFT_RIGHT: u8 = 0x77;
    const AND: u8 = 0x57;
    const SET: u8 = 0xb7;
    const JUMP_IF: u8 = 0x15;
    const JUMP_UNLESS: u8 = 0x55;
    const END: u8 = 0x95;
    /// To make a device, and nothing more.
    const MAKE: i32 = 1;
    const CHARACTER: i32 = 2;
    let op = |code, registers, offset, number| DeviceOp {
        code,
        registers,
        offset,
        number,
    };
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let end = |answer| [op(SET, 0, 0, answer), op(END, 0, 0, 0)];
    // The access and the kind, each half of a word; then both numbers.
    let mut ops = vec![
        op(LOAD, 0x12, 0, 0),
        op(COPY, 0x24, 0, 0),
        op(SHIFT_RIGHT, 0x4, 0, 16),
        op(AND, 0x2, 0, 0xffff),
        op(LOAD, 0x13, 4, 0),
        op(LOAD, 0x15, 8, 0),
        op(JUMP_UNLESS, 0x4, 2, MAKE),
    ];
    ops.extend(end(1));
    ops.push(op(JUMP_IF, 0x2, 2, CHARACTER));
    ops.extend(end(0));
    for (major, minor) in ALLOWED {
        match minor {
            Some(minor) => {
                ops.push(op(JUMP_UNLESS, 0x3, 3, number(major)));
                ops.push(op(JUMP_UNLESS, 0x5, 2, number(minor)));
            }
            None => ops.push(op(JUMP_UNLESS, 0x3, 2, number(major))),
        }
        ops.extend(end(1));
    }
    ops.extend(end(0));
    ops
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_program_refuses_the_devices_of_the_host() {
        let cgroups = Cgroups::ask(&format!("seatrial-test-{}", std::process::id()));
        let Some(folder) = cgroups.version_two_folder() else {
            return;
        };
        let Ok(program) = load_device_program(&program()) else {
            assert!(!rustix::process::geteuid().is_root(), "it is not sound");
            return;
        };
        fs::create_dir(&folder).unwrap();
        attach_device_program(&program, File::open(&folder).unwrap()).unwrap();
        let temporary = tempfile::tempdir().unwrap();
        let script = format!(
            "echo $$ >{}/cgroup.procs; cd {}
            try() {{ mknod d $1 $2 $3 && (: <d) 2>/dev/null; echo $1 $2 $3 $?; rm d; }}
            try c 1 3; try c 1 8; try c 136 0; try c 1 11; try b 7 0; try b 1 3; try c 10 237",
            folder.display(),
            temporary.path().display()
        );
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        let removed = fs::remove_dir(&folder);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let refused: Vec<_> = text.lines().filter(|line| !line.ends_with(" 0")).collect();
        // Which of the terminals there are is another matter.
        let refused: Vec<_> = refused
            .into_iter()
            .filter(|line| !line.starts_with("c 136"))
            .map(|line| line.rsplit_once(' ').unwrap().0)
            .collect();
        assert_eq!(refused, ["c 1 11", "b 7 0", "b 1 3", "c 10 237"], "{text}");
        removed.unwrap();
    }
}
