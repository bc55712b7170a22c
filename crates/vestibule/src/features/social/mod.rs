//! Signing in with providers: `{provider}/` and `{provider}/connect/` for what a client brings, `social/…` for the way over the
//! provider and back, `socialaccounts/` for what is connected, `registration/complete/` and the page `sign-up/complete/` for what a
//! provider does not tell.
//!
//! Whose account an identity opens is decided in [`identify`], and nowhere else. Start there.

pub mod connections;
pub mod crossing;
pub mod details;
mod dev;
pub mod flow;
mod http;
mod http_crossing;
pub mod identify;
pub mod kept;
mod page;
mod store;

use crate::accounts::Auth;
use crate::http::Endpoint;
use crate::http::page::Page;

/// The endpoints of every provider of the settings; none without providers.
pub fn endpoints(auth: &Auth) -> Vec<Endpoint> {
    let providers = auth.social.providers.iter();
    let mut all: Vec<Endpoint> = providers
        .flat_map(|provider| {
            let [start, callback] = http_crossing::endpoints(provider);
            [http::login(auth, provider), http::connect(auth, provider), start, callback]
        })
        .collect();
    if !all.is_empty() {
        all.extend([http_crossing::exchange(auth), http::complete(auth), http::list(), http::disconnect()]);
    }
    all
}

/// The pages that go with the providers of the settings; none without providers.
pub fn pages(auth: &Auth) -> Vec<Page> {
    let completion = (auth.social.providers.iter().next().is_some()).then(page::page);
    completion.into_iter().chain(auth.social.dev().map(|_| dev::page())).collect()
}
