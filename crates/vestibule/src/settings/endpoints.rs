//! Which endpoints there are, and where.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which endpoints there are, and where, below `server.base_path`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Endpoints {
    /// Endpoints to leave out, by their path: `password/reset`. The page that does the same goes with its endpoint
    /// (`forgot-password`), and so does what leads there.
    pub off: Vec<String>,
    /// Endpoints to serve at another path, by their own; links in mails follow.
    pub moved: BTreeMap<String, String>,
}

/// Pages and the endpoints whose work they do, where their paths do not show it.
const STAND_FOR: [(&str, &str); 9] = [
    ("sign-up", "registration"),
    ("sign-up/complete", "registration/complete"),
    ("sign-in", "login"),
    ("sign-out", "logout"),
    ("forgot-password", "password/reset"),
    ("account/password", "password/change"),
    ("account/email", "email/change"),
    ("registration/account-confirm-email", "registration/verify-email"),
    ("registration/account-email-verification-sent", "registration/resend-email"),
];

impl Endpoints {
    /// The endpoint whose work a page does.
    pub(crate) fn behind(page: &str) -> Option<&'static str> {
        STAND_FOR.iter().find(|(own, _)| *own == page).map(|(_, endpoint)| *endpoint)
    }

    /// Where an endpoint or a page stands; nothing if it is left out. The path may end in parameters in braces, which stay.
    pub fn place(&self, path: &str) -> Option<String> {
        let (own, parameters) = match path.find("/{") {
            Some(at) => path.split_at(at),
            None => (path, ""),
        };
        if self.off.iter().any(|off| clean(off) == own || Some(clean(off)) == Self::behind(own)) {
            return None;
        }
        let moved = self.moved.iter().find(|(from, _)| clean(from) == own).map(|(_, to)| clean(to));
        Some(format!("{}{parameters}", moved.unwrap_or(own)))
    }

    /// What cannot be, given the paths that there are and the places that stay: names of nothing, paths that are no paths, two at
    /// one place, whatever their parameters are called.
    pub(crate) fn problems(&self, paths: &[&str], fixed: &[&str]) -> Vec<String> {
        let own = |path: &str| path.split("/{").next().unwrap_or_default().to_owned();
        let known: Vec<String> = paths.iter().map(|path| own(path)).collect();
        let named = self.off.iter().map(|name| ("off", name)).chain(self.moved.keys().map(|name| ("moved", name)));
        let unknown = named.filter(|(_, name)| !known.iter().any(|path| path == clean(name)));
        let mut problems: Vec<String> = unknown
            .map(|(key, name)| format!("endpoints.{key}: there is no endpoint {name:?}; there are {}", list(&known)))
            .collect();
        let broken = self.moved.values().filter(|to| !is_path(clean(to)));
        problems
            .extend(broken.map(|to| format!("endpoints.moved: {to:?} is no path of letters, digits, \"-\", \"_\" and \"/\"")));
        let placed = paths.iter().filter_map(|path| self.place(path)).chain(fixed.iter().map(|path| (*path).to_owned()));
        let mut places: Vec<String> = placed.map(|place| without_names(&place)).collect();
        places.sort();
        for pair in places.windows(2) {
            if pair[0] == pair[1] {
                problems.push(format!("endpoints.moved: two endpoints would be at {:?}", pair[0]));
            }
        }
        problems
    }
}

fn list(known: &[String]) -> String {
    let mut names: Vec<&str> = known.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

/// The path as a router sees it, to whom all parameters are the same.
fn without_names(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "{…}" } else { part }).collect::<Vec<_>>().join("/")
}

fn clean(path: &str) -> &str {
    path.trim_matches('/')
}

fn is_path(path: &str) -> bool {
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    path.len() <= 200 && path.split('/').all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: [&str; 4] = ["login", "user", "password/reset", "password/reset/{uid}"];

    fn endpoints(off: &[&str], moved: &[(&str, &str)]) -> Endpoints {
        Endpoints {
            off: off.iter().map(|one| (*one).to_owned()).collect(),
            moved: moved.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect(),
        }
    }

    #[test]
    fn an_endpoint_is_where_it_was_moved_to_or_nowhere() {
        let endpoints = endpoints(&["/login/"], &[("password/reset", "forgotten/")]);
        assert_eq!(endpoints.place("login"), None);
        assert_eq!(endpoints.place("user").as_deref(), Some("user"));
        assert_eq!(endpoints.place("password/reset").as_deref(), Some("forgotten"));
        assert_eq!(endpoints.place("password/reset/{uid}").as_deref(), Some("forgotten/{uid}"), "its page moves along");
        assert_eq!(endpoints.place("sign-in"), None, "nor is its page");
        assert!(endpoints.problems(&PATHS, &[]).is_empty());
    }

    #[test]
    fn what_cannot_be_is_told_all_at_once() {
        let wrong = endpoints(&["passwort"], &[("users", "me"), ("user", "a b"), ("login", "password/reset")]);
        let problems = wrong.problems(&PATHS, &[]);
        assert_eq!(problems.len(), 4, "{problems:?}");
        for path in ["", "a//b", "../x", "{x}", "ä"] {
            assert_eq!(endpoints(&[], &[("user", path)]).problems(&PATHS, &[]).len(), 1, "{path}");
        }
    }

    #[test]
    fn two_paths_meet_whatever_their_parameters_are_called() {
        let paths = ["sessions", "sessions/{id}", "password/reset/{uid}/{token}", "confirm/{key}"];
        let told = endpoints(&[], &[("confirm", "sessions")]).problems(&paths, &[]);
        assert_eq!(told, ["endpoints.moved: two endpoints would be at \"sessions/{…}\""]);
        assert_eq!(endpoints(&[], &[("password/reset", "sessions")]).problems(&paths, &[]), [""; 0]);
        let moved = endpoints(&[], &[("sessions", "openapi")]);
        assert_eq!((moved.problems(&paths, &["openapi"]).len(), moved.problems(&paths, &[]).len()), (1, 0));
    }
}
