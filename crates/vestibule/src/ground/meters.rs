//! What is counted and timed: the names that a monitoring system sees, and what each means.
//!
//! Everything goes through the `metrics` facade: without a recorder it costs nothing and goes nowhere. A host installs its recorder
//! before it builds the service, since what is counted often is registered once, at the start. No label holds anything that a client
//! sent, so that nobody can make a series of their own (T79), and no name of an account is in any of them (T81).

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// What grows, what goes up and down, and what has a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations in seconds, with how many there were and their sum.
    Seconds,
}

/// One measured thing.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    /// Its name, which is part of the interface.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// What it means, for the operator.
    pub help: &'static str,
}

impl Meter {
    /// Tells the recorder what the meter means.
    pub fn describe(&self) {
        match self.kind {
            Kind::Counter => describe_counter!(self.name, self.help),
            Kind::Gauge => describe_gauge!(self.name, self.help),
            Kind::Seconds => describe_histogram!(self.name, Unit::Seconds, self.help),
        }
    }
}

macro_rules! meters {
    ($($(#[doc = $doc:literal])+ $constant:ident $kind:ident $name:literal $help:literal;)+) => {
        $($(#[doc = $doc])+ pub const $constant: &str = $name;)+

        /// Every meter of the library.
        pub const ALL: &[Meter] = &[$(Meter { name: $name, kind: Kind::$kind, help: $help }),+];
    };
}

meters! {
    /// Requests.
    REQUESTS Counter "vestibule_http_requests_total" "Requests by endpoint, method and class of status.";
    /// Time inside an endpoint.
    REQUEST_SECONDS Seconds "vestibule_http_request_seconds" "Time from a request's head to its answer, by endpoint.";
    /// Events that the host was not told.
    EVENTS_DROPPED Counter "vestibule_events_dropped_total" "Events that the host's on_event was not told because it is too slow.";
    /// Panics.
    PANICS Counter "vestibule_panics_total" "Panics that were caught, by where. Any is a fault of the program.";
    /// Waiting for a hashing thread.
    HASH_QUEUE Gauge "vestibule_hash_queue_length" "Passwords that wait for a hashing thread.";
    /// Computed hashes.
    HASHES Counter "vestibule_hashes_total" "Password hashes that were computed.";
    /// Turned away.
    HASHES_REFUSED Counter "vestibule_hashes_refused_total" "Passwords turned away because the queue was full (503).";
    /// Units of work.
    UNIT_SECONDS Seconds "vestibule_db_unit_seconds" "Time of a unit of writes, from asking for it to its commit.";
    /// Session look-ups.
    READ_SECONDS Seconds "vestibule_db_read_seconds" "Time to look a session up in the database; every 16th look-up is timed.";
    /// Failures of the database.
    DB_ERRORS Counter "vestibule_db_errors_total" "Units and look-ups of sessions that the database failed, by kind.";
    /// Tries over a limit.
    LIMITED Counter "vestibule_limits_refused_total" "Tries refused by a limit, by action.";
    /// Mails.
    MAILS Counter "vestibule_mails_total" "Mails by what came of a try: sent, failed (tried again), given_up, expired, limited, nobody.";
    /// The outbox.
    MAIL_QUEUE Gauge "vestibule_mail_queue_length" "Mails in the outbox, by state: waiting, given_up.";
    /// The head of the outbox.
    MAIL_OLDEST Gauge "vestibule_mail_queue_oldest_age" "Seconds since the oldest mail that waits was asked for; 0 when none does.";
    /// Things that happened to accounts.
    EVENTS Counter "vestibule_events_total" "Things that happened to accounts, by the name that the audit trail gives them.";
    /// Ended sessions.
    SESSIONS_ENDED Counter "vestibule_sessions_ended_total" "Sessions that ended, by why.";
    /// Rows that were removed.
    REMOVED Counter "vestibule_housekeeping_removed_total" "Rows that housekeeping removed, by what they were.";
}

/// Tells the recorder what each meter means.
pub fn describe() {
    ALL.iter().for_each(Meter::describe);
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_follow_the_rules_of_prometheus_and_are_told_once() {
        let names: HashSet<_> = ALL.iter().map(|meter| meter.name).collect();
        assert_eq!(names.len(), ALL.len());
        for meter in ALL {
            let rest = meter.name.strip_prefix("vestibule_").unwrap();
            assert!(rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{}", meter.name);
            assert_eq!(rest.ends_with("_total"), meter.kind == Kind::Counter, "{}", meter.name);
            assert_eq!(rest.ends_with("_seconds"), meter.kind == Kind::Seconds, "{}", meter.name);
        }
    }

    #[test]
    fn the_page_for_operators_names_every_meter() {
        let page = include_str!("../../../../docs/operations.md");
        let missing: Vec<_> = ALL.iter().filter(|meter| !page.contains(&format!("`{}`", meter.name))).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
