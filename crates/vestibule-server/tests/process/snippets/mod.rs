//! Every snippet of the documentation is compiled, read or run, so that none of them is a promise.
//!
//! - `rust` is compiled with the library's doctests; `crates/vestibule/src/documentation.rs` lists the pages.
//! - `toml` is a settings file that `vestibule check` accepts, by itself or on top of the page's first one.
//! - `sh` and `console` are run by bash beside a server, page by page and from top to bottom, in a folder of their own; a line
//!   `# {…}` below a command is what it answers, and `…` stands for what differs each time.
//! - `python` and `js` are quoted line by line from a program in `examples/`, which has tests of its own.
//! - `json` is JSON. `jinja` is the template of the settings above it. `text` is a picture.
//!
//! What is left out stands in [`LEFT_OUT`] with its reason, and is printed by every run.

mod page;
mod settings;
mod shell;
mod tutorial;

use std::fs;

use vestibule::testing::races::say;

use page::{Block, Page, pages, root};

/// Blocks that are not tried: the page, how the block begins, and why.
const LEFT_OUT: &[(&str, &str, &str)] = &[
    ("README.md", "scripts/test", "this test is part of it"),
    ("bench/README.md", "scripts/measure bench  ", "measures for minutes; its parts are tested in the crate"),
    ("bench/README.md", "vestibule-bench seed", "needs release builds of two programs"),
    ("bench/README.md", "export VESTIBULE__SECRET_KEY", "needs release builds of two programs"),
    ("bench/README.md", "scripts/measure bench --only reads \\", "needs peers in other languages"),
    ("bench/README.md", "scripts/measure peer", "sets up a peer in another language and measures for minutes"),
];

/// Languages that are tried somewhere in here.
const TRIED: [&str; 8] = ["rust", "toml", "sh", "console", "json", "jinja", "python", "js"];

fn left_out(block: &Block) -> bool {
    LEFT_OUT.iter().any(|(page, begins, _)| block.page == *page && block.text.starts_with(begins))
}

/// The blocks of a language that are not left out.
fn of<'a>(page: &'a Page, language: &str) -> Vec<&'a Block> {
    page.blocks.iter().filter(|block| block.language() == language && !left_out(block)).collect()
}

#[test]
fn every_snippet_says_what_it_is_and_what_is_left_out_says_why() {
    let pages = pages();
    assert!(pages.iter().any(|page| page.path == "README.md") && pages.len() > 5, "where is the documentation?");
    for block in pages.iter().flat_map(|page| &page.blocks) {
        let language = block.language();
        assert!(
            TRIED.contains(&language) || language == "text" || left_out(block),
            "{}: a block of {language:?} is neither tried nor in LEFT_OUT of tests/process/snippets",
            block.place()
        );
        assert!(!block.info.contains("ignore"), "{}: write it so that it compiles", block.place());
    }
    for (path, begins, why) in LEFT_OUT {
        let found = pages.iter().flat_map(|page| &page.blocks).filter(|block| block.page == *path);
        assert!(found.filter(|block| block.text.starts_with(begins)).count() == 1, "{path}: no block begins with {begins:?}");
        say(&format!("not tried: {path}, {begins:?}: {why}"));
    }
}

#[test]
fn rust_in_the_documentation_is_compiled() {
    let list = fs::read_to_string(root().join("crates/vestibule/src/documentation.rs")).unwrap();
    for page in pages().iter().filter(|page| !of(page, "rust").is_empty()) {
        assert!(list.contains(&format!("{:?}", page.path)), "add {} to crates/vestibule/src/documentation.rs", page.path);
    }
}

#[test]
fn json_in_the_documentation_is_json() {
    for block in pages().iter().flat_map(|page| of(page, "json")) {
        let read = serde_json::from_str::<serde_json::Value>(&block.text);
        read.unwrap_or_else(|error| panic!("{}: {error}", block.place()));
    }
}

#[test]
fn other_languages_in_the_documentation_are_quoted_from_the_examples() {
    for block in pages().iter().flat_map(|page| [of(page, "python"), of(page, "js")].concat()) {
        let found = page::programs().into_iter().any(|program| block.is_quoted_from(&program));
        assert!(found, "{}: these lines do not stand so in any program in examples/", block.place());
    }
}

#[test]
fn settings_in_the_documentation_are_accepted() {
    let tried: usize = pages().iter().map(settings::accepted).sum();
    say(&format!("documentation: {tried} settings files are accepted"));
}

#[test]
fn commands_in_the_documentation_do_what_is_written_there() {
    // The tutorial starts its servers itself.
    let tried: usize = pages().iter().filter(|page| page.path != tutorial::PAGE).map(shell::run).sum();
    say(&format!("documentation: {tried} blocks of commands run"));
}
