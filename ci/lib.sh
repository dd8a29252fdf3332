# shellcheck shell=bash
# Sourced by the scripts beside it: how they speak and how they install packages.

say() { printf '%s: %s\n' "$(basename "$0")" "$*"; }
die() { say "$@" >&2; exit 1; }

# engine_version: the version of the Docker Engine that answers, or a failure.
# The client finds it as it always does: DOCKER_HOST, then its context, then
# the default socket. The time limit is for an engine that accepts and hangs.
engine_version() {
    timeout 10 docker version --format '{{.Server.Version}}' 2>/dev/null
}

# apt_install PACKAGE...: from the distribution; needs root on Debian or Ubuntu.
apt_install() {
    command -v apt-get >/dev/null ||
        die "this is not Debian or Ubuntu: install $* by hand and run me again"
    [ "$(id -u)" -eq 0 ] ||
        die "not root: run 'sudo apt-get install $*' and then me again"
    say "installing $*"
    # Quiet while all goes well, everything when it does not. The lock timeout
    # is for machines that run their own updates in the background.
    local output
    output=$(
        {
            apt-get -q update &&
            DEBIAN_FRONTEND=noninteractive apt-get -qy -o DPkg::Lock::Timeout=300 \
                install --no-install-recommends "$@"
        } 2>&1 </dev/null
    ) || {
        printf '%s\n' "$output" >&2
        die "could not install $*"
    }
}
