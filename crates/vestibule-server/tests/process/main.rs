//! The server as a process: started, driven over the network, stopped, killed and started again, on both databases.
//!
//! [`place`] is where a server keeps its data, [`server`] a running process, [`driver`] the client; the other modules are the claims.
//! Figures are written to standard error, past the test runner's capture.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot look must fail")]

mod backup;
mod cluster;
mod commands;
mod driver;
mod examples;
mod full;
mod journal;
mod kill_loop;
mod load;
mod locks;
mod mails;
mod moving;
mod outage;
mod people;
mod place;
mod proxy;
mod refreshes;
mod refusals;
mod server;
mod snippets;
mod starts;
mod stop;
mod two;
mod volume;
