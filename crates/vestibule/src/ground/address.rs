//! From where a request comes, when proxies stand in between (T67).
//!
//! Anybody can write `X-Forwarded-For`; only the right end of it, which our own proxies wrote, means anything.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::header::HeaderMap;
use ipnet::IpNet;

/// The most entries that are looked at, from the right.
const MAX_HOPS: usize = 32;

/// The client's address: the peer's, unless the peer is a trusted proxy; then the first entry of `X-Forwarded-For` from the
/// right that is not one.
///
/// An entry that cannot be read ends the walk at the trusted proxy that sent it: its address counts, so that garbage never
/// avoids a limit. No other header is believed. An IPv4 address inside IPv6 is given as IPv4.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|net| net.contains(&ip));
    let mut hop = peer.to_canonical();
    if !is_trusted(hop) {
        return hop;
    }
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    for entry in lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')).take(MAX_HOPS) {
        let Some(ip) = parse(entry) else { return hop };
        hop = ip;
        if !is_trusted(hop) {
            return hop;
        }
    }
    hop
}

/// Whether a URL's host is this machine whatever a name server says.
pub fn is_loopback_host(host: &str) -> bool {
    let ip: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    ip.map_or(host.eq_ignore_ascii_case("localhost"), |ip| ip.to_canonical().is_loopback())
}

/// What limits count an address by: IPv4 whole, IPv6 by the /64 that one subscriber has at the least.
pub fn bucket(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let prefix = Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX));
            format!("{prefix}/64")
        }
    }
}

/// `203.0.113.9`, `203.0.113.9:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn parse(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry).ok()?.trim();
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let ip = match bare {
        Some(inner) => IpAddr::V6(inner.parse().ok()?),
        None => entry.parse().or_else(|_| entry.parse::<SocketAddr>().map(|socket| socket.ip())).ok()?,
    };
    Some(ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const XFF: &str = "x-forwarded-for";

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// The client behind the peer 10.0.0.1, where 10.0.0.0/8 and fd00::/8 are trusted.
    fn behind_proxies(lines: &[&[u8]]) -> String {
        from("10.0.0.1", &["10.0.0.0/8", "fd00::/8"], XFF, lines)
    }

    fn from(peer: &str, trusted: &[&str], name: &'static str, lines: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_bytes(line).unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        client_address(ip(peer), &headers, &trusted).to_string()
    }

    #[test]
    fn t67_without_a_trusted_proxy_headers_mean_nothing() {
        assert_eq!(from("203.0.113.9", &[], XFF, &[b"198.51.100.1"]), "203.0.113.9");
        assert_eq!(from("203.0.113.9", &["10.0.0.0/8"], XFF, &[b"198.51.100.1"]), "203.0.113.9");
    }

    #[test]
    fn t67_other_headers_mean_nothing_behind_a_proxy_either() {
        for name in ["forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip", "x_forwarded_for", "x-client-ip"] {
            for value in [&b"198.51.100.1"[..], b"for=198.51.100.1"] {
                assert_eq!(from("10.0.0.1", &["10.0.0.0/8"], name, &[value]), "10.0.0.1", "{name}");
            }
        }
    }

    #[test]
    fn t67_the_first_untrusted_entry_from_the_right_is_the_client() {
        assert_eq!(behind_proxies(&[]), "10.0.0.1");
        assert_eq!(behind_proxies(&[b"203.0.113.9"]), "203.0.113.9");
        assert_eq!(behind_proxies(&[b"1.1.1.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(behind_proxies(&[b"1.1.1.1, 203.0.113.9 ,10.0.0.2,10.0.0.3"]), "203.0.113.9");
        assert_eq!(behind_proxies(&[b"1.1.1.1", b"203.0.113.9", b"fd00::5, 10.0.0.3"]), "203.0.113.9");
        assert_eq!(behind_proxies(&[b"10.0.0.7, 10.0.0.8"]), "10.0.0.7");
        assert_eq!(behind_proxies(&[b"10.0.0.7, 127.0.0.1"]), "127.0.0.1");
    }

    #[test]
    fn t67_what_cannot_be_read_counts_as_the_hop_that_sent_it() {
        for garbage in [
            &b""[..],
            b" ",
            b"unknown",
            b"203.0.113.9.",
            b"203.0.113.256",
            b"[2001:db8::1",
            b"1.2.3.4:99999",
            b"\xff\xfe",
            b"010.0.0.9",
        ] {
            assert_eq!(behind_proxies(&[garbage]), "10.0.0.1");
            assert_eq!(behind_proxies(&[&[b"1.1.1.1,", garbage, b",10.0.0.3"].concat()]), "10.0.0.3");
        }
        assert_eq!(behind_proxies(&[b"198.51.100.1", b""]), "10.0.0.1");
        assert_eq!(behind_proxies(&[b"", b"198.51.100.1"]), "198.51.100.1");
    }

    #[test]
    fn t67_a_long_list_is_read_from_its_end_only() {
        let spoofed = format!("{}, 203.0.113.9", "1.1.1.1, ".repeat(1100));
        assert_eq!(behind_proxies(&[spoofed.as_bytes()]), "203.0.113.9");
        let hops = |count: usize| format!("203.0.113.9, {}", vec!["10.0.0.2"; count].join(","));
        assert_eq!(behind_proxies(&[hops(31).as_bytes()]), "203.0.113.9");
        assert_eq!(behind_proxies(&[hops(32).as_bytes()]), "10.0.0.2");
    }

    #[test]
    fn t67_ports_brackets_and_mapped_addresses_are_the_same_client() {
        for entry in ["203.0.113.9:4711", "::ffff:203.0.113.9", "[::ffff:203.0.113.9]:80", "::ffff:cb00:7109"] {
            assert_eq!(behind_proxies(&[entry.as_bytes()]), "203.0.113.9", "{entry}");
        }
        for entry in ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80", "2001:DB8:0::1"] {
            assert_eq!(behind_proxies(&[entry.as_bytes()]), "2001:db8::1", "{entry}");
        }
        assert_eq!(from("::ffff:10.0.0.1", &["10.0.0.0/8"], XFF, &[b"203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn t67_ipv6_is_counted_by_its_subscribers_prefix() {
        assert_eq!(bucket(ip("203.0.113.9")), "203.0.113.9");
        assert_eq!(bucket(ip("::ffff:203.0.113.9")), "203.0.113.9");
        assert_eq!(bucket(ip("2001:db8:1:2:3:4:5:6")), "2001:db8:1:2::/64");
        assert_eq!(bucket(ip("2001:db8:1:2::")), bucket(ip("2001:db8:1:2:ffff:ffff:ffff:ffff")));
        assert_ne!(bucket(ip("2001:db8:1:2::")), bucket(ip("2001:db8:1:3::")));
    }

    proptest! {
        #[test]
        fn t67_no_header_makes_the_reader_panic(lines in prop::collection::vec("[\\x20-\\x7e\\u{80}-\\u{ff}]{0,60}", 0..4)) {
            behind_proxies(&lines.iter().map(String::as_bytes).collect::<Vec<_>>());
        }

        #[test]
        fn t67_what_stands_left_of_the_client_changes_nothing(spoofed in "[0-9a-f.:,\\[\\] ]{0,60}", client: u32) {
            let client = IpAddr::V4((client | 0x8000_0000).into());
            let line = format!("{spoofed}, {client}, 10.0.0.2");
            prop_assert_eq!(behind_proxies(&[line.as_bytes()]), client.to_string());
        }
    }
}
