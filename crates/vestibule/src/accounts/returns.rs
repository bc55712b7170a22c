//! Where somebody may be sent back to: nowhere but below the addresses of the settings, and from a page of ours to a path of this
//! site (T56).

use url::Url;

use crate::settings::Settings;

use super::links;

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

/// Where somebody goes on from a page of ours: where they wanted to if that is a path of this site or allowed by the settings; else
/// the page after a login, or the account.
pub fn from_page(settings: &Settings, asked: Option<&str>) -> String {
    let wanted = asked.filter(|asked| !asked.is_empty()).and_then(|asked| match is_path_here(asked) {
        true => Some(asked.to_owned()),
        false => target(settings, Some(asked)),
    });
    wanted.unwrap_or_else(|| settings.frontend.after_login_url.clone().unwrap_or_else(|| links::page(settings, "account")))
}

/// Whether a browser takes it for a path of this very site, and nothing on the way for anything else: no authority, no backslash
/// that counts as a slash, no step upwards, nothing encoded twice.
fn is_path_here(next: &str) -> bool {
    let plain = next.len() <= LONGEST && next.bytes().all(|byte| byte.is_ascii_graphic()) && !next.contains('\\');
    let path = next.split(['?', '#']).next().unwrap_or_default();
    plain && path.starts_with('/') && !path.starts_with("//") && !path.contains("..") && !path.contains('%')
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
    #[test]
    fn t56_a_page_of_ours_leads_to_a_path_of_this_site_or_where_the_settings_allow() {
        let mut settings = Settings::default();
        settings.frontend.return_urls = list();
        for next in [
            "/",
            "/orders",
            "/orders?page=2&x=%2F",
            "/a/b/#top",
            "https://app.example.test/app/inner?x=1#y",
            "myapp://callback/done?x",
        ] {
            assert_eq!(from_page(&settings, Some(next)), next);
        }
        let long = format!("/{}", "x".repeat(10 * 1024));
        for next in [
            "",
            "orders",
            "//evil.test",
            "https:evil.test",
            "https://evil.test",
            "https://app.example.test@evil.test/app",
            "https://app.example.test/other",
            "/\\evil.test",
            "\\\\evil.test",
            "/%09/evil.test",
            "/\t/evil.test",
            "/\n",
            "javascript:alert(1)",
            "data:text/html,x",
            "/a/../b",
            "/a/%2e%2e/b",
            "/a%2fb",
            "HTTPS://evil.test",
            "/ä",
            "myapp://callback.evil",
            &long,
        ] {
            assert_eq!(from_page(&settings, Some(next)), "/auth/account/", "{next:.80?}");
        }
        assert_eq!(from_page(&settings, None), "/auth/account/");
        settings.frontend.after_login_url = Some("https://home.example.test/".into());
        assert_eq!(from_page(&settings, Some("//evil.test")), "https://home.example.test/");
        assert_eq!(from_page(&settings, Some("https://home.example.test/")), "https://home.example.test/");
    }
}
