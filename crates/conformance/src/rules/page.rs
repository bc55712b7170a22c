//! The rules as a page of the migration guide.

use std::fmt::Write;

use super::RULES;

/// The page, in Markdown.
pub fn markdown() -> String {
    let mut out = String::from(
        "# Where Vestibule answers differently\n\n\
         A front end written for dj-rest-auth meets these answers instead of the ones it knows. Everything else that is offered is\n\
         answered alike: the conformance runner replays recorded exchanges against the server, and each difference must be one of\n\
         these rules. The page is made from them: `conformance --rules-markdown`.\n",
    );
    for rule in RULES {
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "\n## {}\n\n- **When:** {}\n- **Answer:** {}\n- **Why:** {} ({})\n",
            rule.name, rule.when, rule.instead, rule.reason, rule.source
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_page_of_the_migration_guide_is_current() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/migration/deviations.md");
        let written = std::fs::read_to_string(page).unwrap_or_default();
        assert!(written == markdown(), "write it anew: conformance --rules-markdown > docs/migration/deviations.md");
    }

    #[test]
    fn every_rule_has_a_name_of_its_own_a_reason_and_a_source() {
        let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), RULES.len());
        for rule in RULES {
            let texts = [rule.when, rule.instead, rule.reason];
            assert!(texts.iter().all(|text| text.ends_with(['.', '`'])) && !rule.source.is_empty(), "{}", rule.name);
        }
    }
}
