//! A sign-in provider on loopback that says what it is told to say: any claim, key, algorithm, delay or redirect. It counts what
//! it is asked.
//!
//! ```no_run
//! use vestibule::testing::{Asked, Provider, on_both};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() { if std::env::var("VESTIBULE_TEST_POSTGRES").is_err() { return }
//! let provider = Provider::start().await;
//! on_both(
//!     |settings| drop(settings.social.insert("acme".into(), provider.settings())),
//!     async |app| {
//!         provider.follow(&app.clock);
//!         provider.person(serde_json::json!({ "sub": "1", "email": "ana@example.org" }));
//!         let code = provider.code();
//!         app.post("acme/", serde_json::json!({ "code": code })).send().await.expect(200).key();
//!     },
//! )
//! .await;
//! assert!(provider.asked(Asked::Token) > 0);
//! # }
//! ```

mod answers;
mod places;
mod signing;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::ground::Clock;
use crate::settings::Social;

use places::Places;

pub use signing::Signing;

/// The identifier by which this service is known to the provider.
pub const CLIENT: &str = "client-1";

/// The secret that goes with it.
pub const SECRET: &str = "provider secret: +%/";

/// How a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenID Connect, described by a document.
    OpenId,
    /// The same as Google speaks it: RSA, and a question about access tokens.
    Google,
    /// OAuth 2.0 as GitHub speaks it: a person with a number, a list of addresses, errors with the status of success.
    GitHub,
    /// As the kind of that name in [`crate::social::kinds::KINDS`] is asked: at the same paths, proven in the same way. What it says
    /// of people and beside its tokens is the script's.
    Of(&'static str),
}

/// What a provider can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// The description.
    Description,
    /// The keys.
    Keys,
    /// Tokens for a code.
    Token,
    /// The person.
    Userinfo,
    /// The list of addresses.
    Addresses,
    /// For whom an access token was made.
    Audience,
}

/// What goes wrong at one of its places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A redirect to that address.
    Redirect(String),
    /// A body without an end.
    Endless,
    /// A body of that many bytes.
    Huge(usize),
    /// The right answer, that much later.
    Slow(Duration),
    /// That many keys beside the right one.
    ManyKeys(usize),
    /// No document, with that status.
    Status(u16),
}

/// What a provider says.
#[derive(Clone, Debug)]
pub struct Script {
    /// Who is logged in there: the members of the person.
    pub person: Map<String, Value>,
    /// Changes to the claims of ID tokens; `null` takes a claim out.
    pub claims: Map<String, Value>,
    /// Whether ID tokens hold no more than who it is, so that the rest must be asked for.
    pub bare_id_tokens: bool,
    /// How ID tokens are signed.
    pub signing: Signing,
    /// Changes to the description; `null` takes a member out.
    pub description: Map<String, Value>,
    /// The list of addresses, as GitHub tells it; made from the person when left out.
    pub addresses: Option<Value>,
    /// Members beside `code` and `state` in the answer to the browser; `code` and `state` can be replaced.
    pub answer: Vec<(String, String)>,
    /// Refuses to log anybody in, with that error.
    pub refuses: Option<String>,
    /// Changes to the answer with tokens; `null` takes a member out.
    pub tokens: Map<String, Value>,
    /// What it says to a code that does not count.
    pub refusal: Option<(u16, Value)>,
    /// What goes wrong, by place.
    pub faults: BTreeMap<Asked, Fault>,
}

/// What is behind a code.
#[derive(Clone, Debug, Default)]
struct Grant {
    redirect: Option<String>,
    challenge: Option<String>,
    nonce: Option<String>,
    person: Map<String, Value>,
}

struct Shared {
    dialect: Dialect,
    url: String,
    /// What it calls itself; with the place for a tenant where there are some.
    issuer: String,
    places: Option<Places>,
    state: Mutex<State>,
}

struct State {
    script: Script,
    clock: Clock,
    codes: BTreeMap<String, Grant>,
    /// Access tokens: for which client, and whose.
    access: BTreeMap<String, (String, Map<String, Value>)>,
    asked: BTreeMap<Asked, usize>,
    visits: Vec<BTreeMap<String, String>>,
    exchanges: Vec<BTreeMap<String, String>>,
    made: u64,
}

impl State {
    fn name(&mut self, what: &str) -> String {
        self.made += 1;
        format!("{what}-{}", self.made)
    }
}

/// A provider on a port of its own. It is gone when it is dropped.
pub struct Provider {
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl Provider {
    /// A provider of OpenID Connect that behaves well.
    pub async fn start() -> Self {
        Self::speaking(Dialect::OpenId).await
    }

    /// A provider that speaks so.
    ///
    /// # Panics
    /// If it cannot listen.
    pub async fn speaking(dialect: Dialect) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap_or_else(|error| panic!("{error}"));
        let place = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let person = json!({ "sub": "person-1", "email": "ana@example.org", "email_verified": true, "name": "Ana Lind" });
        let script = Script {
            person: object(person),
            claims: Map::new(),
            bare_id_tokens: false,
            signing: if dialect == Dialect::Google { Signing::Rs256 } else { Signing::Es256 },
            description: Map::new(),
            addresses: None,
            answer: Vec::new(),
            refuses: None,
            tokens: Map::new(),
            refusal: None,
            faults: BTreeMap::new(),
        };
        let state = State {
            script,
            clock: Clock::System,
            codes: BTreeMap::new(),
            access: BTreeMap::new(),
            asked: BTreeMap::new(),
            visits: Vec::new(),
            exchanges: Vec::new(),
            made: 0,
        };
        let url = format!("http://{place}");
        let places = if let Dialect::Of(name) = dialect { Some(Places::new(name, &url)) } else { None };
        let issuer = format!("{url}{}", places.as_ref().map_or("", |places| places.issuer().0));
        let shared = Arc::new(Shared { dialect, url, issuer, places, state: Mutex::new(state) });
        let served = shared.clone();
        let router = Router::new().fallback(move |request: Request| answers::answer(served.clone(), request));
        let serving = tokio::spawn(async move {
            // A provider that stops serving is seen by the test that needs it.
            let _ = axum::serve(listener, router).await;
        });
        Self { shared, serving }
    }

    /// Its address, which is also its issuer.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// The settings with which a service knows this provider.
    pub fn settings(&self) -> Social {
        let own = Social {
            client_id: Some(CLIENT.into()),
            client_secret: Some(SECRET.into()),
            allow_private_network: true,
            ..Social::default()
        };
        let at = |path: &str| Some(format!("{}{path}", self.url()));
        if let Some(places) = &self.shared.places {
            return places.settings(self.url(), own);
        }
        match self.shared.dialect {
            Dialect::OpenId | Dialect::Of(_) => Social { kind: "oidc".into(), issuer: at(""), ..own },
            Dialect::Google => Social { kind: "google".into(), issuer: at(""), ..own },
            Dialect::GitHub => Social {
                kind: "github".into(),
                issuer: at(""),
                authorize_url: at("/login/oauth/authorize"),
                token_url: at("/login/oauth/access_token"),
                userinfo_url: at("/user"),
                ..own
            },
        }
    }

    /// Goes by this clock: tokens are of its present moment.
    pub fn follow(&self, clock: &Clock) {
        self.state().clock = clock.clone();
    }

    /// Changes what it says from now on.
    pub fn script(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.state().script);
    }

    /// Logs somebody in there: members as in `{"sub": "1", "email": "ana@example.org", "email_verified": true}`. In GitHub's
    /// dialect the number is `id`.
    pub fn person(&self, members: Value) {
        self.state().script.person = object(members);
    }

    /// How often it was asked for that.
    pub fn asked(&self, what: Asked) -> usize {
        self.state().asked.get(&what).copied().unwrap_or_default()
    }

    /// The authorization requests of all browsers, in their order, as members.
    pub fn visits(&self) -> Vec<BTreeMap<String, String>> {
        self.state().visits.clone()
    }

    /// The forms with which codes were exchanged, in their order.
    pub fn exchanges(&self) -> Vec<BTreeMap<String, String>> {
        self.state().exchanges.clone()
    }

    /// A code as a front end gets it that made the authorization request itself.
    pub fn code(&self) -> String {
        let mut state = self.state();
        let (code, person) = (state.name("code"), state.script.person.clone());
        state.codes.insert(code.clone(), Grant { person, ..Grant::default() });
        code
    }

    /// An ID token as an app gets it on a telephone.
    pub fn id_token(&self) -> String {
        let mut state = self.state();
        let person = state.script.person.clone();
        answers::id_token(&self.shared, &mut state, &person, None)
    }

    /// An access token that was made for that client.
    pub fn access_token(&self, client: &str) -> String {
        let mut state = self.state();
        let (token, person) = (state.name("access"), state.script.person.clone());
        state.access.insert(token.clone(), (client.to_owned(), person));
        token
    }

    /// What a browser does with the address that it was sent to: whoever is logged in agrees, and the browser is sent back to
    /// this address.
    ///
    /// # Panics
    /// If the address is not this provider's.
    pub fn visit(&self, url: &str) -> String {
        let url = url::Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert!(url.as_str().starts_with(self.url()), "{url} is not of {}", self.url());
        let query = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        answers::authorize(&mut self.state(), query).unwrap_or_else(|what| panic!("{what}"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.shared)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn locked(shared: &Shared) -> MutexGuard<'_, State> {
    shared.state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

/// Puts changes into an object; `null` takes a member out.
fn change(members: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (name, value) in changes {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
}
