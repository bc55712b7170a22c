//! Spans of time as people say them.

use std::time::Duration;

use super::{Language, Sentence};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The words for spans, from the longest unit; translated to follow "is valid for".
pub const UNITS: [(u64, Sentence); 4] = [
    (DAY, Sentence::counted("{count} day", "{count} days")),
    (HOUR, Sentence::counted("{count} hour", "{count} hours")),
    (MINUTE, Sentence::counted("{count} minute", "{count} minutes")),
    (1, Sentence::counted("{count} second", "{count} seconds")),
];

/// How long something is valid, in words that follow "valid for": the longest unit that divides it, or the longest of which there
/// are at least two. Never longer than it is.
pub fn expiry_in_words(span: Duration, language: &Language) -> String {
    let seconds = span.as_secs();
    let says_all = |unit: &u64| seconds >= *unit && (seconds.is_multiple_of(*unit) || seconds >= 2 * unit);
    let (unit, sentence) = UNITS.iter().find(|(unit, _)| says_all(unit)).unwrap_or(&UNITS[3]);
    let count = seconds / unit;
    language.say_count(sentence.text, sentence.plural.unwrap_or(sentence.text), count, &[("count", &count.to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(seconds: u64, tag: &str) -> String {
        expiry_in_words(Duration::from_secs(seconds), &Language::built_in(tag).unwrap())
    }

    #[test]
    fn spans_are_said_in_the_unit_that_people_would_use() {
        for (seconds, words) in [
            (3 * DAY, "3 days"),
            (DAY, "1 day"),
            (DAY + HOUR, "25 hours"),
            (2 * DAY + 1, "2 days"),
            (HOUR, "1 hour"),
            (90 * MINUTE, "90 minutes"),
            (10 * MINUTE, "10 minutes"),
            (90, "90 seconds"),
            (1, "1 second"),
            (0, "0 seconds"),
        ] {
            assert_eq!(said(seconds, "en"), words);
        }
    }

    #[test]
    fn every_language_has_its_own_forms() {
        for (tag, words) in [
            ("de", ["1 Tag", "3 Tage", "5 Tage"]),
            ("fr", ["1 jour", "3 jours", "5 jours"]),
            ("pl", ["1 dzień", "3 dni", "5 dni"]),
            ("ja", ["1日間", "3日間", "5日間"]),
        ] {
            assert_eq!([1, 3, 5].map(|days| said(days * DAY, tag)), words, "{tag}");
        }
        assert_eq!([1, 3, 5].map(|hours| said(hours * HOUR, "pl")), ["1 godzinę", "3 godziny", "5 godzin"]);
    }
}
