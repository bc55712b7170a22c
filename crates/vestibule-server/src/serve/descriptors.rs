//! Descriptors: without one, neither a client nor the database can be reached.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the process needs beside its clients' connections: the database's files or connections, the log, the listeners.
const OWN: u64 = 128;

/// Makes room for that many connections, as far as the operating system lets us: the usual 1,024 descriptors are fewer than
/// `server.max_connections`, and whoever opens the rest would leave none for the database (T74).
pub(crate) fn make_room(connections: usize) {
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OWN);
    let limit = getrlimit(Resource::Nofile);
    let Some(missing) = raised(limit, wanted) else { return };
    // A refusal leaves the old limit, which the warning then tells of.
    let _ = setrlimit(Resource::Nofile, missing);
    let now = getrlimit(Resource::Nofile).current;
    if now.is_some_and(|now| now < wanted) {
        tracing::warn!(
            descriptors = now,
            wanted,
            "fewer descriptors than server.max_connections needs; raise the limit (LimitNOFILE, ulimit -n) or lower the setting"
        );
    }
}

/// The limit to ask for, if the present one is too low. `None` in a limit is no limit.
fn raised(limit: Rlimit, wanted: u64) -> Option<Rlimit> {
    limit.current.filter(|current| *current < wanted)?;
    let most = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    Some(Rlimit { current: Some(most), maximum: limit.maximum })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_rises_as_far_as_it_may_and_never_falls() {
        let limit = |current, maximum| Rlimit { current, maximum };
        assert_eq!(raised(limit(Some(1024), Some(4096)), 2000), Some(limit(Some(2000), Some(4096))));
        assert_eq!(raised(limit(Some(1024), Some(1500)), 2000), Some(limit(Some(1500), Some(1500))));
        assert_eq!(raised(limit(Some(1024), None), 2000), Some(limit(Some(2000), None)));
        assert_eq!(raised(limit(Some(2000), Some(4096)), 2000), None);
        assert_eq!(raised(limit(None, None), 2000), None);
    }
}
