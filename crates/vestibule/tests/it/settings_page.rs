//! `docs/migration/settings.md`: every setting of the reference stands there, and every key of ours that it names exists.

use serde_json::Value;
use vestibule::Settings;

const PAGE: &str = include_str!("../../../../docs/migration/settings.md");

/// The names of the reference's settings, one to a line: `REST_AUTH`, `ACCOUNT_*`, its limits, its old names, Django's own for mail.
const NAMES: &str = include_str!("reference_settings.txt");

#[test]
fn every_setting_of_the_reference_has_its_line() {
    let told = |name: &str| PAGE.lines().any(|line| line.starts_with("| `") && line.contains(&format!("`{name}`")));
    let missing: Vec<&str> = NAMES.lines().filter(|name| !told(name)).collect();
    assert!(NAMES.lines().count() > 120 && missing.is_empty(), "{missing:?}");
}

#[test]
fn every_key_of_ours_that_the_page_names_exists() {
    let schema = Settings::schema();
    let mut seen = 0;
    for line in PAGE.lines().filter(|line| line.starts_with("| `")) {
        let ours = line.split('|').nth(2).unwrap();
        let keys = ours.split('`').skip(1).step_by(2).filter(|text| is_key(text));
        for key in keys {
            seen += 1;
            assert!(exists(&schema, key), "{key}: {line}");
        }
    }
    assert!(seen > 80, "{seen}");
}

fn is_key(text: &str) -> bool {
    text.contains('.') && text.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c == '.') && !text.starts_with('.')
}

fn exists(schema: &Value, key: &str) -> bool {
    let mut at = schema;
    for part in key.split('.') {
        at = &at["properties"][part];
    }
    !at.is_null()
}
