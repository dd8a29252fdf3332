//! Messages over a socket, with files beside them.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use rustix::{cmsg_space, net};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A message is no longer than this; environments and arguments together have 2 MiB at most.
const LONGEST: usize = 16 << 20;
/// So many files come with one message at most.
const MOST_FILES: usize = 64;

/// One end of a connection between the main process and its helper.
///
#[derive(Debug)]
pub(in crate::engine::embedded) struct Channel(OwnedFd);

impl Channel {
    /// Both ends of a new connection.
    ///
    /// # Errors
    /// When there are too many files.
    pub(in crate::engine::embedded) fn pair() -> io::Result<(Self, OwnedFd)> {
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        Ok((Self(ours), theirs))
    }

    pub(super) fn of(socket: OwnedFd) -> Self {
        Self(socket)
    }

    /// Lets no transmission stand still for longer than `limit`.
    ///
    /// # Errors
    /// What the kernel says.
    pub(in crate::engine::embedded) fn bound(&self, limit: Duration) -> io::Result<()> {
        set_socket_timeout(&self.0, Timeout::Recv, Some(limit))?;
        Ok(set_socket_timeout(&self.0, Timeout::Send, Some(limit))?)
    }

    /// Tells the other end that no more is coming.
    pub(in crate::engine::embedded) fn hang_up(&self) {
        let _ = net::shutdown(&self.0, net::Shutdown::Write);
    }

    /// Whether there is something to receive, or the other end is closed.
    ///
    /// # Errors
    /// What the kernel says.
    pub(in crate::engine::embedded) fn has_news(&self) -> io::Result<bool> {
        let mut files = [PollFd::new(&self.0, PollFlags::IN)];
        let none = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        match poll(&mut files, Some(&none)) {
            Err(Errno::INTR) => Ok(false),
            ready => Ok(ready? > 0),
        }
    }

    /// Sends a message, and copies of these files with it.
    ///
    /// # Errors
    /// When the other end is gone.
    pub(in crate::engine::embedded) fn send(
        &self,
        message: &impl Serialize,
        files: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        let mut bytes = vec![0; 4];
        serde_json::to_writer(&mut bytes, message)?;
        let length = u32::try_from(bytes.len() - 4).map_err(io::Error::other)?;
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST_FILES))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !files.is_empty() && !control.push(SendAncillaryMessage::ScmRights(files)) {
            return Err(io::Error::other("too many files for one message"));
        }
        let mut sent = 0;
        while sent < bytes.len() {
            let rest = [IoSlice::new(&bytes[sent..])];
            match sendmsg(&self.0, &rest, &mut control, SendFlags::NOSIGNAL) {
                Ok(more) => sent += more,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            control.clear();
        }
        Ok(())
    }

    /// Waits for the next message and the files that come with it; `None` when the other end is
    /// closed.
    ///
    /// # Errors
    /// When it breaks off, or is none.
    pub(in crate::engine::embedded) fn receive<T: DeserializeOwned>(
        &self,
    ) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
        let mut files = Vec::new();
        // Never more than this message: the next one may be there already.
        let mut length = [0; 4];
        if !self.fill(&mut length, &mut files)? {
            return Ok(None);
        }
        let length = usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)?;
        if length > LONGEST {
            return Err(io::Error::other("a message that is too long"));
        }
        let mut bytes = vec![0; length];
        if !self.fill(&mut bytes, &mut files)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some((serde_json::from_slice(&bytes)?, files)))
    }

    /// Whether there was anything at all.
    fn fill(&self, bytes: &mut [u8], files: &mut Vec<OwnedFd>) -> io::Result<bool> {
        let mut have = 0;
        while have < bytes.len() {
            match self.receive_some(&mut bytes[have..], files)? {
                0 if have == 0 => return Ok(false),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => have += more,
            }
        }
        Ok(true)
    }

    fn receive_some(&self, into: &mut [u8], files: &mut Vec<OwnedFd>) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST_FILES))];
        loop {
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut parts = [IoSliceMut::new(into)];
            match recvmsg(&self.0, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC) {
                Ok(received) => {
                    for message in control.drain() {
                        if let RecvAncillaryMessage::ScmRights(more) = message {
                            files.extend(more);
                        }
                    }
                    if received.flags.contains(net::ReturnFlags::CTRUNC) {
                        return Err(io::Error::other("files of a message were lost"));
                    }
                    return Ok(received.bytes);
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A time as the kernel wants it.
pub(in crate::engine::embedded) fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn messages_arrive_whole_and_with_their_files() {
        let (ours, theirs) = Channel::pair().unwrap();
        let theirs = Channel::of(theirs);
        let long = "x".repeat(3 << 20);
        let (mut reader, writer) = io::pipe().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                ours.send(&["one"], &[]).unwrap();
                ours.send(&[&long], &[writer.as_fd()]).unwrap();
                let (back, files) = ours.receive::<u32>().unwrap().unwrap();
                assert_eq!((back, files.len()), (7, 0));
            });
            let (message, _) = theirs.receive::<Vec<String>>().unwrap().unwrap();
            assert_eq!(message, ["one"]);
            let (message, files) = theirs.receive::<Vec<String>>().unwrap().unwrap();
            assert_eq!(message, std::slice::from_ref(&long));
            let [file] = <[OwnedFd; 1]>::try_from(files).unwrap();
            File::from(file).write_all(b"written").unwrap();
            theirs.send(&7, &[]).unwrap();
        });
        drop((ours, writer));
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "written");
        assert!(theirs.receive::<u32>().unwrap().is_none(), "closed");
    }
}
