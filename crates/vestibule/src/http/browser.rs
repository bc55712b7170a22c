//! Who is in front of one of our own pages, and the token that ties a form to that browser.

use http::HeaderMap;
use http::header::SET_COOKIE;

use crate::accounts::Auth;
use crate::accounts::sessions::{self, Caller};
use crate::forms::{Input, Value};
use crate::ground::{Error, Message, Result, Secret};

use super::cookies::{self, Kind, Sent, SetCookie};
use super::csrf::{self, From};

/// The member of a form that carries its token.
pub const FORM_TOKEN: &str = "csrfmiddlewaretoken";

/// What a browser shows of itself to a page.
#[derive(Clone, Debug)]
pub struct Browser {
    session: Option<Secret>,
    held: Option<Secret>,
    from: From,
}

/// The token that a form of ours carries.
pub struct FormToken {
    /// What stands in the hidden member [`FORM_TOKEN`].
    pub text: String,
    /// The cookie that it belongs to, for a browser that has none yet: to be set with the page.
    pub cookie: Option<SetCookie>,
}

impl Browser {
    /// What the request shows.
    pub fn of(auth: &Auth, headers: &HeaderMap) -> Self {
        let one = |name| match cookies::sent(headers, name) {
            Sent::One(value) if !value.is_empty() => Some(Secret::from(value)),
            _ => None,
        };
        Self { session: one(&auth.cookies.session), held: one(&auth.cookies.form), from: csrf::from(auth, headers) }
    }

    /// The same browser once it has taken an answer with these headers.
    #[must_use]
    pub fn after(mut self, auth: &Auth, headers: &HeaderMap) -> Self {
        for line in headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok()) {
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            let kept = (!attributes.contains("Max-Age=0;")).then(|| Secret::from(value));
            match name {
                _ if name == auth.cookies.session => self.session = kept,
                _ if name == auth.cookies.form => self.held = kept,
                _ => {}
            }
        }
        self
    }

    /// Who is signed in in this browser.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn caller(&self, auth: &Auth) -> Result<Option<Box<Caller>>> {
        match &self.session {
            Some(cookie) => sessions::authenticate_cookie(auth, cookie).await,
            None => Ok(None),
        }
    }

    /// The token for forms of a page that is shown to this browser. Signing in makes it another, so that a form from before is
    /// not sent in the name of whoever came in after.
    ///
    /// # Errors
    /// [`Error::Internal`] without randomness.
    pub fn form_token(&self, auth: &Auth) -> Result<FormToken> {
        let (held, cookie) = match &self.held {
            Some(held) => (held.clone(), None),
            None => {
                let held = Secret::from(hex::encode(auth.entropy.bytes::<16>()?));
                let cookie = SetCookie::set(auth, Kind::Form, &held);
                (held, Some(cookie))
            }
        };
        Ok(FormToken { text: auth.browsers.form_token(&self.bound(&held)), cookie })
    }

    /// Lets a form in that this browser was shown by us.
    ///
    /// # Errors
    /// [`Error::Refused`] with 403 when it comes from elsewhere, carries no token, or that of another browser or session (T44, T46).
    pub fn admit(&self, auth: &Auth, form: &Input) -> Result<()> {
        if let From::Elsewhere(message) = &self.from {
            return Err(Error::Refused(403, message.clone()));
        }
        let sent = form.get(FORM_TOKEN);
        match (&self.held, sent) {
            (Some(held), Some(Value::Text(sent))) if auth.browsers.is_form_token(&self.bound(held), sent) => Ok(()),
            _ => Err(Error::Refused(403, Message::FormNotOurs)),
        }
    }

    fn bound(&self, held: &Secret) -> String {
        format!("{}/{}", held.expose(), self.session.as_ref().map_or("", Secret::expose))
    }
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;

    use crate::accounts::Client;
    use crate::accounts::login;
    use crate::accounts::sessions::Method;
    use crate::forms::Source;
    use crate::testing::{TestApp, databases};

    use super::*;

    fn browser(auth: &Auth, cookies: &[String], origin: &str) -> Browser {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, cookie.parse().unwrap());
        }
        headers.insert("origin", origin.parse().unwrap());
        Browser::of(auth, &headers)
    }

    /// What a browser sends back of what it was told to keep.
    fn kept(cookie: &SetCookie) -> String {
        let mut headers = HeaderMap::new();
        cookie.add_to(&mut headers);
        headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    fn form(token: &str) -> Input {
        Input::new(Source::Form, vec![(FORM_TOKEN.to_owned(), Value::Text(token.to_owned()))])
    }

    const HERE: &str = "http://127.0.0.1:8000";

    #[tokio::test]
    async fn t46_a_form_is_taken_from_the_browser_that_was_shown_it_and_from_no_other() {
        let app = TestApp::on(databases::fresh_sqlite().await, |_| {}).await;
        let auth = &app.auth;
        let shown = browser(auth, &[], HERE).form_token(auth).unwrap();
        let held = [kept(&shown.cookie.unwrap())];
        let mine = browser(auth, &held, HERE);
        assert!(mine.form_token(auth).unwrap().cookie.is_none(), "it keeps what it has");
        assert!(mine.admit(auth, &form(&shown.text)).is_ok());
        let not_ours = Err(Error::Refused(403, Message::FormNotOurs));
        assert_eq!(mine.admit(auth, &form("x")), not_ours);
        assert_eq!(mine.admit(auth, &Input::new(Source::Form, vec![])), not_ours);
        let other = browser(auth, &[], HERE).form_token(auth).unwrap();
        assert_eq!(mine.admit(auth, &form(&other.text)), not_ours);
        assert_eq!(browser(auth, &[], HERE).admit(auth, &form(&shown.text)), not_ours);
        assert!(browser(auth, &held, "https://evil.test").admit(auth, &form(&shown.text)).is_err());
        let twice = [held[0].clone(), format!("{}x", held[0])];
        assert_eq!(browser(auth, &twice, HERE).admit(auth, &form(&shown.text)), not_ours);
    }

    #[tokio::test]
    async fn t26_a_page_signs_a_browser_in_whatever_the_settings_say_and_forms_from_before_count_no_more() {
        let app = TestApp::on(databases::fresh_sqlite().await, |_| {}).await;
        let auth = &app.auth;
        let key = app.register("ana").await;
        let user = crate::accounts::sessions::authenticate(auth, &key.into()).await.unwrap().user;
        let shown = browser(auth, &[], HERE).form_token(auth).unwrap();
        let held = kept(&shown.cookie.unwrap());
        let floor = auth.clone();
        let granted = auth
            .unit(move |tx| async move {
                login::finish_on_page(&floor, &tx, &Client::command_line(), user.id, user.epoch, Method::Password).await
            })
            .await
            .unwrap();
        let session = kept(&super::super::granted_on_page(auth, &granted).unwrap()[0]);
        let signed_in = browser(auth, &[held.clone(), session], HERE);
        assert_eq!(signed_in.caller(auth).await.unwrap().unwrap().user.username.as_deref(), Some("ana"));
        assert!(signed_in.admit(auth, &form(&shown.text)).is_err(), "from before signing in");
        assert!(signed_in.admit(auth, &form(&signed_in.form_token(auth).unwrap().text)).is_ok());
        assert!(browser(auth, &[held], HERE).caller(auth).await.unwrap().is_none());
    }
}
