//! One provider of the settings, and all of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::ground::{Secret, Time};
use crate::outgoing::{Bounds, Outgoing, Plain, Reach, tls};
use crate::settings::{Link, Settings, Social, read_secret_file};

use super::dev::{self, DEV, DevProvider};
use super::discovery::{Description, Metadata};
use super::failure::Failure;
use super::jws::SigningKey;
use super::keys::Keys;
use super::kinds::{self, ClientProof, Kind, Speech};
use super::person::Reading;

/// What a request to a provider may cost (T57).
const BOUNDS: Bounds = Bounds { connect: Duration::from_secs(5), answer: Duration::from_secs(10), largest: 1 << 20 };

/// Every provider of the settings.
#[derive(Default)]
pub struct Providers(BTreeMap<String, Arc<Provider>>);

/// One provider.
pub struct Provider {
    /// Its name in the settings and in paths.
    pub id: &'static str,
    /// Its paths.
    pub paths: Paths,
    /// How its kind speaks.
    pub kind: &'static Kind,
    /// What the owner set.
    pub settings: Social,
    /// Where the provider sends people back to.
    pub callback: String,
    /// Where it sends people back to whose login the front end has begun.
    pub front_callback: String,
    /// The identifier that the provider gave to this service.
    pub client_id: String,
    /// The provider itself, where it is ours.
    pub(super) dev: Option<Arc<DevProvider>>,
    pub(super) secret: Option<Secret>,
    pub(super) signing: Option<SigningKey>,
    pub(super) issuer: String,
    pub(super) reading: Reading,
    pub(super) out: Outgoing,
    pub(super) keys: Keys,
    description: Description,
}

/// The paths of one provider, below the base path. They live for as long as the process, as those of all endpoints do.
#[derive(Clone, Copy, Debug)]
pub struct Paths {
    /// What people call its login.
    pub name: &'static str,
    /// What people call its connection to an account.
    pub connect_name: &'static str,
    /// For connecting it to an account.
    pub connect: &'static str,
    /// Where browsers are sent to it.
    pub start: &'static str,
    /// Where it sends them back to.
    pub callback: &'static str,
    /// The names of the operations in generated clients.
    pub login_id: &'static str,
    /// See [`Paths::login_id`].
    pub connect_id: &'static str,
    /// See [`Paths::login_id`].
    pub go_id: &'static str,
    /// See [`Paths::login_id`].
    pub start_id: &'static str,
    /// See [`Paths::login_id`].
    pub callback_id: &'static str,
    /// See [`Paths::login_id`].
    pub form_id: &'static str,
}

impl Paths {
    fn of(id: &str, kind: &Kind) -> Self {
        let named = |verb: &str| -> &'static str { format!("{verb}{}", capitalised(id)).leak() };
        Self {
            login_id: named("loginWith"),
            connect_id: named("connect"),
            go_id: named("goTo"),
            start_id: named("start"),
            callback_id: named("comeBackFrom"),
            form_id: named("comeBackByFormFrom"),
            name: format!("{} Login", kind.label).leak(),
            connect_name: format!("{} Connect", kind.label).leak(),
            connect: format!("{id}/connect").leak(),
            start: format!("social/{id}/start").leak(),
            callback: format!("social/{id}/callback").leak(),
        }
    }
}

/// `my-idp` → `MyIdp`.
fn capitalised(id: &str) -> String {
    let words = id.split(['-', '_']).map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}

impl Providers {
    /// The providers of the settings, with everything that is wrong with them at once. Nothing is asked of them yet.
    ///
    /// # Errors
    /// Sentences for the operator.
    pub fn load(settings: &Settings) -> Result<Self, Vec<String>> {
        let (mut all, mut problems) = (BTreeMap::new(), Vec::new());
        if settings.social.is_empty() {
            return Ok(Self::default());
        }
        let authorities = tls::authorities().unwrap_or_else(|what| {
            tracing::warn!("no provider can be asked over https: {what}");
            Vec::new()
        });
        for (id, own) in &settings.social {
            let plain = if settings.production() { Plain::Never } else { Plain::Loopback };
            let reach = if own.allow_private_network { Reach::Anywhere } else { Reach::Public };
            let out = Outgoing::new(reach, plain, BOUNDS, authorities.clone());
            match out.and_then(|out| Provider::new(id, own, settings, out)) {
                Ok(provider) => drop(all.insert(id.clone(), Arc::new(provider))),
                Err(what) => problems.push(format!("social.{id}: {what}")),
            }
        }
        if problems.is_empty() { Ok(Self(all)) } else { Err(problems) }
    }

    /// The provider of that name.
    pub fn get(&self, id: &str) -> Option<&Arc<Provider>> {
        self.0.get(id)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.0.values()
    }
}

impl Provider {
    fn new(id: &str, own: &Social, settings: &Settings, out: Outgoing) -> Result<Self, String> {
        let kind = own.kind(id).ok_or("is of a kind that is not known")?;
        let secret = match (&own.client_secret, &own.client_secret_file) {
            (Some(secret), _) => Some(secret.clone()),
            (None, Some(path)) => Some(read_secret_file(path).map_err(|error| format!("client_secret_file {}", error.what))?),
            (None, None) => None,
        };
        let signing = match (kind.client, &own.private_key_file) {
            (ClientProof::Signed, Some(path)) => {
                let pem = read_secret_file(path).map_err(|error| format!("private_key_file {}", error.what))?;
                Some(SigningKey::from_pem(&pem).map_err(|what| format!("private_key_file {what}"))?)
            }
            _ => None,
        };
        let paths = Paths::of(id, kind);
        // Moved elsewhere, the provider sends people there too; left out, only the front end can make requests.
        let place = settings.endpoints.place(paths.callback).unwrap_or_else(|| paths.callback.to_owned());
        let ours = address(settings, paths.callback);
        let theirs = own.callback_url.clone().unwrap_or_else(|| ours.clone());
        let is_ours = theirs.trim_end_matches('/').ends_with(&format!("/{place}"));
        let callback = if is_ours { theirs.clone() } else { ours };
        let client_id = own.client_id.clone().unwrap_or_else(|| if kind.name == DEV { DEV.to_owned() } else { String::new() });
        let dev = match kind.name {
            DEV => Some(dev_provider(id, settings, &client_id, [callback.clone(), theirs.clone()])?),
            _ => None,
        };
        let within = dev.clone().map(|dev| Outgoing::within_process(Arc::new(move |request| dev.answer(&request))));
        Ok(Self {
            id: id.to_owned().leak(),
            paths,
            kind,
            callback,
            front_callback: theirs,
            client_id,
            dev,
            issuer: own.issuer.clone().unwrap_or_else(|| kind.issuer.to_owned()),
            reading: Reading::new(&kind.members, &own.map),
            secret,
            signing,
            out: within.unwrap_or(out),
            keys: Keys::default(),
            description: Description::default(),
            settings: own.clone(),
        })
    }

    /// What people read on its button.
    pub fn label(&self) -> &'static str {
        match self.kind.name {
            "oidc" | "oauth2" => self.id,
            _ => self.kind.label,
        }
    }

    /// Whether answers that name this issuer are its.
    pub fn is_issuer(&self, issuer: &str) -> bool {
        self.issuer == issuer
    }

    /// What happens when its address belongs to an account.
    pub fn link(&self) -> Link {
        self.settings.link
    }

    /// Whether a client may bring an access token: where its audience can be proven, by default in compat and not in strict.
    pub fn takes_access_tokens(&self, compat: bool) -> bool {
        let provable = self.kind.audience.is_some() || matches!(self.kind.speech, Speech::OpenId { .. });
        provable && self.settings.accept_access_token.unwrap_or(compat && self.kind.audience.is_some())
    }

    /// What it is asked for.
    pub fn scopes(&self) -> Vec<String> {
        self.settings.scopes.clone().unwrap_or_else(|| self.kind.scopes.iter().map(|scope| (*scope).to_owned()).collect())
    }

    /// Whether it speaks OpenID Connect.
    pub fn speaks_openid(&self) -> bool {
        matches!(self.kind.speech, Speech::OpenId { .. })
    }

    /// Its endpoints: from its description, or from the table and the settings.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the description cannot be had, [`Failure::Misconfigured`] when it is another's.
    pub async fn metadata(&self, now: Time) -> Result<Arc<Metadata>, Failure> {
        match self.kind.speech {
            Speech::OpenId { tenants, .. } => self.description.get(&self.out, &self.issuer, tenants, now).await,
            Speech::OAuth { authorize, token, userinfo } => self.endpoints(authorize, token, userinfo).map(Arc::new),
        }
    }

    fn endpoints(&self, authorize: &str, token: &str, userinfo: &str) -> Result<Metadata, Failure> {
        let own = &self.settings;
        let url = |name: &str, own: &Option<String>, usual: &str| {
            Url::parse(own.as_deref().unwrap_or(usual)).map_err(|_| Failure::Misconfigured(format!("{name} is no address")))
        };
        let authorize = url("authorize_url", &own.authorize_url, authorize)?;
        let issuer = self.settings.effective_issuer(self.kind);
        Ok(Metadata {
            issuer,
            token: url("token_url", &own.token_url, token)?,
            userinfo: Some(url("userinfo_url", &own.userinfo_url, userinfo)?),
            authorize,
            keys: None,
            introspection: None,
            names_itself: false,
            takes_basic: self.kind.client != ClientProof::Body,
            scopes: Vec::new(),
        })
    }
}

/// The whole address of a place below the base path, wherever it was moved to.
fn address(settings: &Settings, path: &str) -> String {
    let base = format!("{}{}", settings.public_url(), settings.server.base_path.trim_end_matches('/'));
    format!("{base}/{}/", settings.endpoints.place(path).unwrap_or_else(|| path.to_owned()))
}

/// The provider for development, where nobody but this machine can reach it.
fn dev_provider(id: &str, settings: &Settings, client: &str, callbacks: [String; 2]) -> Result<Arc<DevProvider>, String> {
    if !settings.local() || id != DEV {
        return Err("is for development on this machine alone, in the section social.dev".into());
    }
    tracing::warn!("social.dev is on: whoever reaches this service signs in as whom they like");
    DevProvider::new(client, callbacks, address(settings, dev::PAGE)).map(Arc::new)
}

impl Social {
    /// The kind of provider: what `kind` says, or the name itself.
    pub fn kind(&self, id: &str) -> Option<&'static Kind> {
        kinds::by_name(if self.kind.is_empty() { id } else { &self.kind })
    }

    /// What identities are filed under: what the settings say; else the kind's, unless another server is asked; else where it is told
    /// who somebody is, so that two servers never name different people alike.
    pub(crate) fn effective_issuer(&self, kind: &Kind) -> String {
        let usual = || match kind.speech {
            Speech::OAuth { token, userinfo, .. } => {
                let told_by = self.userinfo_url.as_deref().unwrap_or(userinfo);
                let is_usual = told_by == userinfo && self.token_url.as_deref().is_none_or(|url| url == token);
                let place = if told_by == userinfo { self.token_url.as_deref().unwrap_or(told_by) } else { told_by };
                if is_usual && !kind.issuer.is_empty() { kind.issuer } else { place }.to_owned()
            }
            Speech::OpenId { .. } => kind.issuer.to_owned(),
        };
        self.issuer.clone().unwrap_or_else(usual)
    }
}
