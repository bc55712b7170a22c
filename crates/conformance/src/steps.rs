//! The recorded steps: what was sent to the reference and what it answered, and what was done behind its back.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value};

/// One directory of transcripts.
#[derive(Clone, Debug)]
pub struct Directory {
    /// As it was named on the command line.
    pub name: String,
    /// The steps of each variant.
    pub variants: BTreeMap<String, Vec<Step>>,
}

/// One step of a variant.
#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    /// Its place in the variant.
    pub seq: u64,
    /// What it is.
    #[serde(flatten)]
    pub kind: Kind,
}

/// What a step is.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Kind {
    /// A request and the recorded answer.
    Http(Box<Exchange>),
    /// Something done in the database.
    Fixture(Fixture),
}

/// A request and the reference's answer.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Exchange {
    /// What the recording calls it.
    #[serde(default)]
    pub name: String,
    /// The request's method.
    pub method: String,
    /// The request's path and query; may hold placeholders.
    pub path: String,
    /// The request's headers.
    #[serde(default)]
    pub request_headers: Map<String, Value>,
    /// The request's body as text.
    pub request_body: Option<String>,
    /// The request's body where it is no text.
    pub request_body_base64: Option<String>,
    /// The recorded status.
    pub status: u16,
    /// The recorded headers; `set-cookie` is a list.
    #[serde(default)]
    pub response_headers: Map<String, Value>,
    /// The recorded body.
    pub response_body: Option<String>,
    /// What stands for the body of a page.
    pub response_html_summary: Option<Value>,
    /// The mails that the exchange sent.
    #[serde(default)]
    pub emails_sent: Vec<Value>,
    /// Set where the reference crashed.
    pub server_exception: Option<Value>,
    /// The placeholders that the answer shows for the first time.
    #[serde(default)]
    pub defines: Vec<String>,
}

/// Something done in the reference's database.
#[derive(Clone, Debug, Deserialize)]
pub struct Fixture {
    /// What is done.
    pub op: String,
    /// To whom and how.
    #[serde(default)]
    pub args: Value,
    /// What came of it.
    #[serde(default)]
    pub result: Value,
}

impl Exchange {
    /// The body to send, before placeholders are filled in. A body of bytes has none.
    ///
    /// # Errors
    /// When the recorded base64 is none.
    pub fn sent(&self) -> Result<Option<Sent>, String> {
        match (&self.request_body, &self.request_body_base64) {
            (Some(text), _) => Ok(Some(Sent::Text(text.clone()))),
            (None, Some(text)) => STANDARD.decode(text).map(|bytes| Some(Sent::Bytes(bytes))).map_err(|error| error.to_string()),
            (None, None) => Ok(None),
        }
    }

    /// To whom mails went, one entry a mail, in order of the alphabet.
    pub fn recipients(&self) -> Vec<String> {
        let lists = self.emails_sent.iter().filter_map(|mail| mail.get("to")?.as_array());
        let mut all: Vec<String> = lists.flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        all.sort();
        all
    }

    /// A recorded header that occurs once.
    pub fn recorded_header(&self, name: &str) -> Option<&str> {
        self.response_headers.get(name).and_then(Value::as_str)
    }

    /// A header of the request, whatever its case.
    pub fn request_header(&self, name: &str) -> Option<&str> {
        self.request_headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).and_then(|(_, value)| value.as_str())
    }
}

/// A body to send.
#[derive(Clone, Debug)]
pub enum Sent {
    /// Text, perhaps with placeholders.
    Text(String),
    /// Bytes as they are.
    Bytes(Vec<u8>),
}

/// Reads a directory: the transcripts are its `*.json` files, or those of its folder `transcripts`.
///
/// # Errors
/// A sentence that names the file and what is wrong with it.
pub fn read(path: &Path) -> Result<Directory, String> {
    let inner = path.join("transcripts");
    let folder = if inner.is_dir() { inner } else { path.to_owned() };
    let mut variants = BTreeMap::new();
    for file in json_files(&folder)? {
        let variant = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if variant == "variants" {
            continue;
        }
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let steps: Vec<Step> = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        variants.insert(variant, steps);
    }
    if variants.is_empty() {
        return Err(format!("{}: has no transcripts", folder.display()));
    }
    Ok(Directory { name: path.display().to_string(), variants })
}

fn json_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let complaint = |error: std::io::Error| format!("{}: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(complaint)?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.map_err(complaint)?.path();
        if file.extension().is_some_and(|extension| extension == "json") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// The steps of one variant in all directories, in the order of `seq`, each with the number of its directory. A fixture that
/// several directories have is done once.
pub fn merge(directories: &[Directory], variant: &str) -> Vec<(usize, Step)> {
    let mut all: Vec<(usize, Step)> = Vec::new();
    for (number, directory) in directories.iter().enumerate() {
        let steps = directory.variants.get(variant).into_iter().flatten();
        all.extend(steps.map(|step| (number, step.clone())));
    }
    all.sort_by_key(|(number, step)| (step.seq, *number));
    all.dedup_by(|(_, later), (_, first)| {
        later.seq == first.seq && matches!((&later.kind, &first.kind), (Kind::Fixture(a), Kind::Fixture(b)) if a.op == b.op)
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str, steps: &str) -> Directory {
        Directory { name: name.into(), variants: BTreeMap::from([("v".into(), serde_json::from_str(steps).unwrap())]) }
    }

    #[test]
    fn directories_are_merged_in_the_order_of_seq_and_a_shared_fixture_is_done_once() {
        let fixture = r#"{"seq": 2, "kind": "fixture", "op": "clear_cache", "args": {}, "result": {}}"#;
        let http = |seq| format!(r#"{{"seq": {seq}, "kind": "http", "method": "GET", "path": "/", "status": 200}}"#);
        let first = directory("a", &format!("[{}, {fixture}, {}]", http(1), http(5)));
        let second = directory("b", &format!("[{fixture}, {}]", http(3)));
        let merged = merge(&[first, second], "v");
        assert_eq!(merged.iter().map(|(number, step)| (*number, step.seq)).collect::<Vec<_>>(), [(0, 1), (0, 2), (1, 3), (0, 5)]);
    }
}
