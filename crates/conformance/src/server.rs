//! The real server, as a process on a database of its own.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::wire::Request;

/// How long a server may take until it is ready.
const START: Duration = Duration::from_secs(20);

/// The key of every server and of the library beside it. It protects nothing: the database is gone after the replay.
const SECRET_KEY: &str = "conformance-key-of-32-characters-or-more";

/// A running server with its folder.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Everything it was set to.
    pub settings: Value,
    program: PathBuf,
    child: Child,
    folder: TempDir,
}

/// Why there is no server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoServer {
    /// The server refuses the settings because this version lacks what they ask for; the server's own sentences.
    NotOffered(String),
    /// Anything else, which is a fault of the set-up.
    Broken(String),
}

impl Server {
    /// Starts a server with these settings on a fresh SQLite file.
    ///
    /// # Errors
    /// [`NoServer`].
    pub fn start(program: &Path, settings: &Value) -> Result<Self, NoServer> {
        let broken = |error: std::io::Error| NoServer::Broken(format!("{}: {error}", program.display()));
        let folder = tempfile::Builder::new().prefix("conformance-").tempdir().map_err(broken)?;
        let mut settings = settings.clone();
        settings["secret_key"] = json!(SECRET_KEY);
        settings["database"]["url"] = json!(format!("sqlite://{}", folder.path().join("auth.db").display()));
        let address = free_port().map_err(broken)?;
        settings["server"]["listen"] = json!(address.to_string());
        settings["email"]["transport"] = json!("file");
        settings["email"]["file"]["dir"] = json!(folder.path().join("mail"));
        let child = spawn(program, &settings, folder.path()).map_err(broken)?;
        let mut server = Self { address, settings, program: program.to_owned(), child, folder };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Stops the server and starts it again on the same database: what it holds in memory alone is gone.
    ///
    /// # Errors
    /// When it does not come up again.
    pub fn restart(&mut self) -> Result<(), String> {
        self.stop();
        self.child = spawn(&self.program, &self.settings, self.folder.path()).map_err(|error| error.to_string())?;
        self.wait_until_ready().map_err(|why| match why {
            NoServer::NotOffered(why) | NoServer::Broken(why) => why,
        })
    }

    fn wait_until_ready(&mut self) -> Result<(), NoServer> {
        let ready = Request {
            method: "GET".into(),
            path: "/readyz".into(),
            headers: vec![("Host".into(), "localhost".into())],
            body: None,
        };
        let began = Instant::now();
        while began.elapsed() < START {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(refusal(&self.log(), &status.to_string()));
            }
            if ready.send(self.address).is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        Err(NoServer::Broken(format!("the server was not ready after {} s: {}", START.as_secs(), self.log())))
    }

    /// The folder that mails are written to.
    pub fn mail(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    /// What the server has written so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn stop(&mut self) {
        // It may have ended by itself; either way it is gone then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The settings that this version lacks are told as such; every problem must be one of those.
fn refusal(log: &str, status: &str) -> NoServer {
    let problems: Vec<&str> = log.lines().filter_map(|line| line.trim().strip_prefix("- ")).collect();
    let lacking = |problem: &&str| problem.contains("this version does not");
    if !problems.is_empty() && problems.iter().all(lacking) {
        return NoServer::NotOffered(problems.join(" "));
    }
    NoServer::Broken(format!("the server ended with {status}: {}", log.trim()))
}

fn free_port() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn spawn(program: &Path, settings: &Value, folder: &Path) -> std::io::Result<Child> {
    let log = File::options().create(true).append(true).open(folder.join("log"))?;
    let mut command = Command::new(program);
    command.arg("serve").current_dir(folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    // Nothing of ours must come from the environment of whoever runs this.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().to_uppercase().starts_with("VESTIBULE")) {
        command.env_remove(name);
    }
    command.envs(variables(settings)).spawn()
}

/// `VESTIBULE__SECTION__KEY` for each leaf; lists as JSON.
fn variables(settings: &Value) -> Vec<(String, String)> {
    let mut out = Vec::new();
    collect("VESTIBULE", settings, &mut out);
    out
}

fn collect(name: &str, value: &Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(key, value)| collect(&format!("{name}__{}", key.to_uppercase()), value, out));
        }
        Value::String(text) => out.push((name.to_owned(), text.clone())),
        other => out.push((name.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_become_variables() {
        let settings =
            json!({ "server": { "listen": "127.0.0.1:1" }, "account": { "login_methods": ["email"], "logout_on_get": true } });
        assert_eq!(
            variables(&settings),
            [
                ("VESTIBULE__SERVER__LISTEN".to_owned(), "127.0.0.1:1".to_owned()),
                ("VESTIBULE__ACCOUNT__LOGIN_METHODS".to_owned(), "[\"email\"]".to_owned()),
                ("VESTIBULE__ACCOUNT__LOGOUT_ON_GET".to_owned(), "true".to_owned()),
            ]
        );
    }

    #[test]
    fn only_what_this_version_lacks_counts_as_not_offered() {
        let lacking =
            "The settings have a problem:\n  - tokens.mode (X) is jwt, which this version does not have yet. Set it to opaque.";
        assert!(matches!(refusal(lacking, "exit status: 1"), NoServer::NotOffered(why) if why.starts_with("tokens.mode")));
        let wrong = format!("{lacking}\n  - server.listenn (Y) is not a setting. Remove it.");
        assert!(matches!(refusal(&wrong, "exit status: 1"), NoServer::Broken(_)));
        assert!(matches!(refusal("", "signal: 9"), NoServer::Broken(_)));
    }
}
