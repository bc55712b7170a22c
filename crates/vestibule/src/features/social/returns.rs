//! Where somebody may be sent back to: nowhere but below the addresses of the settings (T56).

use url::Url;

use crate::accounts::links;
use crate::settings::Settings;

/// The most bytes of an address that is looked at.
const LONGEST: usize = 2_048;

/// Where to go: what was asked for if it is allowed, the usual place if nothing was.
pub fn target(settings: &Settings, asked: Option<&str>) -> Option<String> {
    match asked {
        None | Some("") => Some(usual(settings)),
        Some(asked) if settings.frontend.after_login_url.as_deref() == Some(asked) => Some(asked.to_owned()),
        Some(asked) => allowed(&settings.frontend.return_urls, asked),
    }
}

/// The page after a login; else the first address that is allowed; else the root of this service.
fn usual(settings: &Settings) -> String {
    let frontend = &settings.frontend;
    let named = frontend.after_login_url.as_ref().or(frontend.return_urls.first());
    named.cloned().unwrap_or_else(|| format!("{}/", settings.public_url()))
}

/// Where somebody goes who began on a page of ours: the page after a login, or the account.
pub fn from_page(settings: &Settings) -> String {
    settings.frontend.after_login_url.clone().unwrap_or_else(|| links::page_url(settings, "account"))
}

/// Compared as browsers read it: by scheme, host, port and whole segments of the path.
fn allowed(list: &[String], asked: &str) -> Option<String> {
    // What two readers may understand in two ways is not read at all.
    let plain = asked.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let (_, rest) = asked.split_once("://").filter(|_| plain && asked.len() <= LONGEST)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() || authority.contains('@') || leads_elsewhere(rest) {
        return None;
    }
    let url = Url::parse(asked).ok()?;
    let is_below = |entry: &String| Url::parse(entry).is_ok_and(|entry| is_below(&url, &entry));
    list.iter().any(is_below).then(|| url.clone().into())
}

/// Whether the path has steps upwards or slashes in disguise, which some servers undo and some do not.
fn leads_elsewhere(rest: &str) -> bool {
    let path = rest.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    ["%2e", "%2f", "%5c", "%00", "%09", "%0a", "%0d"].iter().any(|hidden| path.contains(hidden))
        || path.split('/').any(|segment| matches!(segment, "." | ".."))
}

fn is_below(url: &Url, entry: &Url) -> bool {
    let same = url.scheme() == entry.scheme()
        && url.host() == entry.host()
        && url.port_or_known_default() == entry.port_or_known_default();
    let base = entry.path().trim_end_matches('/');
    let below = url.path().strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    same && below && url.username().is_empty() && url.password().is_none()
}

/// The address with these members in its query.
pub fn with(address: &str, members: &[(&str, &str)]) -> String {
    match Url::parse(address) {
        Ok(mut url) => {
            url.query_pairs_mut().extend_pairs(members);
            url.into()
        }
        // The settings were checked, so this is an address.
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> Vec<String> {
        ["https://app.example.test/app", "https://other.example.test:8443/", "myapp://callback"].map(str::to_owned).to_vec()
    }

    #[test]
    fn t56_what_is_below_an_allowed_address_is_allowed() {
        for asked in [
            "https://app.example.test/app",
            "https://app.example.test/app/",
            "https://app.example.test/app/inner?x=1#y",
            "https://app.example.test:443/app?next=//evil.test",
            "HTTPS://APP.example.test/app",
            "https://other.example.test:8443/x",
            "myapp://callback",
            "myapp://callback/done?x",
        ] {
            assert!(allowed(&list(), asked).is_some(), "{asked}");
        }
        assert_eq!(allowed(&list(), "HTTPS://APP.example.test/app").unwrap(), "https://app.example.test/app");
    }

    #[test]
    fn t56_nothing_leads_elsewhere() {
        let long = format!("https://app.example.test/app/{}", "x".repeat(10 * 1024));
        for asked in [
            "//evil.test",
            "https:evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "/%09/evil.test",
            "/app",
            "https://app.example.test@evil.test",
            "https://app.example.test@evil.test/app",
            "https://user@app.example.test/app",
            "https://app.example.test.evil.test/app",
            "https://evil.test/https://app.example.test/app",
            "javascript:alert(1)",
            "javascript://app.example.test/app%0aalert(1)",
            "data:text/html,x",
            "https://app.example.test/app\t/x",
            "https://app.example\n.test/app",
            "https://app.example.test\\@evil.test/app",
            "hTTps:///app.example.test/app",
            "http://app.example.test/app",
            "https://app.example.test:444/app",
            "https://app.example.test/",
            "https://app.example.test/application",
            "https://app.example.test/app/../x",
            "https://app.example.test/app/%2e%2e/x",
            "https://app.example.test/app/..%2Fx",
            "https://app.example.test/app%5c..",
            "https://other.example.test/x",
            "myapp://callback.evil",
            "myapp://callbackevil",
            "myapp:callback",
            long.as_str(),
        ] {
            assert_eq!(allowed(&list(), asked), None, "{asked:.80}");
        }
    }

    #[test]
    fn without_a_wish_it_is_the_usual_place() {
        let mut settings = Settings::default();
        assert_eq!(target(&settings, None).unwrap(), "http://127.0.0.1:8000/");
        settings.frontend.return_urls = list();
        assert_eq!(target(&settings, None).unwrap(), "https://app.example.test/app");
        settings.frontend.after_login_url = Some("https://home.example.test/".into());
        assert_eq!(target(&settings, Some("")).unwrap(), "https://home.example.test/");
        assert_eq!(target(&settings, Some("https://home.example.test/")).unwrap(), "https://home.example.test/");
        assert_eq!(target(&settings, Some("https://home.example.test/x")), None);
        assert_eq!(with("https://a.test/x?y=1#z", &[("code", "a&b")]), "https://a.test/x?y=1&code=a%26b#z");
    }
}
