//! Languages.

use crate::compare::{asked_language, is_ours};

use super::{Instead, Rule};

pub(super) const NOT_SPOKEN: Rule = Rule {
    name: "Nine languages",
    when: "The reference answers in a language that Vestibule has no catalogue for.",
    instead: "What the request gets without that language in `Accept-Language`.",
    reason: "English, Spanish, Portuguese, French, German, Italian, Polish, Japanese and Chinese come along; a folder of catalogues (`languages.dir`) adds others.",
    source: "design §5 languages.dir",
    answer: |asked| {
        asked_language(asked.exchange).filter(|language| !is_ours(language))?;
        let wished = asked.request.header("accept-language").unwrap_or_default();
        let spoken: Vec<&str> = wished.split(',').map(str::trim).filter(|range| is_ours(range)).collect();
        let header = (!spoken.is_empty()).then(|| spoken.join(", "));
        Some(Instead::SameAs(asked.with_header("Accept-Language", header)))
    },
};

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::history::History;
    use crate::rules::Asked;
    use crate::steps::Exchange;
    use crate::wire::Request;

    /// The languages that are asked for instead, if the rule is about an answer in that language.
    fn instead(answered: &str) -> Option<Option<String>> {
        let wished = "ar, es;q=0.5";
        let exchange = Exchange {
            request_headers: json!({ "Accept-Language": wished }).as_object().cloned().unwrap(),
            response_headers: json!({ "content-language": answered }).as_object().cloned().unwrap(),
            ..Exchange::default()
        };
        let headers = vec![("Accept-Language".to_owned(), wished.to_owned())];
        let request = Request { method: "POST".into(), path: "/".into(), headers, body: None };
        let history = History::default();
        let asked = Asked { exchange: &exchange, request: &request, history: &history, settings: &Value::Null, whom: None };
        match (NOT_SPOKEN.answer)(&asked) {
            Some(Instead::SameAs(twin)) => Some(twin.header("accept-language").map(str::to_owned)),
            _ => None,
        }
    }

    #[test]
    fn only_a_language_that_is_not_spoken_is_left_out() {
        assert_eq!(instead("ar"), Some(Some("es;q=0.5".to_owned())));
        assert_eq!(instead("es"), None);
    }
}
