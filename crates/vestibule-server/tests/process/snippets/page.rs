//! The pages and their blocks.

use std::fs;
use std::path::{Path, PathBuf};

/// A page of the documentation.
pub(super) struct Page {
    /// From the root of the repository.
    pub(super) path: String,
    pub(super) blocks: Vec<Block>,
}

/// What stands between two fences.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) page: String,
    line: usize,
    pub(super) info: String,
    pub(super) text: String,
}

impl Block {
    pub(super) fn language(&self) -> &str {
        self.info.split([',', ' ']).next().unwrap_or_default()
    }

    /// Whether its lines stand in a program, in this order.
    pub(super) fn is_quoted_from(&self, program: &str) -> bool {
        let mut lines = program.lines().map(str::trim);
        self.text.lines().map(str::trim).all(|line| line.is_empty() || lines.any(|other| other == line))
    }

    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }
}

/// The root of the repository.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Every page that somebody may read, in a fixed order.
pub(super) fn pages() -> Vec<Page> {
    let root = root();
    let page = |path: &PathBuf| {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        Page { blocks: blocks(&name, &fs::read_to_string(path).unwrap()), path: name }
    };
    files(&root, &["md"]).iter().map(page).collect()
}

/// The texts of the examples' programs in other languages.
pub(super) fn programs() -> Vec<String> {
    files(&root().join("examples"), &["py", "js", "mjs"]).iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// The files below a folder that end so, in a fixed order; not those that were built or fetched.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && !["target", "data", "node_modules"].contains(&name.as_str()) {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn blocks(page: &str, text: &str) -> Vec<Block> {
    let (mut blocks, mut lines) = (Vec::new(), text.lines().enumerate());
    while let Some((number, line)) = lines.next() {
        let inner = line.trim_start();
        let fence: String = inner.chars().take_while(|c| *c == '`').collect();
        if fence.len() < 3 {
            continue;
        }
        let (indent, info) = (line.len() - inner.len(), inner[fence.len()..].trim().to_owned());
        let body = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != fence);
        let text = body.map(|line| format!("{}\n", line.get(indent..).unwrap_or_default())).collect();
        blocks.push(Block { page: page.to_owned(), line: number + 1, info, text });
    }
    blocks
}

#[test]
fn blocks_are_found_with_their_language_also_in_lists() {
    let found = blocks("a.md", "x\n```sh\na\n\nb\n```\n- y\n  ```toml,z\n  k = 1\n  ```\n````text\n```\n````\n");
    let seen: Vec<_> = found.iter().map(|block| (block.language(), block.text.as_str(), block.place())).collect();
    let expected = [("sh", "a\n\nb\n", "a.md:2"), ("toml", "k = 1\n", "a.md:8"), ("text", "```\n", "a.md:11")];
    assert_eq!(seen, expected.map(|(language, text, place)| (language, text, place.to_owned())));
}
