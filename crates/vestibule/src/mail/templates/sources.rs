//! Where the texts come from: those that are embedded, and the owner's folder before them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::kinds::{Kind, Paths};
use super::problem::Problem;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 256 * 1024;

/// How many files a folder may hold.
const MOST_FILES: usize = 2_000;

/// How deep folders may lie in each other.
const DEEPEST: usize = 8;

/// The text body of a reset under its name in the reference, which says html and is none.
const RESET_HTML: &str = "registration/password_reset_email.html";
const RESET_TEXT: &str = "registration/password_reset_email.txt";

macro_rules! embedded {
    ($($path:literal),+ $(,)?) => {
        /// The built-in templates: path and text.
        pub(crate) const EMBEDDED: &[(&str, &str)] = &[$(($path, include_str!(concat!("../../../templates/", $path)))),+];
    };
}

embedded![
    "account/email/account_already_exists_message.html",
    "account/email/account_already_exists_message.txt",
    "account/email/account_already_exists_subject.txt",
    "account/email/action.html",
    "account/email/action.txt",
    "account/email/base_message.html",
    "account/email/base_message.txt",
    "account/email/email_change_message.html",
    "account/email/email_change_message.txt",
    "account/email/email_change_subject.txt",
    "account/email/email_changed_message.html",
    "account/email/email_changed_message.txt",
    "account/email/email_changed_subject.txt",
    "account/email/email_confirmation_message.html",
    "account/email/email_confirmation_message.txt",
    "account/email/email_confirmation_signup_message.html",
    "account/email/email_confirmation_signup_message.txt",
    "account/email/email_confirmation_signup_subject.txt",
    "account/email/email_confirmation_subject.txt",
    "account/email/password_changed_message.html",
    "account/email/password_changed_message.txt",
    "account/email/password_changed_subject.txt",
    "account/email/password_reset_message.html",
    "account/email/password_reset_message.txt",
    "account/email/password_reset_subject.txt",
    "account/email/provider_connected_message.html",
    "account/email/provider_connected_message.txt",
    "account/email/provider_connected_subject.txt",
    "account/email/session_ended_message.html",
    "account/email/session_ended_message.txt",
    "account/email/session_ended_subject.txt",
    "registration/password_reset_email.html",
    "registration/password_reset_email.txt",
    "registration/password_reset_subject.txt",
];

/// One template.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) text: Cow<'static, str>,
    /// The owner's file that it comes from.
    pub(super) file: Option<PathBuf>,
}

/// All templates by their paths.
#[derive(Clone, Debug)]
pub(super) struct Sources(BTreeMap<String, Source>);

impl Sources {
    /// The built-in templates, and before them those of the owner's folder.
    pub(super) fn read(dir: Option<&Path>) -> Result<Self, Vec<Problem>> {
        let built_in =
            |(path, text): &(&'static str, &'static str)| ((*path).to_owned(), Source { text: Cow::Borrowed(*text), file: None });
        let mut all: BTreeMap<String, Source> = EMBEDDED.iter().map(built_in).collect();
        let Some(dir) = dir else { return Ok(Self(all)) };
        let mut walk = Walk::default();
        walk.folder(dir, "", 0);
        if !walk.problems.is_empty() {
            return Err(walk.problems);
        }
        let mut own = walk.found;
        move_text_of_reset(&mut own);
        all.extend(own);
        Ok(Self(all))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.0.iter().map(|(name, source)| (name.as_str(), source))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Source> {
        self.0.get(name)
    }

    /// The owner's files alone, by their paths below the folder.
    pub(super) fn files(dir: &Path) -> Result<BTreeMap<String, String>, Vec<Problem>> {
        let mut walk = Walk::default();
        walk.folder(dir, "", 0);
        let texts = walk.found.into_iter().map(|(name, source)| (name, source.text.into_owned()));
        if walk.problems.is_empty() { Ok(texts.collect()) } else { Err(walk.problems) }
    }

    fn is_own(&self, name: &str) -> bool {
        self.get(name).is_some_and(|source| source.file.is_some())
    }

    /// The templates that a mail is made from, the owner's before the built-in ones.
    ///
    /// A text of the owner's goes without the built-in HTML: readers would see that one, and never the owner's words.
    pub(super) fn parts(&self, kind: Kind) -> Parts {
        let places = kind.places();
        let first = &places[0];
        let own = |part: fn(&Paths) -> &'static str| places.iter().position(|place| self.is_own(part(place)));
        let (subject, text, html) = (own(|place| place.subject), own(|place| place.text), own(|place| place.html));
        let at = |place: Option<usize>| place.and_then(|place| places.get(place)).unwrap_or(first);
        // A place of its own is nearer than one that serves two mails.
        let shown = html.unwrap_or(usize::MAX) <= text.unwrap_or(usize::MAX);
        Parts { subject: at(subject).subject, text: at(text).text, html: shown.then(|| at(html).html) }
    }
}

/// The names of the templates of one mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) subject: &'static str,
    pub(super) text: &'static str,
    pub(super) html: Option<&'static str>,
}

/// Who overwrites the reference's reset mail writes text into a file called html; it goes out as what it is.
fn move_text_of_reset(own: &mut BTreeMap<String, Source>) {
    let is_text = own.get(RESET_HTML).is_some_and(|source| !looks_like_html(&source.text));
    if is_text
        && !own.contains_key(RESET_TEXT)
        && let Some(source) = own.remove(RESET_HTML)
    {
        own.insert(RESET_TEXT.to_owned(), source);
    }
}

/// Elements that an HTML mail has at least one of; a word in angle brackets, such as an address, is none.
const ELEMENTS: [&str; 24] = [
    "!doctype", "a", "b", "body", "br", "center", "div", "em", "font", "h1", "h2", "h3", "head", "hr", "html", "i", "img", "li",
    "p", "span", "strong", "table", "td", "ul",
];

/// Whether a template is HTML: it has an element, or stands on a template that is HTML.
pub(crate) fn looks_like_html(text: &str) -> bool {
    let names_element = |after: &str| {
        let after = after.strip_prefix('/').unwrap_or(after);
        let name: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '!').take(10).collect();
        let ends =
            after.get(name.len()..).is_some_and(|rest| rest.starts_with(['>', '/']) || rest.starts_with(char::is_whitespace));
        ends && ELEMENTS.contains(&name.to_ascii_lowercase().as_str())
    };
    let extends = |tag: &str| {
        let tag = tag.trim_start_matches('-').trim_start();
        tag.starts_with("extends") && tag.split("%}").next().is_some_and(|tag| tag.contains(".html"))
    };
    let outside = |part: &str| part.split_once("%}").map_or(part, |(_, after)| after).split('<').skip(1).any(names_element);
    text.split("{%").any(outside) || text.split("{%").skip(1).any(extends)
}

#[derive(Default)]
struct Walk {
    found: BTreeMap<String, Source>,
    problems: Vec<Problem>,
}

impl Walk {
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) {
        let mut entries = match fs::read_dir(folder) {
            Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).take(MOST_FILES).collect::<Vec<_>>(),
            Err(error) => {
                self.tell(
                    folder,
                    format!("cannot be read: {error}"),
                    "Set templates.dir to a folder that this process may read.",
                );
                return;
            }
        };
        entries.sort();
        for path in entries {
            let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.')) else {
                continue;
            };
            let inner = format!("{prefix}{name}");
            if path.is_dir() {
                if depth < DEEPEST {
                    self.folder(&path, &format!("{inner}/"), depth + 1);
                }
            } else if self.found.len() < MOST_FILES && (name.ends_with(".txt") || name.ends_with(".html")) {
                self.file(path, inner);
            }
        }
    }

    fn file(&mut self, path: PathBuf, name: String) {
        let size = fs::metadata(&path).map_or(0, |about| about.len());
        if size > LARGEST {
            self.tell(&path, format!("has {size} bytes, more than {LARGEST}"), "Make it shorter.");
            return;
        }
        match fs::read_to_string(&path) {
            Ok(text) => {
                self.found.insert(name, Source { text: Cow::Owned(text), file: Some(path) });
            }
            Err(error) => self.tell(&path, format!("cannot be read: {error}"), "Let this process read it, and save it as UTF-8."),
        }
    }

    fn tell(&mut self, path: &Path, what: String, remedy: &str) {
        self.problems.push(Problem { file: path.display().to_string(), line: None, what, remedy: remedy.into() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(files: &[(&str, &str)]) -> (tempfile::TempDir, Sources) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let sources = Sources::read(Some(folder.path())).unwrap();
        (folder, sources)
    }

    #[test]
    fn every_template_in_the_folder_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let mut walk = Walk::default();
        walk.folder(&folder, "", 0);
        let mails = walk.found.keys().filter(|name| name.starts_with("account/") || name.starts_with("registration/"));
        for name in mails {
            assert!(EMBEDDED.iter().any(|(path, _)| path == name), "{name} is not embedded");
        }
    }

    #[test]
    fn without_a_folder_every_mail_has_its_three_built_in_parts() {
        let sources = Sources::read(None).unwrap();
        for kind in Kind::ALL {
            let Parts { subject, text, html } = sources.parts(kind);
            for name in [subject, text, html.unwrap()] {
                assert!(sources.get(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn a_text_of_the_owner_goes_without_the_built_in_html() {
        let (_folder, sources) = sources(&[("account/email/email_confirmation_message.txt", "{{ link }}")]);
        let parts = sources.parts(Kind::EmailConfirmation);
        assert_eq!((parts.text, parts.html), ("account/email/email_confirmation_message.txt", None));
        let signup = sources.parts(Kind::EmailConfirmationSignup);
        assert_eq!((signup.text, signup.html), (parts.text, None), "as in the reference, it serves the mail at sign-up too");
        assert!(sources.parts(Kind::EmailChange).html.is_some());
    }

    #[test]
    fn the_nearer_of_two_own_texts_wins() {
        let confirmation = "account/email/email_confirmation_message.txt";
        let signup = "account/email/email_confirmation_signup_message.txt";
        let html = "account/email/email_confirmation_message.html";
        let (_folder, sources) = sources(&[(confirmation, "1"), (signup, "2"), (html, "3")]);
        assert_eq!(sources.parts(Kind::EmailConfirmationSignup).text, signup);
        assert_eq!(sources.parts(Kind::EmailConfirmationSignup).html, None, "it would not say what the text says");
        assert_eq!(sources.parts(Kind::EmailConfirmation).html, Some(html));
    }

    #[test]
    fn the_reset_mail_is_found_under_the_names_of_the_reference() {
        let (_folder, text) = sources(&[(RESET_HTML, "Go to {{ link }} or write to <help@example.org>.")]);
        assert_eq!(text.parts(Kind::PasswordReset).html, None);
        assert!(text.get(RESET_TEXT).unwrap().text.contains("help@example.org"));
        let (_folder, html) = sources(&[(RESET_HTML, "<p>Go to {{ link }}</p>")]);
        assert_eq!(html.parts(Kind::PasswordReset).html, Some(RESET_HTML));
        assert!(!html.is_own(RESET_TEXT));
        let (_folder, allauth) = sources(&[("account/email/password_reset_key_message.txt", "{{ link }}")]);
        assert_eq!(allauth.parts(Kind::PasswordReset).text, "account/email/password_reset_key_message.txt");
    }

    #[test]
    fn html_is_known_by_its_elements() {
        for html in ["<p>", "a <BR/> b", "<!doctype html>", "</a>", "{% extends \"account/email/base_message.html\" %}"] {
            assert!(looks_like_html(html), "{html}");
        }
        for text in
            ["a < b", "<help@example.org>", "<https://example.org>", "{% if a <b %}", "{% extends \"x.txt\" %} .html", "<"]
        {
            assert!(!looks_like_html(text), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let missing = Sources::read(Some(Path::new("/nowhere/at/all"))).unwrap_err();
        assert!(missing[0].to_string().starts_with("/nowhere/at/all cannot be read"), "{missing:?}");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.txt"), [0xff]).unwrap();
        fs::write(folder.path().join("b.txt"), "x".repeat(300_000)).unwrap();
        fs::write(folder.path().join("c.md"), [0xff]).unwrap();
        assert_eq!(Sources::read(Some(folder.path())).unwrap_err().len(), 2);
    }
}
