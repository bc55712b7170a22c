//! The whole house: lists its rooms and keeps it running. With `settings`, the only file that names every feature.

use std::future::Future;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::{any, get};
use http::{HeaderMap, Method, Request, Response};

use crate::accounts::{Auth, facts, housekeeping, links};
use crate::features;
use crate::ground::Message;
use crate::http::browse::Reader;
use crate::http::dispatch::Bound;
use crate::http::page::{Door, Page};
use crate::http::{Directory, Endpoint, jwks, language, render, tally};
use crate::jobs::worker::{self, Round};
use crate::jobs::{outbox, queue};
use crate::settings::{Endpoints, Presence, TokenMode, Verification};

impl Auth {
    /// Everything below the base path, for a host to nest there, whatever the host's state is.
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        self.routes("")
    }

    /// The same with the base path of the settings in front, for a host to merge. Cheaper than nesting: a third of what axum
    /// itself costs for a request is taking a prefix off.
    pub fn router_at_base_path<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        self.routes(self.settings.server.base_path.trim_end_matches('/'))
    }

    fn routes<S: Clone + Send + Sync + 'static>(&self, base: &str) -> Router<S> {
        let mut router = Router::new();
        let directory = Arc::new(Directory::new(rooms(self)));
        for endpoint in &directory.endpoints {
            let Some(place) = self.settings.endpoints.place(endpoint.path) else { continue };
            let bound = Arc::new(Bound::new(self.clone(), endpoint.clone(), directory.clone()));
            for end in ["", "/"] {
                let (path, bound) = (format!("{base}/{place}{end}"), bound.clone());
                router = router.route(&path, any(move |request: Request<Body>| bound.clone().answer(request)));
            }
        }
        if self.settings.docs_openapi() {
            let reader = Arc::new(Reader::new(self.clone(), directory.clone()));
            for end in ["", "/"] {
                let (path, reader) = (format!("{base}/{}{end}", Reader::PATH), reader.clone());
                let answer = move |request: Request<Body>| async move { reader.answer(&request) };
                router = router.route(&path, any(answer));
            }
        }
        for page in doors(self) {
            let Some(place) = self.settings.endpoints.place(page.path) else { continue };
            let door = Arc::new(Door::new(self.clone(), page));
            for end in ["", "/"] {
                let (path, door) = (format!("{base}/{place}{end}"), door.clone());
                router = router.route(&path, any(move |request: Request<Body>| door.clone().answer(request)));
            }
        }
        let auth = self.clone();
        router
            .fallback(move |headers: HeaderMap| async move { render::secured(nothing_here(&auth, &headers), &auth) })
            .with_state(())
    }

    /// What belongs at the root, whatever the base path is: the way to the page that changes a password (`/.well-known/change-password`,
    /// by which password managers find it), `/livez`, `/readyz` which also asks the database, and the public
    /// keys at `/.well-known/jwks.json`.
    pub fn well_known<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let auth = self.clone();
        let ready = move || {
            let auth = auth.clone();
            async move { render::secured(health(auth.is_ready().await), &auth) }
        };
        let auth = self.clone();
        let keys = move |method: Method, headers: HeaderMap| async move { jwks::answer(&auth, &method, &headers).await };
        let auth = self.clone();
        let live = || async move { render::secured(health(true), &auth) };
        let mut router = Router::new().route("/livez", get(live)).route("/readyz", get(ready)).route(jwks::PATH, get(keys));
        if let Some(place) = links::page_if_there(&self.settings, "account/password") {
            let change = move || async move { axum::response::Redirect::to(&place) };
            router = router.route("/.well-known/change-password", get(change));
        }
        router.with_state(())
    }

    /// The file with the key that development made for itself, if it did.
    pub fn key_file(&self) -> Option<&Path> {
        self.key_file.as_deref()
    }

    /// The answer where nothing is, in the form that a client of the endpoints understands.
    pub async fn not_found() -> Response<Body> {
        tally::count_elsewhere();
        render::plain(404, Message::NotFound.text())
    }

    /// Whether the database answers, and can be written.
    pub async fn is_ready(&self) -> bool {
        facts::answers(&self.db).await
    }

    /// Keeps house until `stop` is done: writes down when sessions were used and removes what has ended. A host spawns this
    /// once for each process.
    pub async fn run_worker(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut ticks = tokio::time::interval(housekeeping::EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut looks = tokio::time::interval(worker::LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut measures = tokio::time::interval(queue::MEASURE_EVERY);
        measures.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut rounds: u64 = 0;
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = ticks.tick() => {
                    self.keep_house(rounds.is_multiple_of(housekeeping::ROUNDS_BETWEEN_WALKS)).await;
                    rounds += 1;
                }
                _ = looks.tick() => {}
                () = self.courier.bell.notified() => {}
                _ = measures.tick() => {
                    if let Err(error) = queue::measure(self).await {
                        tracing::warn!(?error, "the outbox could not be measured");
                    }
                    continue;
                }
            }
            if self.deliver_until(stop.as_mut()).await {
                break;
            }
        }
        self.hand_back().await;
        if let Err(error) = self.last_seen.flush(&self.db).await {
            tracing::warn!(?error, "when sessions were last used could not be written down");
        }
    }

    /// Sends some of what is due. Whether it was told to stop meanwhile: then the mail in hand gets [`worker::LAST_MAIL`] and no more.
    async fn deliver_until(&self, stop: Pin<&mut impl Future<Output = ()>>) -> bool {
        let mut round = pin!(worker::deliver_some(self));
        let (done, stopped) = tokio::select! {
            done = &mut round => (done, false),
            () = stop => (tokio::time::timeout(worker::LAST_MAIL, round).await.unwrap_or_else(|_| Ok(Round::default())), true),
        };
        if let Err(error) = done {
            tracing::warn!(?error, "mails will be tried again");
        }
        stopped
    }

    /// Lets others send what this process has claimed and not sent (T89).
    async fn hand_back(&self) {
        if let Err(error) = outbox::hand_back(&self.db, &self.courier.name).await {
            tracing::warn!(?error, "mails that were claimed wait until their lease has run out");
        }
    }

    /// Indexes the values of declared fields that became unique, or gives the duplicates that stand in the way; see
    /// [`facts::index_fields`].
    ///
    /// # Errors
    /// Those of the database.
    pub async fn index_fields(&self) -> crate::ground::Result<Vec<facts::Duplicate>> {
        facts::index_fields(&self.db, &self.shapes.declared).await
    }

    /// Everything that this installation answers, as an OpenAPI 3.1 document.
    pub fn openapi(&self) -> serde_json::Value {
        Directory::new(rooms(self)).openapi(&self.settings)
    }

    /// A body with which `registration/` makes an account here, for a first try.
    pub fn example_registration(&self) -> String {
        features::registration::example(self)
    }

    /// The values of the declared fields, also of those that no answer shows.
    pub fn declared_profile(&self, user: &crate::accounts::User) -> serde_json::Value {
        let declared = self.shapes.declared.iter().map(|declared| declared.field.name.clone());
        declared.map(|name| (name.clone(), user.profile[&name].clone())).collect::<serde_json::Map<_, _>>().into()
    }

    async fn keep_house(&self, walk: bool) {
        let done = match housekeeping::keep_house(self).await {
            Ok(_) if walk => housekeeping::remove_idle_sessions(self).await.map(|_| ()),
            other => other.map(|_| ()),
        };
        if let Err(error) = done {
            tracing::warn!(?error, "housekeeping will be tried again");
        }
    }
}

/// The pages for people.
#[cfg_attr(not(feature = "social"), expect(unused_variables, reason = "without providers all have the same"))]
fn doors(auth: &Auth) -> Vec<Page> {
    let mut doors = vec![
        features::email_verification::page(),
        features::email_verification::sent_page(),
        features::password_reset::page(),
        features::password_reset::request_page(),
        features::email_change::confirm_page(),
        features::email_change::request_page(),
        features::login::page(),
        features::logout::page(),
        features::registration::page(),
        features::password_change::page(),
    ];
    #[cfg(feature = "social")]
    doors.extend(features::social::pages(auth));
    doors.push(features::account::page());
    doors
}

/// What stands at the root, where endpoints may stand too.
const AT_ROOT: [&str; 2] = ["livez", "readyz"];

/// What is wrong with where the settings put the endpoints.
pub(crate) fn misplaced(auth: &Auth) -> Vec<String> {
    let (rooms, doors) = (all_rooms(auth), doors(auth));
    let paths: Vec<&str> = rooms.iter().map(|room| room.path).chain(doors.iter().map(|door| door.path)).collect();
    let endpoints = &auth.settings.endpoints;
    let mut fixed = Vec::new();
    if auth.settings.docs_openapi() {
        fixed.push(Reader::PATH);
    }
    if auth.settings.server.base_path.is_empty() {
        fixed.extend(AT_ROOT);
    }
    let mut problems = endpoints.problems(&paths, &fixed);
    let (account, frontend) = (&auth.settings.account, &auth.settings.frontend);
    let verifies = account.email != Presence::Off && account.email_verification != Verification::None;
    let is_there = |path: &str| endpoints.place(path).is_some();
    let (resets, changes) = (is_there("password/reset"), account.email != Presence::Off && is_there("email/change"));
    for (path, mailed, url, key) in [
        ("registration/account-confirm-email", verifies, &frontend.confirm_email_url, "frontend.confirm_email_url"),
        ("password/reset/confirm", resets, &frontend.password_reset_url, "frontend.password_reset_url"),
        ("email/change/confirm", changes, &frontend.change_email_url, "frontend.change_email_url"),
    ] {
        if mailed && url.is_none() && !is_there(path) {
            let with = Endpoints::behind(path).map(|endpoint| format!(", which goes with {endpoint:?},")).unwrap_or_default();
            problems
                .push(format!("endpoints.off: without {path:?}{with} the links of mails lead nowhere; set {key}, or keep it"));
        }
    }
    problems
}

/// The rooms that this installation has, in the order in which people read of them.
fn rooms(auth: &Auth) -> Vec<Endpoint> {
    let mut rooms = all_rooms(auth);
    rooms.retain(|room| auth.settings.endpoints.place(room.path).is_some());
    rooms
}

/// The rooms that there are, in the order in which people read of them.
fn all_rooms(auth: &Auth) -> Vec<Endpoint> {
    let mut rooms = vec![
        features::registration::endpoint(auth),
        features::login::endpoint(auth),
        features::logout::endpoint(auth),
        features::user::endpoint(auth),
        features::password_change::endpoint(auth),
        features::password_reset::request(auth),
        features::password_reset::confirm(auth),
        features::email_verification::verify(auth),
        features::email_verification::resend(auth),
        features::sessions::list(auth),
        features::sessions::one(auth),
        features::sessions::others(auth),
        features::token::introspection(auth),
        features::reauthenticate::endpoint(auth),
    ];
    #[cfg(feature = "social")]
    rooms.extend(features::social::endpoints(auth));
    if auth.settings.account.email != Presence::Off {
        rooms.extend([features::email_change::request(auth), features::email_change::confirm(auth)]);
    }
    if auth.settings.tokens.mode != TokenMode::Opaque {
        rooms.extend([features::token::verify(auth), features::token::refresh(auth)]);
    }
    if auth.settings.docs_openapi() {
        rooms.push(features::openapi::endpoint());
    }
    rooms
}

fn nothing_here(auth: &Auth, headers: &HeaderMap) -> Response<Body> {
    tally::count_elsewhere();
    render::plain(404, Message::NotFound.in_language(language::asked(&auth.languages, headers)))
}

fn health(well: bool) -> Response<Body> {
    if well { render::plain(200, "ok") } else { render::plain(503, Message::Unavailable.text()) }
}

#[cfg(test)]
mod tests {
    use crate::testing::{TestApp, databases};

    use super::*;

    #[tokio::test]
    async fn every_page_goes_with_an_endpoint() {
        let with_provider = |settings: &mut crate::Settings| {
            settings.social.extend(cfg!(feature = "social").then(|| ("dev".to_owned(), crate::settings::Social::default())));
        };
        let app = TestApp::on(databases::fresh_sqlite().await, with_provider).await;
        let rooms = all_rooms(&app.auth);
        for door in doors(&app.auth) {
            let own = door.path.split("/{").next().unwrap();
            // Where one is signed in is no endpoint's work, nor is a provider's page; they go by their own paths alone.
            let known = ["account", "social/dev/provider"].contains(&own)
                || Endpoints::behind(own).is_some()
                || rooms.iter().any(|room| room.path == own);
            assert!(known, "settings/endpoints.rs does not say with which endpoint {own} goes");
        }
    }
}
