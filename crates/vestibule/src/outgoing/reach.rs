//! Which addresses may be connected to.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

/// Whom requests may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every address.
    Anywhere,
    /// Addresses of the internet alone: neither this machine nor a network behind it.
    Public,
}

impl Reach {
    /// Whether that address may be connected to.
    pub fn allows(self, ip: IpAddr) -> bool {
        self == Self::Anywhere || is_public(ip)
    }
}

/// Why an address is refused, for the log.
pub(super) fn refusal(host: &str) -> String {
    format!("{host} is in a private network, which only allow_private_network lets it be")
}

/// Whether an address is one of the internet: none of the special-purpose blocks (RFC 6890 and IANA's registries).
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let embedded = |high: u16, low: u16| is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match (a, b) {
        // Addresses that carry one of IPv4 lead to that one.
        (0x64, 0xff9b) if [c, d, e, f] == [0; 4] => embedded(g, h),
        (0x2002, _) => embedded(b, c),
        (0x2001, 0..=0x1ff | 0xdb8) => false,
        // Global unicast is all of 2000::/3 and nothing else.
        _ => a & 0xe000 == 0x2000 && a != 0x3fff,
    }
}

/// The machine's resolver, without what is out of reach.
#[derive(Clone)]
pub(super) struct Resolver {
    inner: GaiResolver,
    reach: Reach,
}

impl Resolver {
    pub(super) fn new(reach: Reach) -> Self {
        Self { inner: GaiResolver::new(), reach }
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (host, reach, found) = (name.as_str().to_owned(), self.reach, self.inner.call(name));
        Box::pin(async move {
            // One private address among public ones is no reason to trust the others less: only those are connected to.
            let allowed: Vec<SocketAddr> = found.await?.filter(|address| reach.allows(address.ip())).collect();
            if allowed.is_empty() { Err(io::Error::other(refusal(&host))) } else { Ok(allowed.into_iter()) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t57_only_addresses_of_the_internet_are_public() {
        for (ip, public) in [
            ("8.8.8.8", true),
            ("192.0.1.1", true),
            ("172.32.0.1", true),
            ("2606:4700::1111", true),
            ("64:ff9b::808:808", true),
            ("2002:808:808::1", true),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("100.64.0.1", false),
            ("127.8.9.10", false),
            ("169.254.169.254", false),
            ("172.31.255.255", false),
            ("192.168.0.1", false),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("fc00::1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
            ("2001::1", false),
            ("64:ff9b::a00:1", false),
            ("64:ff9b:1::1", false),
            ("2002:a00:1::1", false),
            ("100::1", false),
        ] {
            assert_eq!(Reach::Public.allows(ip.parse().unwrap()), public, "{ip}");
            assert!(Reach::Anywhere.allows(ip.parse().unwrap()));
        }
    }
}
