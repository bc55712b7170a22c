//! Verdicts and how they are shown.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Serialize, Serializer};

use crate::rules::{NO_CRASH, RULES};

/// What came of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The answer is the recorded one.
    Matched,
    /// The answer is another one, and a rule says which and why.
    Deviating,
    /// This version lacks what the exchange is about.
    NotOffered,
    /// The answer is wrong.
    Failing,
}

/// One exchange with its verdict.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The directory, as it was named.
    pub dir: String,
    /// The variant.
    pub variant: String,
    /// The place in the variant.
    pub seq: u64,
    /// What the recording calls it.
    pub name: String,
    /// What came of it.
    pub verdict: Verdict,
    /// The rule that explains a deviation.
    #[serde(serialize_with = "empty_if_none")]
    pub rule: Option<&'static str>,
    /// The difference, or why it is not offered.
    pub detail: String,
    /// What was answered, in outline; nothing if it was not asked.
    #[serde(skip)]
    pub answered: String,
}

fn empty_if_none<S: Serializer>(rule: &Option<&'static str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(rule.unwrap_or_default())
}

/// How many exchanges got each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Matched.
    pub matched: usize,
    /// Deviating on purpose.
    pub deviating: usize,
    /// Not offered yet.
    pub not_offered: usize,
    /// Failing.
    pub failing: usize,
    /// How many of those that deviate do so because the reference crashed.
    pub crashed: usize,
}

impl Counts {
    /// Counts those outcomes.
    pub fn of<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Self {
        outcomes.fold(Self::default(), |mut counts, outcome| {
            match outcome.verdict {
                Verdict::Matched => counts.matched += 1,
                Verdict::Deviating => {
                    counts.deviating += 1;
                    counts.crashed += usize::from(outcome.rule == Some(NO_CRASH));
                }
                Verdict::NotOffered => counts.not_offered += 1,
                Verdict::Failing => counts.failing += 1,
            }
            counts
        })
    }

    /// How many of the exchanges that are offered deviate, in percent. A crash is nothing to repeat, so those are left aside.
    pub fn deviating_percent(&self) -> f64 {
        let deviating = self.deviating - self.crashed;
        let offered = self.matched + deviating + self.failing;
        if offered == 0 { 0.0 } else { 100.0 * as_f64(deviating) / as_f64(offered) }
    }
}

fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Every deviation in a line: variant, place, rule, and what was answered. What changes here must be looked at, since some rules say
/// little about the body of what they explain.
pub fn deviations(outcomes: &[Outcome]) -> String {
    let mut out = String::new();
    for outcome in outcomes {
        let Some(rule) = outcome.rule else { continue };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{} {} | {} | {} | {}", outcome.variant, outcome.seq, outcome.name, rule, outcome.answered);
    }
    out
}

/// The report for people: counts by directory and variant, hits by rule, and every failing exchange.
pub fn text(outcomes: &[Outcome]) -> String {
    let mut out = String::new();
    let mut groups: BTreeMap<(&str, &str), Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        groups.entry((&outcome.dir, &outcome.variant)).or_default().push(outcome);
    }
    let line = |out: &mut String, name: &str, counts: &Counts| {
        let Counts { matched, deviating, not_offered, failing, .. } = counts;
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{name:<34}{matched:>9}{deviating:>11}{not_offered:>13}{failing:>9}");
    };
    let mut directory = "";
    for ((dir, variant), group) in &groups {
        if *dir != directory {
            directory = dir;
            let _ = writeln!(out, "{dir}\n{:<34}{:>9}{:>11}{:>13}{:>9}", "", "matched", "deviating", "not offered", "failing");
        }
        line(&mut out, &format!("  {variant}"), &Counts::of(group.iter().copied()));
    }
    let all = Counts::of(outcomes.iter());
    line(&mut out, "all", &all);
    let _ = writeln!(
        out,
        "{:.1} % of what is offered deviates on purpose, {} crashes of the reference left aside",
        all.deviating_percent(),
        all.crashed
    );
    let _ = writeln!(out, "\nhits by rule");
    for rule in RULES {
        let hits = outcomes.iter().filter(|outcome| outcome.rule == Some(rule.name)).count();
        let _ = writeln!(out, "{hits:>6}  {} ({})", rule.name, rule.source);
    }
    let failing: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Failing).collect();
    if !failing.is_empty() {
        let _ = writeln!(out, "\nfailing");
    }
    for outcome in failing {
        let _ = writeln!(out, "  {} {} {}: {}", outcome.variant, outcome.seq, outcome.name, outcome.detail);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(verdict: Verdict) -> Outcome {
        Outcome {
            dir: "d".into(),
            variant: "v".into(),
            seq: 1,
            name: "n".into(),
            verdict,
            rule: None,
            detail: "why".into(),
            answered: String::new(),
        }
    }

    #[test]
    fn what_is_not_offered_is_no_part_of_the_percentage() {
        let outcomes =
            [Verdict::Matched, Verdict::Matched, Verdict::Matched, Verdict::Deviating, Verdict::NotOffered].map(outcome);
        let counts = Counts::of(outcomes.iter());
        assert_eq!(counts, Counts { matched: 3, deviating: 1, not_offered: 1, failing: 0, crashed: 0 });
        assert!((counts.deviating_percent() - 25.0).abs() < 1e-9);
        let crashed = Counts { deviating: 2, crashed: 1, ..counts };
        assert!((crashed.deviating_percent() - 25.0).abs() < 1e-9, "a crash is left aside");
    }

    #[test]
    fn a_failing_exchange_is_told_with_its_difference() {
        let text = text(&[outcome(Verdict::Failing)]);
        assert!(text.contains("v 1 n: why"), "{text}");
    }

    #[test]
    fn the_json_has_the_members_that_tools_read() {
        let json = serde_json::to_value(outcome(Verdict::NotOffered)).unwrap();
        let expected = serde_json::json!({
            "dir": "d", "variant": "v", "seq": 1, "name": "n", "verdict": "not_offered", "rule": "", "detail": "why",
        });
        assert_eq!(json, expected);
    }
}
