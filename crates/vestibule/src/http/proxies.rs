//! Who is asking, from what a request carries.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::ConnectInfo;
use http::header::USER_AGENT;
use http::request::Parts;

use crate::accounts::Auth;
use crate::accounts::client::{Client, user_agent};
use crate::ground::address::client_address;

use super::peer::Peer;

/// The client behind the proxies that the settings trust.
pub(super) fn client(auth: &Auth, parts: &Parts) -> Client {
    let direct = parts.extensions.get::<Peer>().map(|Peer(ip)| *ip);
    let connected = || parts.extensions.get::<ConnectInfo<std::net::SocketAddr>>().map(|ConnectInfo(address)| address.ip());
    // A host that tells us no peer still gets its limits: all its clients share them.
    let peer = direct.or_else(connected).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let words = parts.headers.get(USER_AGENT).map(|words| user_agent(&String::from_utf8_lossy(words.as_bytes())));
    Client {
        ip: Some(client_address(peer, &parts.headers, &auth.settings.server.trusted_proxies)),
        request_id: auth.request_names.next(),
        user_agent: words,
        device: None,
        on_page: false,
        listener: auth.listener.clone(),
    }
}
