//! Which addresses a feed may be fetched from, checked when the connection is made.
//!
//! A name is resolved once, here, and the addresses that pass are the ones connected to: a server cannot give a public
//! address to the check and a private one to the connection. Every redirect comes through here too.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use ureq::{
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

/// The resolver of one feed.
#[derive(Debug)]
pub(super) struct Guarded {
    allows: fn(IpAddr) -> bool,
    system: DefaultResolver,
}

impl Guarded {
    pub(super) fn new(allows: fn(IpAddr) -> bool) -> Self {
        Self { allows, system: DefaultResolver::default() }
    }
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.system.resolve(uri, config, timeout)?;
        let mut allowed = self.empty();
        for &address in found.iter().filter(|address| (self.allows)(address.ip())) {
            allowed.push(address);
        }
        if !allowed.is_empty() {
            return Ok(allowed);
        }
        let host = uri.host().unwrap_or_default().to_owned();
        let private = Private { host, address: found.iter().next().copied() };
        Err(io::Error::new(io::ErrorKind::PermissionDenied, private).into())
    }
}

/// A host that must not be fetched from.
#[derive(Debug, thiserror::Error)]
#[error("{host} is {}, an address of a private network: say `allow_private: true` if that is meant", shown(.address))]
struct Private {
    host: String,
    address: Option<SocketAddr>,
}

fn shown(address: &Option<SocketAddr>) -> String {
    address.map_or_else(|| "nowhere".to_owned(), |address| address.ip().to_string())
}

/// Whether an address belongs to the public internet: not to this machine, a network of one's own, a provider's inside
/// (where clouds keep their metadata), a test, or a group (RFC 6890, RFC 8190 and the IANA registries of special addresses).
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match embedded_v4(ip) {
            Some(inner) => is_public_v4(inner),
            None => is_public_v6(ip),
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    // 192.0.0.0/24 has anycast addresses in it that are public; no feed lives there.
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224..=255, _, _)
    );
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    // Global unicast is 2000::/3; in it lie documentation (2001:db8::/32, 3fff::/20), benchmarks and protocol assignments
    // (2001::/23).
    let global = (0x2000..=0x3fff).contains(&a);
    let documentation = (a == 0x2001 && b == 0x0db8) || (a == 0x3fff && b < 0x1000);
    let assignments = a == 0x2001 && b < 0x0200;
    global && !documentation && !assignments
}

/// The IPv4 address that an IPv6 address stands for: mapped (::ffff:0:0/96), compatible (::/96), translated (64:ff9b::/96) or
/// tunnelled (2002::/16).
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = ip.segments();
    let v4 = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match segments {
        // ::1 is itself, the others have been obsolete for long.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => v4(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        for (address, public) in [
            ("93.184.216.34", true),
            ("1.1.1.1", true),
            ("172.15.0.1", true),
            ("172.32.0.1", true),
            ("100.63.0.1", true),
            ("100.128.0.1", true),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("10.0.0.1", false),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.170", false),
            ("192.0.2.1", false),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("198.51.100.1", false),
            ("203.0.113.1", false),
            ("224.0.0.1", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700::1111", true),
            ("2a00:1450:4001::1", true),
            ("::", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:169.254.169.254", false),
            ("::ffff:1.1.1.1", true),
            ("::10.0.0.1", false),
            ("64:ff9b::10.0.0.1", false),
            ("64:ff9b::1.1.1.1", true),
            ("64:ff9b:1::1", false),
            ("2002:0a00:0001::", false),
            ("2002:7f00:0001::", false),
            ("fc00::1", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
            ("2001::1", false),
            ("3fff::1", false),
            ("100::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }
}
