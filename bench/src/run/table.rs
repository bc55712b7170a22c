//! The one table that a run prints.

use std::fmt::Write;

/// A line about reads.
pub(super) struct Row {
    /// What was asked for.
    pub(super) what: &'static str,
    /// Of whom.
    pub(super) name: String,
    /// Answers a second.
    pub(super) rate: f64,
    /// Median latency in milliseconds.
    pub(super) p50: f64,
    /// The latency that 99 % did not exceed, in milliseconds.
    pub(super) p99: f64,
    /// Processor time of the server for each request, in microseconds.
    pub(super) cpu: Option<f64>,
    /// The same of PostgreSQL.
    pub(super) database_cpu: Option<f64>,
}

/// One number, and what it ought to be.
struct Figure {
    what: String,
    value: String,
    wanted: Option<(String, bool)>,
}

/// Everything that was measured.
#[derive(Default)]
pub(super) struct Report {
    /// The reads.
    pub(super) rows: Vec<Row>,
    figures: Vec<Figure>,
}

impl Report {
    /// Adds a number that nothing is asked of.
    pub(super) fn figure(&mut self, what: impl Into<String>, value: impl Into<String>) {
        self.figures.push(Figure { what: what.into(), value: value.into(), wanted: None });
    }

    /// Adds a number with the target that it reaches or not.
    pub(super) fn judged(&mut self, what: impl Into<String>, value: impl Into<String>, wanted: impl Into<String>, reached: bool) {
        self.figures.push(Figure { what: what.into(), value: value.into(), wanted: Some((wanted.into(), reached)) });
    }

    /// The table.
    pub(super) fn text(&self) -> String {
        let mut cells = Vec::new();
        if !self.rows.is_empty() {
            cells.push(HEAD.map(str::to_owned).to_vec());
            cells.extend(self.rows.iter().map(|row| self.cells(row)));
        }
        let mut out = aligned(&cells);
        if !self.figures.is_empty() {
            let head = vec!["what".to_owned(), "measured".to_owned(), "target".to_owned(), String::new()];
            let lines = self.figures.iter().map(Figure::cells);
            let _ = write!(out, "\n{}", aligned(&std::iter::once(head).chain(lines).collect::<Vec<_>>()));
        }
        out
    }

    fn cells(&self, row: &Row) -> Vec<String> {
        let bare = self.rows.iter().find(|other| other.what == row.what && other.name == "bare axum");
        let micros = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
        let times = row.cpu.zip(bare.and_then(|bare| bare.cpu)).map(|(mine, bare)| format!("{:.2}", mine / bare));
        vec![
            row.what.to_owned(),
            row.name.clone(),
            format!("{:.0}", row.rate),
            bare.map_or_else(|| "-".to_owned(), |bare| format!("{:.1} %", 100.0 * row.rate / bare.rate)),
            format!("{:.2}", row.p50),
            format!("{:.2}", row.p99),
            micros(row.cpu),
            times.unwrap_or_else(|| "-".to_owned()),
            micros(row.database_cpu),
        ]
    }
}

const HEAD: [&str; 9] = ["request", "server", "req/s", "of bare", "p50 ms", "p99 ms", "CPU us", "x bare", "db CPU us"];

impl Figure {
    fn cells(&self) -> Vec<String> {
        let (wanted, verdict) = match &self.wanted {
            Some((wanted, reached)) => (wanted.clone(), if *reached { "reached" } else { "MISSED" }),
            None => (String::new(), ""),
        };
        vec![self.what.clone(), self.value.clone(), wanted, verdict.to_owned()]
    }
}

/// The number in the middle.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match (values.get(half), values.len() % 2) {
        (Some(value), 1) => *value,
        (Some(value), _) => (value + values.get(half - 1).copied().unwrap_or(*value)) / 2.0,
        (None, _) => 0.0,
    }
}

/// Columns as wide as their widest cell, in the manner of Markdown.
fn aligned(lines: &[Vec<String>]) -> String {
    let Some(first) = lines.first() else { return String::new() };
    let width = |at: usize| lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..first.len()).map(width).collect();
    let mut out = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(out, "| {cell:<width$} ");
        }
        out.push_str("|\n");
        if number == 0 {
            widths.iter().for_each(|width| out.push_str(&format!("|{:-<1$}", "", width + 2)));
            out.push_str("|\n");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_two() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median([]), 0.0);
    }

    #[test]
    fn ratios_are_to_the_bare_answer_of_the_same_request() {
        let row = |what, name: &str, rate, cpu| Row {
            what,
            name: name.to_owned(),
            rate,
            p50: 1.0,
            p99: 2.0,
            cpu: Some(cpu),
            database_cpu: None,
        };
        let rows = vec![
            row("a", "bare axum", 100.0, 8.0),
            row("a", "ours", 60.0, 12.0),
            row("b", "bare axum", 50.0, 10.0),
            row("b", "ours", 40.0, 20.0),
        ];
        let mut report = Report { rows, ..Report::default() };
        report.judged("logins", "90", "at least 80", true);
        let text = report.text();
        let line = |number: usize| text.lines().nth(number).unwrap_or_default();
        assert!(line(3).contains("60.0 %") && line(3).contains("1.50"), "{text}");
        assert!(line(5).contains("80.0 %") && line(5).contains("2.00"), "{text}");
        assert!(text.ends_with("| reached |\n"), "{text}");
    }
}
