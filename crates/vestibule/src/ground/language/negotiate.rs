//! Which language a client reads best: `Accept-Language` by the look-up of RFC 4647 §3.4.

use super::Language;

/// The most language ranges that are looked at (T75).
const MOST_RANGES: usize = 32;

/// The longest language range that is looked at; no registered tag is as long.
const LONGEST: usize = 40;

impl Language {
    /// The language of `enabled` that suits the header best, else `default`.
    ///
    /// Ranges are tried from the highest weight, each from its full form to its language alone. Then a language that differs only
    /// in its country is taken (`pt` and `pt-PT` get `pt-BR`), but never another script: Chinese for Taiwan or Hong Kong is not
    /// answered in simplified characters. `*` is the default; a weight of 0 is "not this".
    pub fn negotiate<'l>(header: Option<&str>, enabled: &'l [Self], default: &'l Self) -> &'l Self {
        let Some(header) = header else { return default };
        let mut ranges: Vec<(u16, Range)> =
            header.split(',').filter(|range| !range.trim().is_empty()).take(MOST_RANGES).filter_map(parse).collect();
        let refused: Vec<Range> = ranges.iter().filter(|(weight, _)| *weight == 0).map(|(_, range)| range.clone()).collect();
        ranges.retain(|(weight, _)| *weight > 0);
        ranges.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let allowed = |language: &&Self| !refused.contains(&language.0.range);
        for (_, range) in ranges {
            if range.0 == ["*"] {
                return default;
            }
            if let Some(found) = range.find(enabled, allowed) {
                return found;
            }
        }
        default
    }
}

/// A range in subtags of small letters.
#[derive(Clone, PartialEq)]
pub(super) struct Range(Vec<String>);

fn parse(text: &str) -> Option<(u16, Range)> {
    let (range, parameters) = text.split_once(';').unwrap_or((text, ""));
    let range = range.trim();
    let fits =
        range.len() <= LONGEST && range.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'*'));
    if range.is_empty() || !fits {
        return None;
    }
    let weight = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("q="));
    let weight = weight.map_or(Some(1_000), thousandths)?;
    Some((weight, Range::new(range)))
}

/// A weight of RFC 9110 §12.4.2 in thousandths.
fn thousandths(text: &str) -> Option<u16> {
    let weight: f32 = text.trim().parse().ok().filter(|weight| (0.0..=1.0).contains(weight))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000 fits")]
    Some((weight * 1_000.0).round() as u16)
}

impl Range {
    pub(super) fn new(tag: &str) -> Self {
        Self(tag.split(['-', '_']).map(str::to_ascii_lowercase).collect())
    }

    fn language(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// The script, where it is written or where the language is written in more than one and the country tells (CLDR).
    fn script(&self) -> Option<&str> {
        let written = self.0.iter().skip(1).find(|subtag| subtag.len() == 4 && !subtag.starts_with(|c: char| c.is_ascii_digit()));
        let traditional = || self.0.iter().any(|subtag| matches!(subtag.as_str(), "tw" | "hk" | "mo"));
        match (written, self.language()) {
            (Some(script), _) => Some(script),
            (None, "zh") => Some(if traditional() { "hant" } else { "hans" }),
            (None, _) => None,
        }
    }

    fn suits(&self, other: &Self) -> bool {
        let same_script = self.script().zip(other.script()).is_none_or(|(one, other)| one == other);
        self.language() == other.language() && same_script
    }

    fn find<'l>(&self, enabled: &'l [Language], allowed: impl Fn(&&'l Language) -> bool) -> Option<&'l Language> {
        let suiting = || enabled.iter().filter(&allowed).filter(|language| self.suits(&language.0.range));
        let exact = |length: usize| suiting().find(|language| self.0.get(..length) == Some(&language.0.range.0));
        (1..=self.0.len()).rev().find_map(exact).or_else(|| suiting().next())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(header: &str) -> String {
        let enabled = Language::all_built_in();
        Language::negotiate(Some(header), &enabled, &enabled[0]).tag().to_owned()
    }

    #[test]
    fn recorded_headers_get_the_recorded_language_where_it_is_ours() {
        for (header, tag) in [
            ("es", "es"),
            ("fr", "fr"),
            ("de", "de"),
            ("it", "it"),
            ("pl", "pl"),
            ("ja", "ja"),
            ("pt-BR", "pt-BR"),
            ("zh-Hans", "zh-Hans"),
            ("es-MX,es;q=0.9,en;q=0.5", "es"),
            ("en-GB", "en"),
            ("xx", "en"),
            ("*", "en"),
        ] {
            assert_eq!(asked(header), tag, "{header}");
        }
    }

    #[test]
    fn the_highest_weight_wins_and_a_range_is_shortened_step_by_step() {
        for (header, tag) in [
            ("en;q=0.5, de;q=0.8", "de"),
            ("ar, tr;q=0.9, pl;q=0.1", "pl"),
            ("de-Latn-DE-1996", "de"),
            ("DE_at", "de"),
            ("fr;q=0, de;q=0.1", "de"),
            ("fr;q=0, fr-CA", "en"),
            ("ar, *;q=0.5, de;q=0.1", "en"),
            ("de;q=2, fr;q=x, it;q=0.3", "it"),
            ("it ; q=0.30 , pl ;q=0.301", "pl"),
            ("", "en"),
        ] {
            assert_eq!(asked(header), tag, "{header}");
        }
        let enabled = Language::all_built_in();
        assert_eq!(Language::negotiate(None, &enabled, &enabled[3]).tag(), enabled[3].tag());
    }

    #[test]
    fn chinese_and_portuguese_are_found_by_country_and_script() {
        for (header, tag) in [
            ("zh", "zh-Hans"),
            ("zh-CN", "zh-Hans"),
            ("zh-SG", "zh-Hans"),
            ("zh-Hans-CN", "zh-Hans"),
            ("zh-TW, fr;q=0.5", "fr"),
            ("zh-Hant-HK", "en"),
            ("zh_HK", "en"),
            ("pt", "pt-BR"),
            ("pt-PT, en;q=0.5", "pt-BR"),
        ] {
            assert_eq!(asked(header), tag, "{header}");
        }
    }

    #[test]
    fn t75_only_so_many_ranges_are_looked_at() {
        assert_eq!(asked(&("xx,".repeat(31) + "de")), "de");
        assert_eq!(asked(&("xx,".repeat(32) + "de")), "en");
        assert_eq!(asked(&("d".repeat(10_000) + ",de")), "de");
    }

    proptest! {
        #[test]
        fn t75_no_header_makes_the_reader_panic(header in "\\PC{0,100}") {
            asked(&header);
        }

        #[test]
        fn t75_no_near_header_makes_the_reader_panic(header in r"(zh|pt|de|-|_|Hant|,|;|q=|0|1|\.|\*| ){0,30}") {
            asked(&header);
        }
    }
}
