//! The tutorial, done from its first line to its last as a reader would.
//!
//! `toml` goes into `vestibule.toml` (with `later` behind it, it does not); `jinja` with a path is that file; `vestibule serve` starts the
//! server, again if one runs; other commands answer what stands below them; `text` is what the server's terminal shows. The reader
//! sets variables of the shell where the page says so: they come from the answers and the mails.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use toml::Table;

use super::page::{Block, pages};
use super::settings::merge;
use super::shell::{fits, steps};
use crate::place::Place;
use crate::server::Server;

pub(super) const PAGE: &str = "docs/tutorial.md";

/// Members of answers that readers keep, and the variables that they keep them in.
const KEPT: [(&str, &str); 3] = [("key", "KEY"), ("access", "ACCESS"), ("refresh", "REFRESH")];

/// How long a mail may take.
const PATIENCE: Duration = Duration::from_secs(20);

struct Reader {
    place: Place,
    settings: Table,
    server: Option<Server>,
    variables: BTreeMap<String, String>,
}

impl Reader {
    fn do_as_it_says(&mut self, block: &Block) {
        match (block.language(), block.info.split_once([',', ' ']).map_or("", |(_, rest)| rest)) {
            ("toml", "later") => {}
            ("toml", _) => self.set(block),
            ("jinja", path) => {
                let file = self.place.folder.path().join(path);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, &block.text).unwrap();
            }
            ("text", _) => self.look(block),
            ("sh" | "console", _) => self.run(block),
            (other, _) => panic!("{}: what is a reader to do with {other}?", block.place()),
        }
    }

    fn set(&mut self, block: &Block) {
        merge(&mut self.settings, block.text.parse().unwrap());
        fs::write(self.place.folder.path().join("vestibule.toml"), self.settings.to_string()).unwrap();
    }

    fn run(&mut self, block: &Block) {
        for step in steps(block) {
            if step.command.trim() == "vestibule serve" {
                // The one before must be gone: it holds the database.
                drop(self.server.take());
                self.server = Some(self.place.serve());
                continue;
            }
            let said = self.said(&step.command);
            let place = block.place();
            assert!(!step.expected.is_empty(), "{place}: {} answers {said}", step.command);
            step.expected.iter().for_each(|expected| assert!(fits(expected, &said), "{place}: {expected} is {said}"));
            self.keep(&said);
        }
    }

    fn said(&self, command: &str) -> String {
        let server = format!("http://{}", self.server.as_ref().unwrap().address());
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", command]).current_dir(self.place.folder.path()).env_clear();
        bash.env("PATH", std::env::var("PATH").unwrap_or_default()).env("SERVER", server).envs(&self.variables);
        let done = bash.output().unwrap();
        assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    fn keep(&mut self, said: &str) {
        let Ok(answer) = serde_json::from_str::<Value>(said) else { return };
        for (member, variable) in KEPT {
            if let Some(text) = answer[member].as_str() {
                self.variables.insert(variable.to_owned(), text.to_owned());
            }
        }
    }

    /// Waits until the terminal shows every line, and keeps what the link among them carries.
    fn look(&mut self, block: &Block) {
        let server = self.server.as_ref().unwrap();
        let began = Instant::now();
        let lacks = |log: &str| block.text.lines().find(|line| !log.lines().any(|shown| shows(shown, line))).map(str::to_owned);
        while let Some(line) = lacks(&server.log()) {
            assert!(began.elapsed() < PATIENCE, "{}: {line:?} is not in {}", block.place(), server.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = server.log();
        // The one that the page shows: below it a mail may have others.
        let Some(expected) = block.text.lines().rfind(|line| line.contains('/') && !line.contains(' ')) else { return };
        let Some(link) = log.lines().rfind(|shown| shows(shown, expected)).map(str::trim) else { return };
        self.variables.insert("LINK".to_owned(), self.here(link));
        for (member, variable) in [("uid=", "RESET_UID"), ("token=", "RESET_TOKEN")] {
            if let Some((_, behind)) = link.split_once(member) {
                let value = behind.split('&').next().unwrap_or_default();
                self.variables.insert(variable.to_owned(), value.to_owned());
            }
        }
    }

    /// The link with the port that the server of the test happens to have.
    fn here(&self, link: &str) -> String {
        let address = self.server.as_ref().unwrap().address();
        match link.split_once("/auth/") {
            Some((_, path)) => format!("http://{address}/auth/{path}"),
            None => link.to_owned(),
        }
    }
}

/// Whether a line of the terminal is as the page shows it; `…` stands for what differs each time.
fn shows(shown: &str, expected: &str) -> bool {
    let mut rest = shown.trim();
    for part in expected.trim().split('…') {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

#[test]
fn the_tutorial_leads_where_it_says() {
    let pages = pages();
    let page = pages.iter().find(|page| page.path == PAGE).unwrap();
    assert!(page.blocks.len() > 20, "it shrank");
    let mut reader = Reader { place: Place::sqlite(), settings: Table::new(), server: None, variables: BTreeMap::new() };
    page.blocks.iter().for_each(|block| reader.do_as_it_says(block));
}
