//! Who is asking.

use std::net::IpAddr;

/// Where a request comes from, as far as it can be trusted.
#[derive(Clone, Debug)]
pub struct Client {
    /// The address that limits count, and that logs and the audit trail show. `None` for the command line.
    pub ip: Option<IpAddr>,
    /// Our own name for the request, in the answer, the log and the audit trail.
    pub request_id: String,
    /// What the client says of itself, cut to [`Client::USER_AGENT_MAX`] characters without control characters.
    pub user_agent: Option<String>,
}

impl Client {
    /// The most characters that are kept of what a client says of itself.
    pub const USER_AGENT_MAX: usize = 256;

    /// The command line, on the machine itself.
    pub fn command_line() -> Self {
        Self { ip: None, request_id: "cli".to_owned(), user_agent: None }
    }

    /// The address as text.
    pub fn ip_text(&self) -> Option<String> {
        self.ip.map(|ip| ip.to_string())
    }
}

/// Cuts a client's own words to what may be stored.
pub fn user_agent(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).take(Client::USER_AGENT_MAX).collect()
}
