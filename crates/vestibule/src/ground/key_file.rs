//! The secret key that development makes beside its database (design decision 20).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::entropy::Entropy;
use super::secrets::{MasterKey, Secret};

/// The key in the file at `path`, which is made if it is not there.
///
/// The file appears whole or not at all: it is written under another name, synced, and linked into place. Of several processes that
/// start at once one wins, and the others read its key.
///
/// # Errors
/// A sentence for the operator: the file cannot be made or read, or holds no usable key. Never the key itself.
pub fn make_or_read(path: &Path) -> Result<Secret, String> {
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    make(path).map_err(|error| unmade(path, &error))?;
    read(path)?.ok_or_else(|| format!("the secret key {} disappeared while it was made", path.display()))
}

/// The key in the file at `path`; where there is no file, a key that is kept nowhere.
///
/// # Errors
/// As [`make_or_read`].
pub fn read_or_invent(path: &Path) -> Result<Secret, String> {
    match read(path)? {
        Some(key) => Ok(key),
        None => new().map_err(|error| unmade(path, &error)),
    }
}

/// Why there is no key, and what to do. The key lies beside the database, so whoever reads this may mean to change that.
fn unmade(path: &Path, error: &io::Error) -> String {
    let (key, folder) = (path.display(), folder(path).display());
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!("the folder {folder} of the secret key {key} does not exist; make it, or change database.url")
        }
        _ => format!(
            "the secret key {key} cannot be made ({error}); let the user this runs as write to the folder {folder}, \
             or set secret_key and change database.url"
        ),
    }
}

/// The key, if the file is there.
fn read(path: &Path) -> Result<Option<Secret>, String> {
    let complaint = |why: &dyn std::fmt::Display| format!("the secret key {}: {why}", path.display());
    let text = match fs::read_to_string(path) {
        Ok(text) => Secret::from(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(complaint(&format_args!("it cannot be read ({error}); let the user this runs as read it"))),
    };
    let key = Secret::from(text.expose().trim());
    MasterKey::new(&key).map_err(|why| complaint(&why))?;
    let mode = fs::metadata(path).map_err(|error| complaint(&error))?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(file = %path.display(), "other users of this machine can read the secret key: chmod 600 is missing");
    }
    Ok(Some(key))
}

/// Puts a new key at `path`, unless another process was quicker.
fn make(path: &Path) -> io::Result<()> {
    let (key, name) = (new()?, hex::encode(random::<8>()?));
    let draft = Draft::beside(path, &name)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft.0)?;
    writeln!(file, "{}", key.expose())?;
    file.sync_all()?;
    match fs::hard_link(&draft.0, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(path),
    }
}

/// A key that nobody has.
fn new() -> io::Result<Secret> {
    Ok(Secret::from(hex::encode(random::<32>()?)))
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    Entropy::System.bytes::<N>().map_err(|_| io::Error::other("the operating system gave no randomness"))
}

/// Makes the new name itself survive a power cut.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A temporary file's name, which is gone when this is dropped.
struct Draft(PathBuf);

impl Draft {
    fn beside(path: &Path, unique: &str) -> io::Result<Self> {
        let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a file's name"))?;
        let name = format!(".{}.{unique}.tmp", name.to_string_lossy());
        Ok(Self(folder(path).join(name)))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn sixteen_processes_that_start_at_once_agree_on_one_key() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("secret.key");
            let start = Barrier::new(16);
            let keys: Vec<Secret> = thread::scope(|scope| {
                let make = || {
                    start.wait();
                    make_or_read(&path).unwrap()
                };
                let threads: Vec<_> = (0..16).map(|_| scope.spawn(make)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
            assert_eq!(keys[0].expose().len(), 64);
            let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(left, ["secret.key"]);
        }
    }

    #[test]
    fn t80_the_file_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        make_or_read(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_that_is_there_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        fs::write(&path, "  0123456789abcdef0123456789abcdef\n").unwrap();
        assert_eq!(make_or_read(&path).unwrap().expose(), "0123456789abcdef0123456789abcdef");
    }

    #[test]
    fn an_unusable_file_is_refused_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        fs::write(&path, "short-key").unwrap();
        let complaint = make_or_read(&path).unwrap_err();
        assert!(complaint.contains("secret.key") && !complaint.contains("short-key"), "{complaint}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "short-key");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let complaint = make_or_read(&folder.path().join("missing/secret.key")).unwrap_err();
        assert!(complaint.contains("missing/secret.key"), "{complaint}");
    }
}
