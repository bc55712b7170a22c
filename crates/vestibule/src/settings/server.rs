//! The process: where it listens, where it keeps things, what it writes to the log.

use std::net::{Ipv4Addr, SocketAddr};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::formats::{self, SecretUrl};
use super::{ByteSize, Span};

/// Whom the installation serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// A developer on this machine.
    #[default]
    Development,
    /// Real people: a public URL, https and a secret key are demanded.
    Production,
}

/// Where requests come in, and what they may cost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// The IP address and port that requests come in at; beyond loopback a public URL, https and a secret key are demanded.
    #[schemars(schema_with = "formats::socket_address")]
    pub listen: SocketAddr,
    /// The address that people see: scheme, host and port; made from `listen` in development.
    #[schemars(example = "https://auth.example.org")]
    pub public_url: Option<String>,
    /// The path under which everything lies; empty is the root.
    pub base_path: String,
    /// The networks of proxies whose word about a client's address counts.
    #[schemars(schema_with = "formats::cidrs", example = ["10.0.0.0/8"])]
    pub trusted_proxies: Vec<IpNet>,
    /// The origins whose pages may call this service with cookies, each as scheme, host and port.
    #[schemars(example = ["https://app.example.org"])]
    pub cors_origins: Vec<String>,
    /// How many connections may be open at a time.
    pub max_connections: u32,
    /// How long a client may take to send the head of a request; at most 30s.
    pub header_timeout: Span,
    /// How long a client may take to send the body of a request; at most 30s.
    pub body_timeout: Span,
    /// How long a connection without a request stays open.
    pub idle_timeout: Span,
    /// The largest body of a request; at most 1MiB.
    pub body_max: ByteSize,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8000).into(),
            public_url: None,
            base_path: "/auth".into(),
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            max_connections: 4096,
            header_timeout: Span::seconds(10),
            body_timeout: Span::seconds(15),
            idle_timeout: Span::seconds(75),
            body_max: ByteSize::kib(64),
        }
    }
}

/// What the service calls itself.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Site {
    /// The name in mails and on pages; passwords near to it are refused.
    pub name: String,
}

impl Default for Site {
    fn default() -> Self {
        Self { name: "Vestibule".into() }
    }
}

/// Where accounts are kept.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// The database: `sqlite://` with a file, or `postgres://user:password@host/name`.
    pub url: SecretUrl,
    /// A file that holds `url` and that other users of the machine cannot read.
    #[schemars(example = "/etc/vestibule/database.url")]
    pub url_file: Option<std::path::PathBuf>,
    /// Whether the tables are brought up to date at start.
    pub migrate: bool,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite://vestibule.db".into(), url_file: None, migrate: true }
    }
}

/// What is written to the log.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// The least important messages that are written.
    pub level: LogLevel,
    /// How messages are written.
    pub format: LogFormat,
    /// Which requests are written.
    pub requests: LogRequests,
}

/// The importance of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// What failed.
    Error,
    /// What an operator should look at.
    Warn,
    /// What happens in the large.
    #[default]
    Info,
    /// What happens in detail.
    Debug,
    /// Everything.
    Trace,
}

/// How messages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people on a terminal, for programs elsewhere.
    #[default]
    Auto,
    /// For people.
    Pretty,
    /// For programs: one JSON object a line.
    Json,
}

/// Which requests are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogRequests {
    /// Those that failed through our own fault.
    #[default]
    Errors,
    /// Every one.
    All,
    /// None.
    None,
}

/// Numbers for a monitoring system.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// The IP address and port that the numbers are served at, apart from everything else.
    #[schemars(schema_with = "formats::optional_socket_address", example = "127.0.0.1:9000")]
    pub listen: Option<SocketAddr>,
}
