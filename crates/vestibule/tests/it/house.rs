//! The house rules of `docs/ARCHITECTURE.md`, kept by looking at the source.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(&root).unwrap().to_path_buf(), text));
            }
        }
    }
    assert!(!found.is_empty(), "nothing in {folder}");
    found
}

/// The lines of a file's code, without its tests and comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let product = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    product.lines().filter(|line| !line.trim_start().starts_with("//"))
}

fn refuse(what: &str, offenders: Vec<String>) {
    assert!(offenders.is_empty(), "{what}:\n{}", offenders.join("\n"));
}

#[test]
fn the_floor_and_the_flows_know_no_axum() {
    let floor = sources("src/accounts").into_iter().map(|(path, text)| (Path::new("accounts").join(path), text));
    let flows = sources("src/features").into_iter().filter(|(path, _)| path.ends_with("flow.rs") || path.ends_with("store.rs"));
    let below = sources("src/ground").into_iter().chain(sources("src/forms")).chain(sources("src/db"));
    let offenders = floor
        .chain(flows)
        .chain(below)
        .filter(|(_, text)| code(text).any(|line| line.contains("axum") || line.contains("crate::http")));
    refuse("these know HTTP and should not", offenders.map(|(path, _)| path.display().to_string()).collect());
}

#[test]
fn no_room_imports_another() {
    let mut offenders = Vec::new();
    for (path, text) in sources("src/features") {
        let Some(room) = path.components().next().filter(|_| path.components().count() > 1) else { continue };
        let own = format!("crate::features::{}", room.as_os_str().to_string_lossy());
        offenders.extend(
            code(&text)
                .filter(|line| line.contains("crate::features::") && !line.contains(&own))
                .map(|line| format!("{}: {line}", path.display())),
        );
    }
    refuse("rooms stand on the floor, not on each other", offenders);
}

#[test]
fn what_is_below_does_not_look_up() {
    for (below, above) in [
        ("src/ground", &["crate::accounts", "crate::db", "crate::features", "crate::app"][..]),
        ("src/db", &["crate::accounts", "crate::features", "crate::app", "crate::forms"]),
        ("src/forms", &["crate::accounts", "crate::db", "crate::features", "crate::app"]),
        ("src/mail", &["axum", "crate::accounts", "crate::db", "crate::features", "crate::app", "crate::http", "crate::forms"]),
        ("src/accounts", &["crate::features", "crate::app"]),
        ("src/mail", &["crate::accounts", "crate::db", "crate::features", "crate::app", "crate::http"]),
    ] {
        let looks = |line: &str| above.iter().any(|name| line.contains(name));
        let offenders = sources(below).into_iter().filter(|(path, _)| !path.starts_with("tests") && !path.ends_with("tests.rs"));
        let offenders =
            offenders.filter(|(_, text)| code(text).any(looks)).map(|(path, _)| format!("{below}/{}", path.display()));
        refuse("arrows only go down", offenders.collect());
    }
}

#[test]
fn sql_stands_only_where_rows_are_kept() {
    let speaks = |line: &str| ["SELECT ", "INSERT INTO ", "UPDATE auth_", "DELETE FROM "].iter().any(|word| line.contains(word));
    let allowed = |path: &Path| {
        path.starts_with("accounts")
            || path.starts_with("jobs")
            || path.starts_with("db")
            || path.starts_with("testing")
            || path.ends_with("store.rs")
    };
    let offenders = sources("src").into_iter().filter(|(path, _)| !allowed(path));
    refuse(
        "SQL outside its rooms",
        offenders.filter(|(_, text)| code(text).any(speaks)).map(|(path, _)| path.display().to_string()).collect(),
    );
}

#[test]
fn a_session_opens_in_one_function() {
    let calls = |text: &str| code(text).filter(|line| line.contains("sessions::open(")).count();
    let callers: Vec<String> =
        sources("src").into_iter().filter(|(_, text)| calls(text) > 0).map(|(path, _)| path.display().to_string()).collect();
    assert_eq!(callers, ["accounts/login.rs"]);
}

#[test]
fn files_stay_small() {
    // Of every crate, tests and examples too.
    let long = sources("..").into_iter().chain(sources("../../examples")).filter(|(_, text)| text.lines().count() > 400);
    refuse(
        "rooms that want a wall (over 400 lines)",
        long.map(|(path, text)| format!("{} {}", path.display(), text.lines().count())).collect(),
    );
}
