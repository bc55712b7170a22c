//! The server as a process, and clients that mean no good: paths, sizes, slowness, overload, and what their answers give away.
//!
//! [`server`] starts the real program with settings of its own, [`client`] speaks HTTP/1.1 byte by byte; the other modules are the
//! claims. Sizes are small enough for every run; `scripts/measure` has the full ones.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot look must fail")]

mod client;
mod faults;
mod headers;
mod http2;
mod metrics;
mod overload;
mod paths;
mod server;
mod sizes;
mod slow;
mod sockets;
