//! What was asked for and what was acknowledged, in a file: the only memory that a comparison after a crash may trust.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::people::Deed;

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
enum Line {
    Asked { number: usize, deed: Deed },
    Acknowledged { number: usize, key: Option<String> },
}

/// A deed, and whether it was acknowledged: then with the key that was given, if one was.
pub(crate) type Entry = (Deed, Option<Option<String>>);

/// A file of lines that are on the disk before the next request is sent.
pub(crate) struct Journal {
    path: PathBuf,
    file: Mutex<(File, usize)>,
}

impl Journal {
    /// An empty one.
    pub(crate) fn begin(path: &Path) -> Self {
        Self { path: path.to_owned(), file: Mutex::new((File::create(path).unwrap(), 0)) }
    }

    /// Notes a request before it is sent.
    pub(crate) fn asked(&self, deed: &Deed) -> usize {
        let mut file = self.file.lock().unwrap();
        let number = file.1;
        file.1 += 1;
        write(&mut file.0, &Line::Asked { number, deed: deed.clone() });
        number
    }

    /// Notes that it was answered with 2xx.
    pub(crate) fn acknowledged(&self, number: usize, key: Option<String>) {
        write(&mut self.file.lock().unwrap().0, &Line::Acknowledged { number, key });
    }

    /// Everything that is in the file, in the order of asking.
    pub(crate) fn read(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for line in BufReader::new(File::open(&self.path).unwrap()).lines() {
            match serde_json::from_str(&line.unwrap()).unwrap() {
                Line::Asked { number, deed } => {
                    assert_eq!(number, entries.len());
                    entries.push((deed, None));
                }
                Line::Acknowledged { number, key } => entries[number].1 = Some(key),
            }
        }
        entries
    }
}

fn write(file: &mut File, line: &Line) {
    writeln!(file, "{}", serde_json::to_string(line).unwrap()).unwrap();
    file.sync_data().unwrap();
}
