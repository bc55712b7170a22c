//! `toml`: settings that the program accepts, and fragments of a manifest.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use toml::{Table, Value};

use super::of;
use super::page::{Block, Page, root};

const SIGNING_KEY: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../vestibule/tests/data/keys/ec-pkcs8.pem"));

/// Files that snippets name, by the end of the name; what is in them.
const FILES: [(&str, &str); 6] = [
    ("smtp", "smtp://user:password@mail.example.org:587?tls=required"),
    ("database", "postgres://user:password@host/name"),
    ("key", "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92"),
    ("p8", SIGNING_KEY),
    ("pem", SIGNING_KEY),
    ("secret", "a-secret-of-some-length-0123456789"),
];

/// Tries the page's settings, and gives their number.
pub(super) fn accepted(page: &Page) -> usize {
    let blocks = of(page, "toml");
    let mut first: Option<Table> = None;
    for block in &blocks {
        let table: Table = block.text.parse().unwrap_or_else(|error| panic!("{}: {error}", block.place()));
        if table.contains_key("dependencies") {
            manifest(block, &table);
            continue;
        }
        let alone = check(page, block, table.clone());
        let together = first.clone().map(|mut base| {
            merge(&mut base, table.clone());
            check(page, block, base)
        });
        if let (Err(alone), Some(Err(_)) | None) = (alone, together) {
            panic!("{}: {alone}", block.place());
        }
        first.get_or_insert(table);
    }
    blocks.len()
}

/// A dependency on us names features that exist.
fn manifest(block: &Block, table: &Table) {
    let ours: Table = fs::read_to_string(root().join("crates/vestibule/Cargo.toml")).unwrap().parse().unwrap();
    let named = table["dependencies"].get("vestibule").and_then(|vestibule| vestibule.get("features"));
    for feature in named.and_then(Value::as_array).into_iter().flatten() {
        assert!(ours["features"].get(feature.as_str().unwrap()).is_some(), "{}: no feature {feature}", block.place());
    }
}

pub(super) fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => merge(old, new),
            (_, value) => drop(into.insert(key, value)),
        }
    }
}

/// What `vestibule check` says, in a folder that has what the settings name.
fn check(page: &Page, block: &Block, mut table: Table) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    table.iter_mut().for_each(|(key, value)| provide(key, value, folder.path(), template(page, block)));
    fs::write(folder.path().join("vestibule.toml"), table.to_string()).unwrap();
    // `check` reads the settings, `migrate` also opens what they name: templates, the way out of mails.
    let commands = if table.contains_key("database") { &["check"][..] } else { &["check", "migrate"] };
    for command in commands {
        let mut program = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        let done = program.arg(command).current_dir(folder.path()).env_clear().output().unwrap();
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into_owned());
        }
    }
    Ok(())
}

/// The template that follows the settings.
fn template<'a>(page: &'a Page, block: &Block) -> &'a str {
    let behind = page.blocks.iter().skip_while(|other| other.place() != block.place()).skip(1);
    let next = behind.take_while(|other| other.language() != "toml").find(|other| other.language() == "jinja");
    next.map_or("{\"to\": {{ to }}}", |block| &block.text)
}

/// Makes the files and folders that a setting names, and lets it name them.
fn provide(key: &str, value: &mut Value, folder: &Path, template: &str) {
    match value {
        Value::Table(table) => table.iter_mut().for_each(|(key, value)| provide(key, value, folder, template)),
        Value::Array(all) => all.iter_mut().for_each(|value| provide(key, value, folder, template)),
        Value::String(path) if key == "dir" => fs::create_dir_all(folder.join(path.trim_start_matches('/'))).unwrap(),
        Value::String(path) if key.ends_with("_file") || key == "body_template" => {
            let name = path.rsplit('/').next().unwrap().to_owned();
            let known = FILES.iter().find(|(end, _)| name.split('.').any(|part| part.ends_with(end)));
            let text = if key == "body_template" { template } else { known.map_or("", |(_, text)| text) };
            fs::write(folder.join(&name), text).unwrap();
            fs::set_permissions(folder.join(&name), fs::Permissions::from_mode(0o600)).unwrap();
            *path = folder.join(name).display().to_string();
        }
        _ => {}
    }
}
