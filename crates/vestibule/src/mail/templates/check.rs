//! Every template of the owner's, tried before anybody waits for a mail.

use std::collections::BTreeSet;

use crate::ground::Languages;
use crate::settings::Settings;

use super::context::{self, About};
use super::kinds::{Kind, Needs};
use super::problem::Problem;
use super::{Made, Rendered};

/// Where the links of the samples lead; one that no template writes of itself.
const LINK: &str = "https://link.example/sample-3f9a";

/// Renders every mail in every language, about an account with everything and one with next to nothing.
pub(super) fn check(made: &Made, settings: &Settings, languages: &Languages) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut told = BTreeSet::new();
    for kind in Kind::ALL {
        let with_code = offers_code(kind, settings);
        for language in languages.enabled() {
            for everything in [true, false] {
                let about = About::sample(settings, kind, everything, with_code, LINK);
                let found = match made.render(kind, &about, language) {
                    Ok(rendered) => lacking(made, kind, &rendered),
                    Err(problem) => vec![problem],
                };
                problems.extend(found.into_iter().filter(|problem| told.insert(problem.to_string())));
            }
        }
    }
    problems
}

/// Whether the mail can carry a code here.
pub(super) fn offers_code(kind: Kind, settings: &Settings) -> bool {
    match kind.needs() {
        Needs::Nothing => false,
        Needs::Proof => true,
        Needs::Reset => settings.password.reset_code,
    }
}

/// The parts with which their reader could do nothing.
fn lacking(made: &Made, kind: Kind, rendered: &Rendered) -> Vec<Problem> {
    let parts = made.sources.parts(kind);
    let bodies = [(Some(parts.text), Some(&rendered.text)), (parts.html, rendered.html.as_ref())];
    let bodies = bodies.into_iter().filter_map(|(name, body)| Some((name?, body?)));
    let proof = |what: &str| {
        let remedy = format!("Write {what} where its reader shall find it.");
        (format!("never says {what}, so its reader could do nothing"), remedy)
    };
    let lacks = |body: &String| match kind.needs() {
        Needs::Nothing => None,
        Needs::Proof => (!any(body, &[LINK, context::KEY, context::CODE])).then(|| proof("{{ link }} or {{ code }}")),
        Needs::Reset => {
            let own_link = any(body, &[context::UID]) && any(body, &[context::TOKEN]);
            (!own_link && !any(body, &[LINK, context::CODE])).then(|| proof("{{ link }}, or {{ uid }} and {{ token }}"))
        }
    };
    let problem = |(name, body)| lacks(body).map(|(what, remedy)| Problem::of(&made.sources, name, None, what, &remedy));
    bodies.filter_map(problem).collect()
}

fn any(body: &str, samples: &[&str]) -> bool {
    samples.iter().any(|sample| body.contains(sample))
}
