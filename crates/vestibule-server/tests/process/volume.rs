//! A file system that is soon full.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use vestibule::testing::races::say;

/// Lies in memory; unmounted when it is dropped.
pub(crate) struct Volume(TempDir);

impl Volume {
    /// One of that size (`4m`); none where this user may not mount, which is said loudly, and fails where `VESTIBULE_TEST_MOUNTS` is
    /// `must` (`scripts/test` as root).
    pub(crate) fn of(size: &str, claim: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size},mode=0700");
        let mut mount = Command::new("mount");
        let done = mount.args(["-t", "tmpfs", "-o", &options, "vestibule-test"]).arg(folder.path()).output();
        match done {
            Ok(done) if done.status.success() => Some(Self(folder)),
            failed => {
                let why =
                    failed.map_or_else(|error| error.to_string(), |done| String::from_utf8_lossy(&done.stderr).into_owned());
                let told = format!("{claim}: NOT RUN: no file system can be mounted here ({})", why.trim());
                let must = std::env::var_os("VESTIBULE_TEST_MOUNTS").is_some_and(|word| word == "must");
                assert!(!must, "{told}; VESTIBULE_TEST_MOUNTS=may lets it pass");
                say(&told);
                None
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the room that is left, until the [`Filler`] is dropped.
    pub(crate) fn fill(&self) -> Filler {
        let path = self.path().join("filler");
        let mut file = File::create(&path).unwrap();
        for size in [64 * 1024, 4096] {
            while file.write_all(&vec![b'x'; size]).is_ok() {}
        }
        Filler(path)
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Lazily: a server that a failing test left may still have a file open.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

/// What takes the room.
pub(crate) struct Filler(PathBuf);

impl Drop for Filler {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
