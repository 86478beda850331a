//! The addresses that no request reaches, unless its grant lists the pair of address and port.
//!
//! Names are chosen by guests, by data and by servers, and their owners choose the addresses. Without this list, a grant for
//! a public name would reach the machine itself, its network and the metadata of its cloud.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(std::net::Ipv4Addr::new(a, b, c, d), prefix))
}

const fn v6(a: u16, b: u16, c: u16, d: u16, prefix: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), prefix))
}

/// Every refused range with the reason, more specific ones first.
const REFUSED: &[(IpNet, &str)] = &[
    (v4(169, 254, 169, 254, 32), "serves the metadata and keys of cloud machines"),
    (v4(100, 100, 100, 200, 32), "serves the metadata of cloud machines"),
    (v4(168, 63, 129, 16, 32), "serves the configuration of cloud machines"),
    (v4(192, 0, 0, 192, 32), "serves the metadata of cloud machines"),
    (v4(255, 255, 255, 255, 32), "is the broadcast address"),
    (v4(0, 0, 0, 0, 8), "is this machine"),
    (v4(10, 0, 0, 0, 8), "is in a private network"),
    (v4(100, 64, 0, 0, 10), "is in the shared network of a provider (carrier-grade NAT)"),
    (v4(127, 0, 0, 0, 8), "is this machine (loopback)"),
    (v4(169, 254, 0, 0, 16), "is link-local"),
    (v4(172, 16, 0, 0, 12), "is in a private network"),
    (v4(192, 0, 0, 0, 24), "is reserved for protocols"),
    (v4(192, 0, 2, 0, 24), "is for documentation"),
    (v4(192, 31, 196, 0, 24), "is reserved for protocols"),
    (v4(192, 52, 193, 0, 24), "is reserved for protocols"),
    (v4(192, 88, 99, 0, 24), "is a relay into other networks (6to4)"),
    (v4(192, 168, 0, 0, 16), "is in a private network"),
    (v4(192, 175, 48, 0, 24), "is reserved for protocols"),
    (v4(198, 18, 0, 0, 15), "is for benchmarks of networks"),
    (v4(198, 51, 100, 0, 24), "is for documentation"),
    (v4(203, 0, 113, 0, 24), "is for documentation"),
    (v4(224, 0, 0, 0, 4), "is a multicast address"),
    (v4(240, 0, 0, 0, 4), "is reserved"),
    // An address that contains an IPv4 address reaches that one, whatever it is.
    (v6(0, 0, 0, 0, 96), "is this machine, or contains an IPv4 address"),
    (
        IpNet::V6(Ipv6Net::new_assert(std::net::Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96)),
        "contains an IPv4 address",
    ),
    (v6(0x64, 0xff9b, 0, 0, 96), "contains an IPv4 address (NAT64)"),
    (v6(0x64, 0xff9b, 1, 0, 48), "contains an IPv4 address (NAT64)"),
    (v6(0x2001, 0, 0, 0, 32), "contains an IPv4 address (Teredo)"),
    (v6(0x2002, 0, 0, 0, 16), "contains an IPv4 address (6to4)"),
    (v6(0x2001, 0xdb8, 0, 0, 32), "is for documentation"),
    (v6(0x2001, 0, 0, 0, 23), "is reserved for protocols"),
    (v6(0x2620, 0x4f, 0x8000, 0, 48), "is reserved for protocols"),
    (v6(0x3fff, 0, 0, 0, 20), "is for documentation"),
    (v6(0xfd00, 0xec2, 0, 0, 32), "serves the metadata and keys of cloud machines"),
    (v6(0xfc00, 0, 0, 0, 7), "is in a private network"),
    (v6(0xfe80, 0, 0, 0, 10), "is link-local"),
    (v6(0xfec0, 0, 0, 0, 10), "is in a private network (site-local)"),
    (v6(0xff00, 0, 0, 0, 8), "is a multicast address"),
];

/// The only IPv6 addresses that are public.
const PUBLIC_V6: IpNet = v6(0x2000, 0, 0, 0, 3);

/// Returns the reason why an address is refused, as the rest of a sentence about it. `None` for a public address.
pub(crate) fn refused(address: IpAddr) -> Option<&'static str> {
    let listed = REFUSED.iter().find(|(range, _)| range.contains(&address)).map(|(_, reason)| *reason);
    listed.or_else(|| (address.is_ipv6() && !PUBLIC_V6.contains(&address)).then_some("is not a public address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_public_are_refused_with_their_reason() {
        for (address, reason) in [
            ("127.0.0.1", "loopback"),
            ("0.0.0.0", "this machine"),
            ("10.255.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.1.1", "private"),
            ("100.127.0.1", "carrier-grade"),
            ("169.254.1.1", "link-local"),
            ("169.254.169.254", "metadata"),
            ("168.63.129.16", "cloud"),
            ("192.0.2.1", "documentation"),
            ("198.19.0.1", "benchmarks"),
            ("224.0.0.1", "multicast"),
            ("255.255.255.255", "broadcast"),
            ("240.0.0.1", "reserved"),
            ("::", "this machine"),
            ("::1", "this machine"),
            ("::7f00:1", "IPv4"),
            ("::ffff:127.0.0.1", "IPv4"),
            ("::ffff:93.184.216.34", "IPv4"),
            ("64:ff9b::7f00:1", "NAT64"),
            ("64:ff9b:1::1", "NAT64"),
            ("2002:7f00:1::", "6to4"),
            ("2001::1", "Teredo"),
            ("2001:20::1", "protocols"),
            ("2001:db8::1", "documentation"),
            ("fd00:ec2::254", "metadata"),
            ("fd12:3456::1", "private"),
            ("fe80::1", "link-local"),
            ("ff02::1", "multicast"),
            ("4000::1", "not a public"),
        ] {
            let refusal = refused(address.parse().unwrap());
            assert!(refusal.is_some_and(|text| text.contains(reason)), "{address}: {refusal:?}");
        }
    }

    #[test]
    fn public_addresses_are_not_refused() {
        for address in ["93.184.216.34", "1.1.1.1", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"] {
            assert_eq!(refused(address.parse().unwrap()), None, "{address}");
        }
    }
}
