//! What the rows of the threat checks still lack, and which work brings it. That work empties its rows here.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use Part::{Administration, Factors, Measure, Serving};

/// Which work brings what a row lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The server against a hostile world and a failing machine; the supply chain.
    Serving,
    /// Time, memory and length of runs, which no test asserts.
    Measure,
    /// Second factors and passkeys; not planned yet.
    Factors,
    /// Administration over HTTP; not planned yet.
    Administration,
}

/// The row, the part, and what is lacking until that part is there.
const PENDING: &[(u8, Part, &str)] = &[
    (1, Administration, "the invitation"),
    (2, Measure, "an overlong password is refused in under 50 ms: scripts/measure timing"),
    (3, Measure, "the similarity check ends in under 20 ms for the largest input: scripts/measure timing"),
    (8, Factors, "an account with a second factor"),
    (9, Measure, "TIMING of every pair: scripts/measure timing; an account that exists by a social login only"),
    (23, Factors, "reset leaves the second factor"),
    (26, Factors, "the completion of a second factor"),
    (27, Factors, "a login that is half done"),
    (29, Factors, "passkeys and pending second factors"),
    (35, Factors, "the token of a login that is half done"),
    (58, Factors, "no way around the second factor"),
    (59, Factors, "TOTP codes are used once"),
    (60, Factors, "guessing codes"),
    (61, Factors, "enrolment"),
    (62, Factors, "changes ask for recent authentication"),
    (63, Factors, "recovery codes"),
    (64, Factors, "passkeys"),
    (65, Factors, "the last factor"),
    (66, Measure, "a million unknown names grow the process by under 64 MiB: scripts/measure timing"),
    (74, Measure, "2,000 slow connections of each kind, and the p99 of logins meanwhile: scripts/measure crowd"),
    (77, Administration, "admin pages and CSV"),
    (80, Factors, "TOTP seeds, recovery codes, pending tokens"),
    (81, Factors, "factors added, removed, passed and failed"),
    (82, Administration, "every administrative endpoint; the command line is the only way so far"),
    (84, Measure, "a thousand logins for 30 s, and the p99 of reads meanwhile: scripts/measure crowd"),
    (85, Measure, "the loop at full length: scripts/measure faults"),
    (86, Measure, "ten minutes without a mail server: scripts/measure outage"),
    (90, Serving, "a backup with second factors and passkeys; transfer between databases"),
    (91, Serving, "advisories where their data can be fetched; two builds alike"),
];

const LAST: u8 = 91;

/// The rows that some test in the workspace names: `fn t71_t72_…` names two.
fn tested() -> BTreeSet<u8> {
    let mut rows = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                rows.extend(
                    text.lines()
                        .filter_map(|line| line.trim_start().trim_start_matches("async ").strip_prefix("fn "))
                        .flat_map(named),
                );
            }
        }
    }
    rows
}

/// The rows at the beginning of a test's name.
fn named(name: &str) -> Vec<u8> {
    let number = |part: &str| part.strip_prefix('t').filter(|digits| digits.len() == 2)?.parse().ok();
    name.split('_').map_while(number).collect()
}

#[test]
fn a_test_names_its_rows_at_the_beginning() {
    assert_eq!(named("t71_t72_invisible() {"), [71, 72]);
    assert_eq!(named("t08_a_limit_of_t09"), [8]);
    assert_eq!(named("the_t08"), [0_u8; 0]);
    assert_eq!(named("t8_x"), [0_u8; 0]);
    assert_eq!(named("text_t08"), [0_u8; 0]);
}

#[test]
fn every_row_is_tested_or_pending_and_the_table_is_printed() {
    let tested = tested();
    assert!(tested.iter().all(|row| (1..=LAST).contains(row)), "{tested:?}");
    assert!(PENDING.is_sorted_by_key(|(row, ..)| *row), "rows stand in order");
    for (at, (row, part, lacks)) in PENDING.iter().enumerate() {
        assert!((1..=LAST).contains(row) && lacks.trim().len() >= 5, "T{row:02}: {lacks:?}");
        assert!(!PENDING[..at].iter().any(|(other, by, _)| (other, by) == (row, part)), "T{row:02} {part:?} stands there twice");
    }
    let pending: BTreeSet<u8> = PENDING.iter().map(|(row, ..)| *row).collect();
    let nowhere: Vec<u8> = (1..=LAST).filter(|row| !tested.contains(row) && !pending.contains(row)).collect();
    assert!(nowhere.is_empty(), "neither tested nor pending: {nowhere:?}");

    let whole = tested.difference(&pending).count();
    let mut table = format!(
        "\npending threat checks: {whole} rows complete, {} in part, {} not yet\n",
        tested.len() - whole,
        pending.difference(&tested).count()
    );
    for (row, part, lacks) in PENDING {
        let state = if tested.contains(row) { "in part" } else { "not yet" };
        table += &format!("T{row:02}  {state}  {:<14}  {lacks}\n", format!("{part:?}"));
    }
    // Past the capture of the test harness: the table is to be seen also when all is well.
    std::io::stdout().lock().write_all(table.as_bytes()).unwrap();
}
