//! Who is asking.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ground::{Entropy, Result};

use super::Auth;
use super::browsers::Device;
use super::listener::Listener;

/// Where a request comes from, as far as it can be trusted.
#[derive(Clone, Debug)]
pub struct Client {
    /// The address that limits count, and that logs and the audit trail show. `None` for the command line.
    pub ip: Option<IpAddr>,
    /// Our own name for the request, in the answer, the log and the audit trail.
    pub request_id: String,
    /// What the client says of itself, cut to [`Client::USER_AGENT_MAX`] characters without control characters.
    pub user_agent: Option<String>,
    /// The browser, where one comes to log in with one in which somebody came in before.
    pub device: Option<Device>,
    /// Whether this is a form that we showed to this very browser: whoever signs in with it stays signed in there.
    pub on_page: bool,
    /// Where events are told that this client causes.
    pub(crate) listener: Option<Listener>,
}

impl Client {
    /// The most characters that are kept of what a client says of itself.
    pub const USER_AGENT_MAX: usize = 256;

    /// The command line, on the machine itself.
    pub fn command_line() -> Self {
        Self { ip: None, request_id: "cli".to_owned(), user_agent: None, device: None, on_page: false, listener: None }
    }

    /// The host's own code or an operator, for what is done to accounts without a request.
    pub fn operator(auth: &Auth) -> Self {
        Self { listener: auth.listener.clone(), ..Self::command_line() }
    }

    /// The address as text.
    pub fn ip_text(&self) -> Option<String> {
        self.ip.map(|ip| ip.to_string())
    }
}

/// Names requests. No two of a process have the same name, and names do not tell how many requests there were in between.
///
/// Fresh randomness for each would cost more than looking up its session.
#[derive(Debug)]
pub struct RequestNames {
    count: AtomicU64,
    keys: [u64; 2],
}

impl RequestNames {
    /// Names that follow from fresh randomness.
    ///
    /// # Errors
    /// [`crate::ground::Error::Internal`] when there is none to be had.
    pub fn new(entropy: &Entropy) -> Result<Self> {
        let [first, second] = [entropy.bytes()?, entropy.bytes()?].map(u64::from_be_bytes);
        Ok(Self { count: AtomicU64::new(0), keys: [first, second] })
    }

    /// The next name: 16 hexadecimal digits.
    pub fn next(&self) -> String {
        // A permutation between two keys: distinct numbers stay distinct (SplitMix64's finalizer).
        let mut mixed = self.count.fetch_add(1, Ordering::Relaxed) ^ self.keys[0];
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= (mixed >> 31) ^ self.keys[1];
        let digit = |shift: u32| char::from(b"0123456789abcdef"[(mixed >> shift) as usize & 15]);
        let mut name = String::with_capacity(16);
        (0..16).rev().for_each(|place| name.push(digit(place * 4)));
        name
    }
}

/// Cuts a client's own words to what may be stored.
pub fn user_agent(words: &str) -> String {
    if words.len() <= Client::USER_AGENT_MAX && words.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return words.to_owned();
    }
    words.chars().filter(|c| !c.is_control()).take(Client::USER_AGENT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_requests_have_the_same_name() {
        let names = RequestNames::new(&Entropy::seeded(1)).unwrap();
        let all: HashSet<String> = (0..10_000).map(|_| names.next()).collect();
        assert_eq!(all.len(), 10_000);
        assert!(all.iter().all(|name| name.len() == 16 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))));
        let other = RequestNames::new(&Entropy::seeded(2)).unwrap();
        assert!((0..10_000).all(|_| !all.contains(&other.next())), "another process names otherwise");
    }

    #[test]
    fn t75_a_clients_own_words_are_cut_and_carry_no_control_character() {
        let most = "x".repeat(Client::USER_AGENT_MAX);
        for (sent, kept) in [
            ("curl/8.5", "curl/8.5"),
            ("a\tb\u{7f}c\u{85}d", "abcd"),
            ("Bräu\nser", "Bräuser"),
            (format!("{most}y").as_str(), most.as_str()),
            ("ä".repeat(300).as_str(), "ä".repeat(256).as_str()),
        ] {
            assert_eq!(user_agent(sent), kept);
        }
    }
}
