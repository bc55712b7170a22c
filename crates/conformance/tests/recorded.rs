//! The recorded exchanges against the server of this workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::replay;
use conformance::report::{self, Outcome, Verdict};
use serde_json::Value;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data");

/// What an exchange may be about that this version does not offer: second factors.
const NOT_OFFERED: [&str; 1] = ["MFA: "];

/// Every deviation with what is answered instead. A rule may explain more than it should, so each line was looked at:
/// `UPDATE=1 cargo test -p conformance --test recorded` writes them anew.
const DEVIATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deviations.txt");

/// Builds the server as this test was built, and says where it is: cargo alone knows the folder.
fn server() -> Result<PathBuf, String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--package", "vestibule-server", "--message-format=json-render-diagnostics"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().map_err(|error| error.to_string())?;
    if !built.status.success() {
        return Err(String::from_utf8_lossy(&built.stderr).into_owned());
    }
    let messages = String::from_utf8_lossy(&built.stdout).into_owned();
    let program = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        (message["target"]["name"] == "vestibule").then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    program.ok_or_else(|| "cargo does not say where the server is".into())
}

fn told(outcomes: &[Outcome], verdict: Verdict) -> Vec<String> {
    let those = outcomes.iter().filter(|outcome| outcome.verdict == verdict);
    those.map(|outcome| format!("{} {} {}: {}", outcome.variant, outcome.seq, outcome.name, outcome.detail)).collect()
}

#[test]
fn every_recorded_exchange_is_matched_deviates_by_a_rule_or_is_about_what_is_not_there_yet() {
    let outcomes = replay::all(&[Path::new(DATA)], &server().unwrap()).unwrap();
    assert_eq!(outcomes.len(), 902);
    let failing = told(&outcomes, Verdict::Failing);
    assert!(failing.is_empty(), "{}", failing.join("\n"));
    assert!(outcomes.iter().all(|outcome| (outcome.verdict == Verdict::Deviating) == outcome.rule.is_some()));
    let not_offered = told(&outcomes, Verdict::NotOffered);
    let other: Vec<&String> = not_offered.iter().filter(|what| !NOT_OFFERED.iter().any(|known| what.contains(known))).collect();
    assert!(other.is_empty(), "{other:?}");
    let deviations = report::deviations(&outcomes);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(DEVIATIONS, &deviations).unwrap();
    }
    let known = std::fs::read_to_string(DEVIATIONS).unwrap();
    let new: Vec<&str> = deviations.lines().filter(|line| !known.lines().any(|other| other == *line)).collect();
    let gone: Vec<&str> = known.lines().filter(|line| !deviations.lines().any(|other| other == *line)).collect();
    assert!(new.is_empty() && gone.is_empty(), "new:\n{}\ngone:\n{}", new.join("\n"), gone.join("\n"));
}

#[test]
fn a_wrong_answer_is_not_explained_away() {
    let folder = tempfile::tempdir().unwrap();
    let recorded = serde_json::json!([{
        "seq": 1, "kind": "http", "name": "one that no server gives", "method": "POST", "path": "/dj-rest-auth/login/",
        "request_headers": { "Content-Type": "application/json" }, "request_body": "{}",
        "status": 400, "response_headers": { "content-type": "application/json" }, "response_body": "{\"password\":[\"Please.\"]}",
    }]);
    std::fs::write(folder.path().join("custom-token-none.json"), recorded.to_string()).unwrap();
    let outcomes = replay::all(&[folder.path()], &server().unwrap()).unwrap();
    assert_eq!(told(&outcomes, Verdict::Failing).len(), 1, "{outcomes:?}");
}
