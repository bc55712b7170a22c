//! Standard error as a place that may be full: the service goes on without its log, and tells afterwards what is missing (T88).

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use metrics::counter;
use tracing_subscriber::fmt::MakeWriter;

use crate::serve::meters::LINES_LOST;

/// How often it is looked whether lines are missing.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Lines that could not be written, and were not told of yet.
static LOST: AtomicU64 = AtomicU64::new(0);

/// Whether the last line ends in its middle.
static TORN: AtomicBool = AtomicBool::new(false);

/// Standard error. Writing never fails; what is lost is counted.
#[derive(Clone, Copy)]
pub(super) struct Stream;

impl<'a> MakeWriter<'a> for Stream {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

impl Write for Stream {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.write_all(line)?;
        Ok(line.len())
    }

    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        if !whole(&mut io::stderr().lock(), line, &TORN) {
            LOST.fetch_add(1, Ordering::Relaxed);
            counter!(LINES_LOST).increment(1);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a line, on a line of its own also after one that was torn. Whether all of it went out.
fn whole(to: &mut impl Write, line: &[u8], torn: &AtomicBool) -> bool {
    if torn.load(Ordering::Relaxed) {
        if to.write_all(b"\n").is_err() {
            return false;
        }
        torn.store(false, Ordering::Relaxed);
    }
    let mut rest = line;
    while !rest.is_empty() {
        match to.write(rest) {
            Ok(count @ 1..) => rest = &rest[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => {
                torn.store(rest.len() < line.len(), Ordering::Relaxed);
                return false;
            }
        }
    }
    true
}

/// Tells of lost lines as soon as there is room again, as long as the process runs.
pub(crate) async fn tell_of_lost_lines() {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let lines = LOST.load(Ordering::Relaxed);
        if lines == 0 {
            continue;
        }
        tracing::warn!(lines, "lines of the log could not be written");
        // One more lost means that this one was, too.
        if LOST.load(Ordering::Relaxed) == lines {
            LOST.fetch_sub(lines, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, in portions of three.
    struct Small(Vec<u8>, usize);

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(3).min(self.1);
            self.0.extend(&bytes[..count]);
            self.1 -= count;
            if count == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(count) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_torn_line_is_followed_by_a_whole_one() {
        let (mut to, torn) = (Small(Vec::new(), 10), AtomicBool::new(false));
        assert!(whole(&mut to, b"first\n", &torn));
        assert!(!whole(&mut to, b"second\n", &torn));
        assert!(!whole(&mut to, b"third\n", &torn));
        to.1 = 100;
        assert!(whole(&mut to, b"fourth\n", &torn));
        assert!(whole(&mut to, b"fifth\n", &torn));
        assert_eq!(String::from_utf8(to.0).unwrap(), "first\nseco\nfourth\nfifth\n");
    }
}
