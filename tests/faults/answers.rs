//! What the engine says in the matrix, and the command that most of its rows run.

pub const BUSY: &str = r#"{"message": "the engine is busy"}"#;
pub const FULL: &str =
    r#"{"message": "mkdir /var/lib/docker/overlay2/x: no space left on device"}"#;
pub const NO_PIDS: &str = r#"{"message": "failed to start shim: fork/exec /usr/bin/containerd-shim: resource temporarily unavailable"}"#;
pub const NO_RUNTIME: &str = r#"{"message": "OCI runtime create failed: fork/exec /usr/sbin/runc: no such file or directory: unknown"}"#;
pub const NO_SHIM: &str = r#"{"message": "failed to start shim: exec: \"containerd-shim-runc-v2\": executable file not found in $PATH: unknown"}"#;
pub const NO_IMAGE: &str = r#"{"message": "No such image: sha256:abc"}"#;
pub const NO_CONTAINER: &str = r#"{"message": "No such container: x"}"#;
pub const GARBAGE: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
    Content-Length: 9\r\n\r\n<html>no!";
pub const NO_HTTP: &str = "what is it?\r\n\r\n";
/// The header of a frame, and `one`.
pub const FIRST_FRAME: usize = 8 + 3;

/// Two pieces of output with a pause between.
pub const RUN: &str = "    run: printf one; sleep 0.4; printf two\n    stdout: {equals: onetwo}";
