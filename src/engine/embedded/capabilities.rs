//! The privileges of a process, as Docker names, adds and drops them.

use thiserror::Error;

/// All of Linux 6.12, each at the place that is its number (`linux/capability.h`).
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// A set of capabilities: bit N is the capability with number N, as in `/proc/PID/status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Capabilities(pub(crate) u64);

/// A name that Linux gives to no capability.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no capability `{0}`")]
pub(crate) struct UnknownCapability(pub(crate) String);

impl Capabilities {
    /// What a container has unless it asks for more or less: `CHOWN`, `DAC_OVERRIDE`, `FOWNER`,
    /// `FSETID`, `KILL`, `SETGID`, `SETUID`, `SETPCAP`, `NET_BIND_SERVICE`, `NET_RAW`,
    /// `SYS_CHROOT`, `MKNOD`, `AUDIT_WRITE` and `SETFCAP`.
    pub(crate) const DOCKER_DEFAULT: Self = Self(0xa804_25fb);
    /// All that Linux has. Where the kernel knows fewer, or who runs a container has fewer, a container
    /// with all of them can't be had; Docker's can't either.
    pub(crate) const ALL: Self = Self((1 << NAMES.len()) - 1);
    /// None at all.
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const DAC_READ_SEARCH: Self = Self(1 << 2);
    pub(crate) const SYS_MODULE: Self = Self(1 << 16);
    pub(crate) const SYS_RAWIO: Self = Self(1 << 17);
    pub(crate) const SYS_CHROOT: Self = Self(1 << 18);
    pub(crate) const SYS_PTRACE: Self = Self(1 << 19);
    pub(crate) const SYS_PACCT: Self = Self(1 << 20);
    pub(crate) const SYS_ADMIN: Self = Self(1 << 21);
    pub(crate) const SYS_BOOT: Self = Self(1 << 22);
    pub(crate) const SYS_NICE: Self = Self(1 << 23);
    pub(crate) const SYS_TIME: Self = Self(1 << 25);
    pub(crate) const SYS_TTY_CONFIG: Self = Self(1 << 26);
    pub(crate) const SYSLOG: Self = Self(1 << 34);
    pub(crate) const PERFMON: Self = Self(1 << 38);
    pub(crate) const BPF: Self = Self(1 << 39);

    /// What a name stands for: one capability, or all for `ALL`. With or without `CAP_`, in
    /// upper or lower case; `None` if there is no such capability.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let name = name.to_uppercase();
        if name == "ALL" {
            return Some(Self::ALL);
        }
        let name = name.strip_prefix("CAP_").unwrap_or(&name);
        let number = NAMES.iter().position(|known| *known == name)?;
        Some(Self(1 << number))
    }

    /// What a container has that adds and drops these to and from Docker's default ones.
    ///
    /// As Docker does it: with `ALL` added, all but what is dropped by its own name; else with
    /// `ALL` dropped, only what is added; else what is dropped goes first, so that what is also
    /// added stays.
    pub(crate) fn of<S: AsRef<str>>(add: &[S], drop: &[S]) -> Result<Self, UnknownCapability> {
        let (all_added, added) = Self::read(add)?;
        let (all_dropped, dropped) = Self::read(drop)?;
        Ok(match (all_added, all_dropped) {
            (true, _) => Self::ALL.without(dropped),
            (false, true) => added,
            (false, false) => Self::DOCKER_DEFAULT.without(dropped).or(added),
        })
    }

    /// Whether `ALL` is among the names, and what the others name.
    fn read<S: AsRef<str>>(names: &[S]) -> Result<(bool, Self), UnknownCapability> {
        let mut all = false;
        let mut set = Self::NONE;
        for name in names.iter().map(AsRef::as_ref) {
            match Self::from_name(name) {
                Some(Self::ALL) => all = true,
                Some(one) => set = set.or(one),
                None => return Err(UnknownCapability(name.to_owned())),
            }
        }
        Ok((all, set))
    }

    /// Whether all of `others` are in the set.
    pub(crate) const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// What is in one of the sets or in both.
    pub(crate) const fn or(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// What is in this set and not in the other.
    pub(crate) const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// The numbers of those in the set, smallest first.
    #[cfg(test)]
    pub(crate) fn numbers(self) -> impl Iterator<Item = u32> {
        (0..u64::BITS).filter(move |number| self.0 >> number & 1 == 1)
    }

    /// The names of those in the set, without `CAP_`, in the order of their numbers.
    #[cfg(test)]
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        let names = NAMES.into_iter().enumerate();
        names.filter_map(move |(number, name)| (self.0 >> number & 1 == 1).then_some(name))
    }
}

#[cfg(test)]
mod tests {
    use super::{Capabilities, UnknownCapability};

    fn of(add: &[&str], drop: &[&str]) -> Capabilities {
        Capabilities::of(add, drop).unwrap()
    }

    #[test]
    fn names_have_the_numbers_of_linux() {
        for (name, number) in [
            ("CHOWN", 0),
            ("KILL", 5),
            ("NET_ADMIN", 12),
            ("SYS_RESOURCE", 24),
            ("MKNOD", 27),
            ("AUDIT_READ", 37),
            ("CHECKPOINT_RESTORE", 40),
        ] {
            let set = Capabilities::from_name(name).unwrap();
            assert_eq!(set.numbers().collect::<Vec<_>>(), [number], "{name}");
            assert_eq!(set.names().collect::<Vec<_>>(), [name]);
        }
        for (name, set) in [
            ("DAC_READ_SEARCH", Capabilities::DAC_READ_SEARCH),
            ("SYS_MODULE", Capabilities::SYS_MODULE),
            ("SYS_RAWIO", Capabilities::SYS_RAWIO),
            ("SYS_CHROOT", Capabilities::SYS_CHROOT),
            ("SYS_PTRACE", Capabilities::SYS_PTRACE),
            ("SYS_PACCT", Capabilities::SYS_PACCT),
            ("SYS_ADMIN", Capabilities::SYS_ADMIN),
            ("SYS_BOOT", Capabilities::SYS_BOOT),
            ("SYS_NICE", Capabilities::SYS_NICE),
            ("SYS_TIME", Capabilities::SYS_TIME),
            ("SYS_TTY_CONFIG", Capabilities::SYS_TTY_CONFIG),
            ("SYSLOG", Capabilities::SYSLOG),
            ("PERFMON", Capabilities::PERFMON),
            ("BPF", Capabilities::BPF),
        ] {
            assert_eq!(Capabilities::from_name(name), Some(set), "{name}");
        }
        assert_eq!(Capabilities::ALL.numbers().count(), 41);
    }

    #[test]
    fn names_are_taken_as_docker_takes_them() {
        let raw = Capabilities::from_name("NET_RAW");
        assert!(raw.is_some());
        for name in ["net_raw", "CAP_NET_RAW", "cap_net_raw", "Cap_Net_Raw"] {
            assert_eq!(Capabilities::from_name(name), raw, "{name}");
        }
        assert_eq!(Capabilities::from_name("all"), Some(Capabilities::ALL));
        for name in ["", "CAP_", "CAP_ALL", "NET", "CAP_CAP_NET_RAW", " NET_RAW"] {
            assert_eq!(Capabilities::from_name(name), None, "{name:?}");
        }
    }

    #[test]
    fn the_default_is_docker_s() {
        let names: Vec<_> = Capabilities::DOCKER_DEFAULT.names().collect();
        assert_eq!(
            names.join(" "),
            "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE \
             NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP"
        );
    }

    #[test]
    fn adds_and_drops_as_docker_does() {
        let default = Capabilities::DOCKER_DEFAULT;
        let admin = Capabilities::SYS_ADMIN;
        let chroot = Capabilities::SYS_CHROOT;
        for (add, drop, expected) in [
            (&[][..], &[][..], default),
            (&["SYS_ADMIN"], &[], default.or(admin)),
            (&[], &["cap_sys_chroot"], default.without(chroot)),
            // What is not there can be dropped.
            (&[], &["SYS_ADMIN"], default),
            (&["ALL"], &[], Capabilities::ALL),
            (&["ALL"], &["SYS_ADMIN"], Capabilities::ALL.without(admin)),
            (&["ALL"], &["ALL"], Capabilities::ALL),
            (&[], &["ALL"], Capabilities::NONE),
            (&["SYS_ADMIN"], &["ALL"], admin),
            (&["SYS_ADMIN"], &["SYS_ADMIN"], default.or(admin)),
            (&["SYS_CHROOT"], &["SYS_CHROOT"], default),
        ] {
            assert_eq!(of(add, drop), expected, "{add:?} {drop:?}");
        }
        let unknown = UnknownCapability("SYS_MAGIC".to_owned());
        assert_eq!(Capabilities::of(&["SYS_MAGIC"], &[]), Err(unknown.clone()));
        assert_eq!(
            Capabilities::of(&["ALL"], &["SYS_MAGIC"]),
            Err(unknown.clone())
        );
        assert_eq!(unknown.to_string(), "there is no capability `SYS_MAGIC`");
    }

    #[test]
    fn contains_means_all_of_them() {
        let both = Capabilities::SYS_ADMIN.or(Capabilities::BPF);
        assert!(Capabilities::ALL.contains(both));
        assert!(!Capabilities::SYS_ADMIN.contains(both));
    }
}
