//! The mark of the process that makes something: written on it from the beginning, so that what a
//! killed process leaves can be told from what is still in use.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use time::OffsetDateTime;
use time::macros::format_description;

/// No run lasts longer: what is older is nobody's, wherever its process was.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Names one process among all machines and all times, and says until when its things are its own.
///
/// A pid alone says little: it is used again, and each container has its own. So it counts only
/// beside the start of its process, the machine's boot and the namespace of its pids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The process.
    pub pid: u32,
    /// When it began, in ticks since the machine's start; empty if not known, like the two below.
    pub start: String,
    /// The inode of its pid namespace. One that is used again is of a namespace that is gone, and
    /// all its processes with it.
    pub namespace: String,
    /// The id of the machine's boot, without hyphens.
    pub boot: String,
    /// Until when its things are its own, in seconds since 1970.
    pub expires: u64,
}

/// What became of whoever made something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It runs.
    Running,
    /// It is gone for certain.
    Gone,
    /// It can't be judged from here, and its time is over.
    Expired,
    /// It can't be judged from here, and may go on.
    Unknown,
}

impl Fate {
    /// Whether what it made may be removed.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Gone | Self::Expired)
    }
}

impl Mark {
    /// The mark of this process.
    pub fn ours() -> Self {
        /// All but its time, which does not change as long as this process lives.
        static OURS: OnceLock<Mark> = OnceLock::new();
        let expires = seconds(SystemTime::now() + LIFETIME);
        let ours = OURS.get_or_init(|| Self::asked(expires));
        if ours.pid != std::process::id() {
            // A process that was forked.
            return Self::asked(expires);
        }
        Self {
            expires,
            ..ours.clone()
        }
    }

    fn asked(expires: u64) -> Self {
        let pid = std::process::id();
        // Where /proc is another namespace's, it says nothing of the pids that we see.
        let stat = Stat::read("self").filter(|stat| stat.pid == pid);
        let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self {
            pid,
            start: stat.map(|stat| stat.start).unwrap_or_default(),
            namespace: only(&namespace.to_string_lossy(), |c| c.is_ascii_digit()),
            boot: only(&boot, |c| c.is_ascii_hexdigit()),
            expires,
        }
    }

    /// Reads a mark as [`Display`](std::fmt::Display) writes it; nothing else is one.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let [pid, start, namespace, boot, expires] = parts.as_slice() else {
            return None;
        };
        let mark = Self {
            pid: pid.parse().ok()?,
            start: only(start, |c| c.is_ascii_digit()),
            namespace: only(namespace, |c| c.is_ascii_digit()),
            boot: only(boot, |c| c.is_ascii_hexdigit()),
            expires: expires.parse().ok()?,
        };
        (mark.to_string() == text).then_some(mark)
    }

    /// What became of the process that made this mark, seen from here. `is_near` is whether the
    /// mark was found where only processes of this machine leave theirs.
    pub fn fate(&self, is_near: bool) -> Fate {
        self.seen_from(&Self::ours(), is_near, SystemTime::now())
    }

    fn seen_from(&self, here: &Self, is_near: bool, now: SystemTime) -> Fate {
        let is_known = ![&self.start, &self.namespace, &self.boot]
            .iter()
            .any(|part| part.is_empty());
        let is_here = self.namespace == here.namespace && self.boot == here.boot;
        // Our own start is not known where our /proc is not to be trusted.
        let fate = if is_near && is_known && is_here && !here.start.is_empty() {
            process(self.pid, &self.start)
        } else {
            Fate::Unknown
        };
        if fate == Fate::Unknown && self.expires <= seconds(now) {
            return Fate::Expired;
        }
        fate
    }

    /// Why it is removed or left, as the end of a sentence.
    pub fn reason(&self, fate: Fate) -> String {
        let pid = self.pid;
        match fate {
            Fate::Running => format!("its process {pid} is running"),
            Fate::Gone => format!("its process {pid} is gone"),
            Fate::Expired => format!("it expired at {}", self.expiry()),
            Fate::Unknown => format!(
                "whether its process {pid} still runs can't be told from here; it expires at {}",
                self.expiry()
            ),
        }
    }

    fn expiry(&self) -> String {
        let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
        let at = i64::try_from(self.expires).ok();
        at.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok())
            .and_then(|at| at.format(&format).ok())
            .unwrap_or_else(|| "no sensible time".to_owned())
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}-{}-{}-{}-{}",
            self.pid, self.start, self.namespace, self.boot, self.expires
        )
    }
}

/// The fate of a process that this one could see.
fn process(pid: u32, start: &str) -> Fate {
    let Some(id) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return Fate::Unknown;
    };
    // /proc may hide the processes of others (hidepid); the kernel's answer to a signal does not.
    match test_kill_process(id) {
        Err(Errno::SRCH) => Fate::Gone,
        Ok(()) | Err(Errno::PERM) => match Stat::read(&pid.to_string()) {
            Some(stat) if stat.is_dead || stat.start != start => Fate::Gone,
            Some(_) => Fate::Running,
            None => Fate::Unknown,
        },
        Err(_) => Fate::Unknown,
    }
}

/// What `/proc/PID/stat` says (proc(5)).
struct Stat {
    pid: u32,
    /// Killed, and not yet waited for: where nobody waits it stays so for ever.
    is_dead: bool,
    start: String,
}

impl Stat {
    fn read(process: &str) -> Option<Self> {
        let text = std::fs::read(format!("/proc/{process}/stat")).ok()?;
        let text = String::from_utf8_lossy(&text);
        // The name in parentheses may hold anything, so also a `)`.
        let (before, after) = text.rsplit_once(')')?;
        let fields: Vec<&str> = after.split_whitespace().collect();
        Some(Self {
            pid: before.split_whitespace().next()?.parse().ok()?,
            is_dead: matches!(*fields.first()?, "Z" | "X" | "x"),
            start: (*fields.get(19)?).to_owned(),
        })
    }
}

fn only(text: &str, wanted: impl Fn(char) -> bool) -> String {
    text.chars().filter(|c| wanted(*c)).collect()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    type Change = &'static dyn Fn(&mut Mark);

    fn child() -> Child {
        // Ends with its standard input.
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        command.spawn().unwrap()
    }

    fn mark_of(child: &Child) -> Mark {
        Mark {
            pid: child.id(),
            start: Stat::read(&child.id().to_string()).unwrap().start,
            ..Mark::ours()
        }
    }

    #[test]
    fn a_mark_is_read_as_it_was_written_and_nothing_else_is_one() {
        let ours = Mark::ours();
        assert!(!ours.start.is_empty() && !ours.namespace.is_empty());
        assert_eq!(ours.boot.len(), 32);
        assert_eq!(Mark::parse(&ours.to_string()), Some(ours.clone()));
        let unknown = "12----99";
        assert_eq!(Mark::parse(unknown).unwrap().to_string(), unknown);
        for text in [
            "",
            "12",
            "12-1-2-3",
            "12-1-2-3-4-5",
            "-1-2-3-4",
            "x-1-2-3-4",
            "12-1-2-xyz-4",
            "12-1-2-3-",
            "012-1-2-3-4",
            "12-1-2-3-+4",
            "12-a-2-3-4",
        ] {
            assert_eq!(Mark::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_process_is_gone_when_it_ended_even_if_nobody_waited_for_it() {
        let mut child = child();
        let mark = mark_of(&child);
        assert_eq!(mark.fate(true), Fate::Running);
        child.kill().unwrap();
        // Not waited for yet: its pid is still taken.
        while Stat::read(&child.id().to_string()).is_some_and(|stat| !stat.is_dead) {
            std::thread::yield_now();
        }
        assert_eq!(mark.fate(true), Fate::Gone);
        child.wait().unwrap();
        assert_eq!(mark.fate(true), Fate::Gone);
    }

    #[test]
    fn only_what_can_be_known_is_judged() {
        let here = Mark::ours();
        let now = SystemTime::now();
        let with = |change: &dyn Fn(&mut Mark)| {
            let mut mark = here.clone();
            // The pid is used again, so its former process is gone.
            mark.start = "1".to_owned();
            change(&mut mark);
            mark
        };
        let table: [(Change, bool, Fate); 9] = [
            (&|_| {}, true, Fate::Gone),
            (&|_| {}, false, Fate::Unknown),
            (&|mark| mark.boot.push('0'), true, Fate::Unknown),
            (&|mark| mark.namespace.push('0'), true, Fate::Unknown),
            (&|mark| mark.start.clear(), true, Fate::Unknown),
            (&|mark| mark.boot.clear(), true, Fate::Unknown),
            (&|mark| mark.pid = 0, true, Fate::Unknown),
            (&|mark| mark.expires = 1, false, Fate::Expired),
            (&|mark| mark.pid = u32::MAX, true, Fate::Unknown),
        ];
        for (at, (change, is_near, expected)) in table.iter().enumerate() {
            let fate = with(change).seen_from(&here, *is_near, now);
            assert_eq!(fate, *expected, "row {at}");
        }
        let running = Mark {
            expires: 1,
            ..here.clone()
        };
        let fate = running.seen_from(&here, true, now);
        assert_eq!(fate, Fate::Running, "what runs is not over, however old");
        let mut blind = here.clone();
        blind.start.clear();
        let fate = with(&|_| {}).seen_from(&blind, true, now);
        assert_eq!(fate, Fate::Unknown, "a /proc of another namespace");
    }
}
