//! What the accept loop counts; see [`vestibule::ground::meters`].

use http::StatusCode;
use metrics::{Counter, Gauge, counter, gauge};
use vestibule::ground::meters::{Kind, Meter, PANICS};

const OPEN: &str = "vestibule_connections_open";
const ACCEPTED: &str = "vestibule_connections_total";
const FULL: &str = "vestibule_connections_full_total";
const FAILED: &str = "vestibule_connections_failed_total";
const CUT: &str = "vestibule_connections_cut_total";
/// Lines that the log could not take.
pub(crate) const LINES_LOST: &str = "vestibule_log_lines_lost_total";
const REFUSED: &str = "vestibule_http_refused_total";

/// Every meter of the server, beside those of the library.
pub(crate) const ALL: &[Meter] = &[
    Meter { name: OPEN, kind: Kind::Gauge, help: "Connections that are open, by listener." },
    Meter { name: ACCEPTED, kind: Kind::Counter, help: "Connections that were accepted, by listener." },
    Meter {
        name: FULL,
        kind: Kind::Counter,
        help: "Times that max_connections were open, so that further ones waited, by listener.",
    },
    Meter {
        name: FAILED,
        kind: Kind::Counter,
        help: "Times that no connection could be accepted for want of descriptors or memory, by listener.",
    },
    Meter { name: CUT, kind: Kind::Counter, help: "Connections that were cut because the client was too slow, by listener." },
    Meter { name: LINES_LOST, kind: Kind::Counter, help: "Lines of the log that could not be written." },
    Meter { name: REFUSED, kind: Kind::Counter, help: "Requests that were refused before they reached an endpoint, by status." },
];

/// The meters of one listener.
#[derive(Clone, Debug)]
pub(super) struct Meters {
    pub(super) open: Gauge,
    pub(super) accepted: Counter,
    pub(super) full: Counter,
    pub(super) failed: Counter,
    pub(super) cut: Counter,
}

impl Meters {
    pub(super) fn of(listener: &'static str) -> Self {
        Self {
            open: gauge!(OPEN, "listener" => listener),
            accepted: counter!(ACCEPTED, "listener" => listener),
            full: counter!(FULL, "listener" => listener),
            failed: counter!(FAILED, "listener" => listener),
            cut: counter!(CUT, "listener" => listener),
        }
    }
}

/// Counts a request that no endpoint saw.
pub(super) fn refused(status: StatusCode) {
    let status = match status.as_u16() {
        400 => "400",
        408 => "408",
        414 => "414",
        _ => "431",
    };
    counter!(REFUSED, "status" => status).increment(1);
}

/// Counts a panic outside of every endpoint.
pub(super) fn panicked(place: &'static str) {
    counter!(PANICS, "where" => place).increment(1);
}
