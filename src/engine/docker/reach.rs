//! The way from here to a TCP port of a container.
//!
//! A published port is always open on Docker: its forwarder accepts every connection and closes it
//! again when nothing in the container listens. So where the container's own address can be
//! reached from here, that is taken: there a port is open if and only if something listens.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use bollard::models::{ContainerCreateBody, NetworkSettings};

use super::connection::Connection;
use super::endpoint::Transport;
use crate::engine::{Address, EngineError};

/// Publishes ports where whoever asks can reach them. Everywhere but on an engine of another
/// machine that is the loopback of this machine, which `body` has said already.
pub(super) fn publish(connection: &Connection, body: &mut ContainerCreateBody) {
    if remote_host(connection).is_none() {
        return;
    }
    let host = body.host_config.get_or_insert_default();
    let bindings = host.port_bindings.iter_mut().flatten();
    for binding in bindings.flat_map(|(_, bindings)| bindings.iter_mut().flatten()) {
        binding.host_ip = None;
    }
}

/// The container's own address, if packets from here go straight into its network.
///
/// Which of our addresses they leave from tells: the gateway, when this machine holds the bridge;
/// another one of that network, when we are in a container beside it. An engine that is reached by
/// TCP may have a network that only looks like one of ours.
pub(super) fn direct(connection: &Connection, network: &NetworkSettings) -> Option<Direct> {
    if !connection.is_local() {
        return None;
    }
    network.networks.iter().flatten().find_map(|(_, endpoint)| {
        let address: Ipv4Addr = endpoint.ip_address.as_deref()?.parse().ok()?;
        let prefix = u32::try_from(endpoint.ip_prefix_len?).ok()?;
        let ours = source_address(address)?;
        is_same_network(ours, address, prefix).then(|| Direct {
            address: address.into(),
            by_gateway: endpoint.gateway.as_deref() == Some(ours.to_string().as_str()),
        })
    })
}

/// A container's own address.
pub(super) struct Direct {
    address: IpAddr,
    /// Whether this machine seems to hold the bridge. That two machines have a bridge with the
    /// same address is usual, so it must be shown that the engine is on this one.
    pub(super) by_gateway: bool,
}

impl Direct {
    pub(super) fn port(&self, port: u16) -> Address {
        Address {
            socket: SocketAddr::new(self.address, port),
            is_direct: true,
        }
    }
}

/// Where the engine has published a port.
pub(super) async fn published(
    connection: &Connection,
    network: &NetworkSettings,
    port: u16,
) -> Result<Address, EngineError> {
    let key = format!("{port}/tcp");
    let bindings = network.ports.as_ref().and_then(|ports| ports.get(&key));
    let host_port = bindings
        .iter()
        .flat_map(|bindings| bindings.iter().flatten())
        .find_map(|binding| binding.host_port.as_ref()?.parse().ok());
    let Some(host_port) = host_port else {
        return Err(no_way(&format!(
            "port {port} of the container is not published"
        )));
    };
    Ok(Address {
        socket: on_host(connection, host_port).await?,
        is_direct: false,
    })
}

/// A port of the machine that the engine is on.
pub(super) async fn on_host(connection: &Connection, port: u16) -> Result<SocketAddr, EngineError> {
    let Some(host) = remote_host(connection) else {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    };
    let found = tokio::net::lookup_host((host, port)).await;
    let found = found.map_err(|error| no_way(&format!("{host}: {error}")))?;
    // What was published for all addresses is always there for IPv4.
    let mut found: Vec<SocketAddr> = found.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    found
        .first()
        .copied()
        .ok_or_else(|| no_way(&format!("{host} has no address")))
}

pub(super) fn no_way(reason: &str) -> EngineError {
    EngineError::Failed {
        step: "reach a port of a container",
        reason: reason.to_owned(),
    }
}

/// The machine of an engine that is not on this one.
fn remote_host(connection: &Connection) -> Option<&str> {
    let (Transport::Http(address) | Transport::Https(address, _)) =
        &connection.endpoint().transport
    else {
        return None;
    };
    let host = address
        .rsplit_once(':')
        .map_or(address.as_str(), |(host, _)| host);
    let host = host.trim_matches(['[', ']']);
    let is_loopback = host
        .parse::<IpAddr>()
        .map_or(host == "localhost", |address| address.is_loopback());
    (!is_loopback).then_some(host)
}

/// The address that packets to `target` leave this machine from. None is sent for that.
fn source_address(target: Ipv4Addr) -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((target, 9)).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

fn is_same_network(one: Ipv4Addr, other: Ipv4Addr, prefix: u32) -> bool {
    // Without a prefix every address would be in it.
    let mask = match prefix {
        1..=32 => u32::MAX << (32 - prefix),
        _ => return false,
    };
    one.to_bits() & mask == other.to_bits() & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_told_apart_by_their_prefix() {
        let table = [
            ("172.17.0.1", "172.17.0.2", 16, true),
            ("172.17.0.1", "172.18.0.2", 16, false),
            ("10.0.0.5", "10.0.0.6", 31, false),
            ("10.0.0.5", "10.0.0.5", 32, true),
            ("192.168.1.7", "172.17.0.2", 0, false),
            ("192.168.1.7", "172.17.0.2", 33, false),
        ];
        for (one, other, prefix, same) in table {
            let (first, second) = (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(
                is_same_network(first, second, prefix),
                same,
                "{one} {other}/{prefix}"
            );
        }
    }
}
