//! Mails as files, for another program to pick up or for a test to read.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::settings::FileTransport;

use super::SendError;
use super::message::Stamp;

/// The folder that mails are written to, one file a mail: `20260101T000000.000Z-<random>.eml`.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder of the settings, which is made if it is not there and we are `making`.
    pub(super) fn open(settings: &FileTransport, making: bool) -> Result<Self, String> {
        let dir = settings.dir.as_ref().ok_or("email.file.dir: is not set")?;
        if !making && !dir.exists() {
            return Ok(Self(dir.clone()));
        }
        make(dir).map_err(|error| format!("email.file.dir: {} cannot be made: {error}", dir.display()))?;
        let about = fs::metadata(dir).map_err(|error| format!("email.file.dir: {} cannot be read: {error}", dir.display()))?;
        if !about.is_dir() {
            return Err(format!("email.file.dir: {} is not a folder", dir.display()));
        }
        Ok(Self(dir.clone()))
    }

    /// Writes one message. A reader sees the whole of it or nothing.
    pub(super) async fn send(&self, message: Vec<u8>, stamp: &Stamp) -> Result<(), SendError> {
        let at = jiff::Timestamp::from_millisecond(stamp.at.millis()).unwrap_or_default();
        let name = format!("{}-{}", at.strftime("%Y%m%dT%H%M%S.%3fZ"), stamp.id());
        let folder = self.0.clone();
        let failed = |error: &dyn std::fmt::Display| SendError::Transport(format!("email.file.dir: {error}"));
        let written = tokio::task::spawn_blocking(move || write(&folder, &name, &message)).await;
        written.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
    }
}

fn write(folder: &Path, name: &str, message: &[u8]) -> io::Result<()> {
    let begun = folder.join(format!(".{name}.tmp"));
    let done = || {
        let mut file = fresh(&begun)?;
        file.write_all(message)?;
        file.sync_all()?;
        fs::rename(&begun, folder.join(format!("{name}.eml")))
    };
    done().inspect_err(|_| {
        let _ = fs::remove_file(&begun);
    })
}

/// Mails carry keys: only this process's user may look into the folder, if we make it.
#[cfg(unix)]
fn make(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(not(unix))]
fn make(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

/// A new file that only this process's user can read.
fn fresh(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::mail;
    use super::super::{Mail, Transport};
    use super::*;
    use crate::settings::{self, Settings};

    fn to(dir: &Path) -> Result<Transport, String> {
        let mut settings = Settings::default();
        settings.email.transport = settings::Transport::File;
        settings.email.file.dir = Some(dir.into());
        Transport::from_settings(&settings)
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_mail_is_one_whole_file_that_others_cannot_read() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("spool/mail");
        let transport = to(&dir).unwrap();
        for _ in 0..3 {
            transport.send(&mail()).await.unwrap();
        }
        assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        let files: Vec<PathBuf> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 3);
        for file in files {
            assert_eq!(file.extension().unwrap(), "eml", "{}", file.display());
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            let read = mail_parser::MessageParser::default().parse(&fs::read(&file).unwrap()).unwrap().into_owned();
            assert_eq!(read.subject(), Some(&*mail().subject));
            assert!(read.body_text(0).unwrap().contains(&mail().link.unwrap()));
        }
    }

    #[tokio::test]
    async fn t77_a_refused_mail_leaves_no_file() {
        let place = tempfile::tempdir().unwrap();
        let transport = to(place.path()).unwrap();
        let refused = transport.send(&Mail { subject: "a\r\nBcc: evil@example.test".into(), ..mail() }).await;
        assert!(matches!(refused, Err(SendError::Recipient(_))));
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_folder_that_goes_away_is_a_matter_of_the_transport() {
        let place = tempfile::tempdir().unwrap();
        let transport = to(&place.path().join("mail")).unwrap();
        fs::remove_dir(place.path().join("mail")).unwrap();
        assert!(matches!(transport.send(&mail()).await, Err(SendError::Transport(_))));
        let file = place.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(to(&file).unwrap_err().starts_with("email.file.dir: "));
    }
}
