//! `sh` and `console`: commands, run as a reader would.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::of;
use super::page::{Block, Page};
use crate::cluster::Cluster;
use crate::place::Place;

/// What a reader puts there for himself.
const INSTEAD: &[(&str, &str)] = &[
    ("vestibule user create --username ada", "echo 'Tr1cky-pass-9x' | vestibule user create --password-stdin --username ada"),
    ("postgres://user:password@host/name", "$POSTGRES"),
    ("postgres://user@host/vestibule", "$POSTGRES"),
    ("http://127.0.0.1:8000", "$SERVER"),
    ("cargo run --release -- serve", "vestibule serve"),
    // In development there is something to say, and no mail waits.
    ("vestibule check --deploy", "vestibule check --deploy || test $? = 1"),
    ("vestibule mail queue requeue 17 18", "vestibule mail queue requeue 17 18 || test $? = 1"),
    ("vestibule mail queue drop 17", "vestibule mail queue drop 17 || test $? = 1"),
];

/// `vestibule`, but a server is asked to stop as soon as it listens, and must then end well.
const PROGRAM: &str = r#"#!/bin/sh
[ "$1" = serve ] || exec "$VESTIBULE" "$@"
export VESTIBULE__SERVER__LISTEN="${VESTIBULE__SERVER__LISTEN:-127.0.0.1:0}"
"$VESTIBULE" "$@" >served.log 2>&1 &
for _ in $(seq 300); do
  grep -q 'listens on' served.log && break
  sleep 0.1
done
kill "$!"
wait "$!" || { cat served.log >&2; exit 1; }
"#;

/// Runs the page's commands, and gives the number of their blocks.
pub(super) fn run(page: &Page) -> usize {
    let mut blocks = of(page, "sh");
    blocks.extend(of(page, "console"));
    blocks.sort_by_key(|block| page.blocks.iter().position(|other| std::ptr::eq(other, *block)));
    if blocks.is_empty() {
        return 0;
    }
    let steps: Vec<(&Block, Vec<Step>)> = blocks.iter().map(|block| (*block, steps(block))).collect();
    let script: String =
        steps.iter().flat_map(|(_, steps)| steps).enumerate().map(|(number, step)| step.script(number)).collect();
    let place = Place::sqlite();
    let cluster = script.contains("$POSTGRES").then(Cluster::start);
    let server = place.serve();
    let shell = Shell::new(place, server.address().to_string(), cluster.as_ref().map(Cluster::url).unwrap_or_default());
    let done = shell.run(&script);
    let mut all = steps.iter().flat_map(|(block, steps)| steps.iter().map(move |step| (block, step))).enumerate();
    for (number, (block, step)) in &mut all {
        let Ok(said) = fs::read_to_string(shell.answers.path().join(number.to_string())) else { continue };
        let last = !shell.answers.path().join((number + 1).to_string()).exists();
        let fine = !last || done.status.success();
        assert!(fine, "{}: {}\n{said}{}", block.place(), step.command, String::from_utf8_lossy(&done.stderr));
        step.expected.iter().for_each(|expected| assert!(fits(expected, &said), "{}: {expected} is {said}", block.place()));
    }
    assert!(done.status.success(), "{}: {}", page.path, String::from_utf8_lossy(&done.stderr));
    blocks.len()
}

/// A command, and what the page says that it answers.
pub(super) struct Step {
    pub(super) command: String,
    pub(super) expected: Vec<String>,
}

impl Step {
    /// In braces, so that what it sets is there for the next.
    fn script(&self, number: usize) -> String {
        format!("{{\n{}}} >\"$ANSWERS/{number}\"\n", self.command)
    }
}

pub(super) fn steps(block: &Block) -> Vec<Step> {
    let console = block.language() == "console";
    let (mut steps, mut command) = (Vec::<Step>::new(), String::new());
    for line in block.text.lines() {
        let typed = if console { line.strip_prefix("$ ") } else { Some(line).filter(|line| !line.starts_with("# {")) };
        match (typed, steps.last_mut()) {
            (Some(line), _) => {
                let line = INSTEAD.iter().fold(line.to_owned(), |line, (from, to)| line.replace(from, to));
                command = format!("{command}{line}\n");
            }
            (None, Some(step)) if command.trim().is_empty() => step.expected.push(line.trim_start_matches("# ").to_owned()),
            (None, _) => {}
        }
        if !command.trim().is_empty() && is_whole(&command) {
            steps.push(Step { command: std::mem::take(&mut command), expected: Vec::new() });
        }
    }
    assert!(is_comment(&command), "{}: bash cannot read {command}", block.place());
    steps
}

/// Whether it needs no further line.
fn is_whole(command: &str) -> bool {
    let text = command.trim_end();
    if text.ends_with('\\') || is_comment(text) {
        return false;
    }
    let read = Command::new("bash").args(["-n", "-c", command]).output().unwrap();
    // A text that has no end yet is a warning only.
    read.status.success() && read.stderr.is_empty()
}

fn is_comment(text: &str) -> bool {
    text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

/// An answer as the page shows it: as JSON, where `…` ends what counts of a text; else a part of what was said.
pub(super) fn fits(expected: &str, said: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    match (read(expected), read(said)) {
        (Some(expected), Some(said)) => alike(&expected, &said),
        _ => expected.split('…').all(|part| said.contains(part.trim())),
    }
}

fn alike(expected: &Value, said: &Value) -> bool {
    match (expected, said) {
        (Value::Object(expected), Value::Object(said)) => {
            let holds = |(key, value)| said.get(key).is_some_and(|said| alike(value, said));
            expected.len() == said.len() && expected.iter().all(holds)
        }
        (Value::String(expected), Value::String(_)) if expected.contains('…') => true,
        _ => expected == said,
    }
}

/// Where the commands are run.
struct Shell {
    place: Place,
    answers: TempDir,
    server: String,
    postgres: String,
}

impl Shell {
    fn new(place: Place, address: String, postgres: String) -> Self {
        let answers = tempfile::tempdir().unwrap();
        executable(&answers.path().join("vestibule"), PROGRAM);
        Self { place, answers, server: format!("http://{address}"), postgres }
    }

    fn run(&self, script: &str) -> Output {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", script]).current_dir(self.place.folder.path()).env_clear().stdin(Stdio::null());
        bash.env("PATH", format!("{}:{path}", self.answers.path().display())).env("ANSWERS", self.answers.path());
        bash.env("VESTIBULE", env!("CARGO_BIN_EXE_vestibule")).env("SERVER", &self.server).env("POSTGRES", &self.postgres);
        bash.output().unwrap()
    }
}

fn executable(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn an_answer_fits_what_the_page_shows_of_it() {
    assert!(fits(r#"{"key":"51b0…"}"#, r#"{"key":"abc"}"#) && !fits(r#"{"key":"51b0…"}"#, r#"{"detail":"abc"}"#));
    assert!(fits(r#"{"a":1,"b":"x"}"#, "{\"b\": \"x\", \"a\": 1}\n") && !fits(r#"{"a":1}"#, r#"{"a":2}"#));
    assert!(fits("ready in … ms", "it is ready in 7 ms\n") && !fits("ready", "no"));
}
