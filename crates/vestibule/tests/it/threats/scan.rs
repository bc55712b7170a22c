//! SCAN of §0.4: looks for a secret, in every form in which it could have been kept, wherever the service keeps anything.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use vestibule::testing::TestApp;

use super::books::columns;
use super::journal::Journal;

/// Where the secret is: columns, files, the log.
pub(super) async fn find(app: &TestApp, journal: &Journal, secret: &str) -> Vec<String> {
    let mut places = kept(app, secret).await;
    if forms(secret.as_bytes()).iter().any(|form| contains(journal.text().as_bytes(), form)) {
        places.push("log".into());
    }
    places
}

/// Where the secret is kept: columns, files.
pub(crate) async fn kept(app: &TestApp, secret: &str) -> Vec<String> {
    let forms = forms(secret.as_bytes());
    let mut places = Vec::new();
    let mut look = |place: String, text: &[u8]| {
        if forms.iter().any(|form| contains(text, form)) && !places.contains(&place) {
            places.push(place);
        }
    };
    for (place, cell) in cells(app).await {
        look(place, &cell);
    }
    for (place, bytes) in files(app) {
        look(place, &bytes);
    }
    places
}

/// Raw, in small letters as names are folded, hexadecimal, base64, base64url; and where the secret is itself hexadecimal, the bytes that it stands for in each.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let folded = String::from_utf8_lossy(secret).to_lowercase().into_bytes();
    let inner = hex::decode(secret).ok().filter(|bytes| bytes.len() > 7);
    [Some(secret.to_vec()), Some(folded), inner]
        .into_iter()
        .flatten()
        .flat_map(|raw| {
            let hexadecimal = hex::encode(&raw);
            let texts = [hexadecimal.to_uppercase(), hexadecimal, STANDARD_NO_PAD.encode(&raw), URL_SAFE_NO_PAD.encode(&raw)];
            texts.map(String::into_bytes).into_iter().chain([raw]).collect::<Vec<_>>()
        })
        .collect()
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

/// The bytes of every column of every row.
async fn cells(app: &TestApp) -> Vec<(String, Vec<u8>)> {
    let shared = app.auth.db().is_shared();
    let each = columns(app).await.into_iter().map(|column| {
        let (table, name) = (&column.table, &column.name);
        let bytes = match (column.bytes, shared) {
            (true, _) => name.clone(),
            (false, false) => format!("CAST({name} AS BLOB)"),
            (false, true) => format!("convert_to(CAST({name} AS TEXT), 'UTF8')"),
        };
        format!("SELECT '{table}.{name}', {bytes} FROM {table} WHERE {name} IS NOT NULL")
    });
    let sql = each.collect::<Vec<_>>().join(" UNION ALL ").leak();
    app.auth.db().all(sql, &[]).await.unwrap()
}

/// Everything in the folder of the SQLite file: the file, its log, its shared memory.
fn files(app: &TestApp) -> Vec<(String, Vec<u8>)> {
    let Some(path) = app.url.strip_prefix("sqlite://") else { return Vec::new() };
    let folder = std::path::Path::new(path).parent().unwrap();
    let entries: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap()).collect();
    assert!(entries.len() >= 2, "the file and its log");
    let read =
        |entry: std::fs::DirEntry| (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).unwrap());
    entries.into_iter().map(read).collect()
}
