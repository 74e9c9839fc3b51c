//! Which addresses the open internet has, and which belong to somebody's own network.
//!
//! A guest that may reach any web page must not reach what lies behind the same
//! machine: loopback, private networks, link-local addresses, the metadata services
//! of clouds. The ranges are those of the IANA special-purpose registries (IPv4 and
//! IPv6, as of 2025) that are not globally reachable; forms of IPv6 that carry an
//! IPv4 address are judged by it. It cannot know about public addresses that an
//! operator's firewall treats as its own: grants name what may be reached.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

/// Ranges that are refused unless a grant names them, and what they are.
const OWN: [(&str, &str); 30] = [
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by carriers and clouds"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local, where clouds keep their metadata"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "of the protocol registry"),
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "a former relay"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmarks"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("64:ff9b:1::/48", "a local translator"),
    ("100::/64", "discarded"),
    ("100:0:0:1::/64", "discarded"),
    ("2001::/23", "of the protocol registry"),
    ("2001:db8::/32", "documentation"),
    ("3fff::/20", "documentation"),
    ("5f00::/16", "segment routing"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "multicast"),
    ("::ffff:0:0:0/96", "a translator"),
    ("::/96", "a former form of IPv4"),
];

static RANGES: LazyLock<Vec<(IpNet, &str)>> =
    LazyLock::new(|| OWN.iter().filter_map(|(range, what)| Some((range.parse().ok()?, *what))).collect());

/// What an address that is not of the open internet is; `None` for one that is.
pub fn own(address: IpAddr) -> Option<&'static str> {
    let found = |address: IpAddr| RANGES.iter().find(|(range, _)| range.contains(&address)).map(|(_, what)| *what);
    match address {
        IpAddr::V4(_) => found(address),
        IpAddr::V6(long) => match carried(long) {
            Some(short) => found(short.into()),
            None => found(address),
        },
    }
}

/// The IPv4 address inside an IPv6 one: mapped, of the well-known translator, or of 6to4.
fn carried(long: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match long.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(from(high, low)),
        [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_range_is_one() {
        assert_eq!(RANGES.len(), OWN.len());
    }

    #[test]
    fn what_is_nobody_else_s_is_told_by_its_name() {
        for (address, what) in [
            ("127.0.0.1", "loopback"),
            ("10.1.2.3", "private"),
            ("172.31.255.255", "private"),
            ("169.254.169.254", "link-local, where clouds keep their metadata"),
            ("100.100.100.200", "shared by carriers and clouds"),
            ("0.0.0.0", "this network"),
            ("255.255.255.255", "reserved"),
            ("::1", "loopback"),
            ("::", "unspecified"),
            ("fd00:ec2::254", "private"),
            ("fe80::1", "link-local"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:10.0.0.1", "private"),
            ("64:ff9b::a00:1", "private"),
            ("2002:7f00:1::", "loopback"),
            ("2001:0:4136:e378::", "of the protocol registry"),
            ("::127.0.0.1", "a former form of IPv4"),
        ] {
            assert_eq!(own(address.parse().unwrap()), Some(what), "{address}");
        }
    }

    #[test]
    fn the_open_internet_is_open() {
        for address in
            ["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "192.169.0.1", "2606:4700::1111", "::ffff:8.8.8.8"]
        {
            assert_eq!(own(address.parse().unwrap()), None, "{address}");
        }
    }

    proptest! {
        /// No form of an address is judged more kindly than its plain form.
        #[test]
        fn an_address_in_disguise_is_judged_by_what_it_carries(bits in any::<u32>()) {
            let plain = Ipv4Addr::from_bits(bits);
            let [a, b, c, d] = plain.octets().map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            for disguise in [
                Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            ] {
                prop_assert_eq!(own(disguise.into()), own(plain.into()));
            }
        }
    }
}
