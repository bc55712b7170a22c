//! From settings to a running service, with every problem told at once.

mod opening;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::accounts::auth::Floor;
use crate::accounts::browsers::Browsers;
use crate::accounts::client::RequestNames;
use crate::accounts::last_seen::LastSeen;
use crate::accounts::limits::Limits;
use crate::accounts::listener::Listener;
use crate::accounts::passwords::{Hasher, OwnRule, Parameters, Policy};
use crate::accounts::shapes::Shapes;
use crate::accounts::typed::{Change, Typed};
use crate::accounts::{Auth, NewUser, User};
use crate::app;
use crate::db::{Db, Options};
use crate::ground::{Clock, Entropy, Error, Languages, Message, Secret, meters};
use crate::hooks::{AnyHooks, Hooks, NoHooks};
use crate::jobs::Courier;
use crate::mail::Transport;
use crate::mail::templates::{Functions, Templates};
use crate::pages::Pages;
use crate::settings::{FieldSettings, HashQueue, HashThreads, Settings};

/// Why a service does not start: sentences for the operator, all of them at once.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct BuildError(pub Vec<String>);

impl BuildError {
    fn because(sentence: impl Into<String>) -> Self {
        Self(vec![sentence.into()])
    }

    fn of_database(error: &Error) -> Self {
        Self::because(format!("the database does not answer as it should: {error:?}"))
    }
}

/// Makes an [`Auth`].
pub struct Builder {
    settings: Settings,
    clock: Clock,
    entropy: Entropy,
    indexes: bool,
    looking: bool,
    hooks: Arc<dyn AnyHooks>,
    typed: Typed,
    changes: Vec<Change>,
    password_rule: Option<OwnRule>,
    transport: Option<Transport>,
    mails_at_once: u16,
    functions: Functions,
}

impl Auth {
    /// Begins a service with these settings.
    pub fn builder(settings: Settings) -> Builder {
        Builder {
            settings,
            clock: Clock::System,
            entropy: Entropy::System,
            indexes: true,
            looking: false,
            hooks: Arc::new(NoHooks),
            typed: Typed::default(),
            changes: Vec::new(),
            password_rule: None,
            transport: None,
            mails_at_once: Courier::AT_ONCE,
            functions: Functions::default(),
        }
    }
}

impl Builder {
    /// Goes by another clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Takes randomness from elsewhere (tests).
    #[must_use]
    pub fn entropy(mut self, entropy: Entropy) -> Self {
        self.entropy = entropy;
        self
    }

    /// Runs the host's own code inside the units of the flows.
    #[must_use]
    pub fn hooks(mut self, hooks: impl Hooks) -> Self {
        self.hooks = Arc::new(hooks);
        self
    }

    /// Accounts have the members of this struct as fields, as if each were declared in `user.fields`. The types say what fits:
    /// `Option` is what may be missing, an enum a choice, bounds and patterns are those of schemars. What the reader of such a
    /// profile refuses is told at its field. Read it with [`crate::accounts::User::profile`].
    #[must_use]
    pub fn profile<P: DeserializeOwned + JsonSchema>(mut self) -> Self {
        self.typed.set_profile::<P>();
        self
    }

    /// Changes a field of the profile where no attribute of schemars says it.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, change: impl FnOnce(&mut FieldSettings) + Send + 'static) -> Self {
        self.changes.push((name.into(), Box::new(change)));
        self
    }

    /// Registration takes the members of this struct, after what it cannot do without (name, address, passwords) where the
    /// struct does not name it. Members that accounts have as fields keep the rules of the field; the others are the form's own.
    /// What `TryFrom` refuses is told at the field that it names.
    #[must_use]
    pub fn register_form<F>(mut self) -> Self
    where
        F: DeserializeOwned + JsonSchema,
        NewUser: TryFrom<F, Error: Into<Error>>,
    {
        self.typed.set_register::<F>();
        self
    }

    /// `user/` answers with this struct. Members that accounts have as fields stay editable where the field is.
    #[must_use]
    pub fn user_view<V>(mut self) -> Self
    where
        V: Serialize + JsonSchema + for<'u> From<&'u User>,
    {
        self.typed.set_view::<V>();
        self
    }

    /// Refuses passwords beyond what the settings say: the messages say why, none lets it pass. Runs on the threads that answer
    /// requests, so it must be quick; for a password with U+0000 or too many bytes it is not asked.
    #[must_use]
    pub fn password_rule(mut self, rule: impl Fn(&Secret) -> Vec<Message> + Send + Sync + 'static) -> Self {
        self.password_rule = Some(OwnRule::new(rule));
        self
    }

    /// Leaves an endpoint out, by its path: `password/reset`. As the setting `endpoints.off`.
    #[must_use]
    pub fn without(mut self, path: impl Into<String>) -> Self {
        self.settings.endpoints.off.push(path.into());
        self
    }

    /// Serves an endpoint at another path below the base path; links in mails follow. As the setting `endpoints.moved`.
    #[must_use]
    pub fn moved(mut self, path: impl Into<String>, to: impl Into<String>) -> Self {
        self.settings.endpoints.moved.insert(path.into(), to.into());
        self
    }

    /// Sends mail in this way, whatever the settings say.
    #[must_use]
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Sends so many mails side by side, at least one: 10 unless told otherwise. One after another, they leave in the order in which
    /// they were asked for.
    #[must_use]
    pub fn mails_at_once(mut self, most: u16) -> Self {
        self.mails_at_once = most.max(1);
        self
    }

    /// Lets templates call a function of the host's: `{{ name(…) }}`. It gets and gives JSON values.
    #[must_use]
    pub fn template_function(
        mut self,
        name: impl Into<String>,
        function: impl Fn(&[serde_json::Value]) -> serde_json::Value + Send + Sync + 'static,
    ) -> Self {
        self.functions.add(name, function);
        self
    }

    /// Opens the service although declared unique fields are not indexed yet, for the commands that index or report them.
    #[must_use]
    pub fn without_indexes(mut self) -> Self {
        self.indexes = false;
        self
    }

    /// Opens the service to look at it: it makes no key, no file and no folder, and writes nothing but the migrations that the settings
    /// ask for. It cannot make tokens, and nothing should be sent to it.
    #[must_use]
    pub fn only_looking(mut self) -> Self {
        self.looking = true;
        self
    }

    /// Opens the database, migrates it where the settings say so, and starts the hashing threads. Whoever wants numbers
    /// ([`meters`]) installs a recorder of the `metrics` facade before this.
    ///
    /// # Errors
    /// [`BuildError`] with every problem of the settings at once, or what is wrong with the database and what to do about it.
    pub async fn build(self) -> Result<Auth, BuildError> {
        meters::describe();
        let mut settings = self.settings;
        let shapes = shapes(&mut settings, self.typed, self.changes)?;
        let functions = self.functions.clone();
        let (languages, templates) = words(&settings, self.functions)?;
        let db = Db::open(settings.database.url.expose(), Options::default())
            .await
            .map_err(|error| BuildError::because(error.to_string()))?;
        opening::prepare(&db, &settings, &self.clock).await?;
        // After the database: beside one that cannot be opened no key is left lying.
        let (secret, key_file) = opening::secret_key(&settings, self.looking)?;
        let key = opening::master_key(&db, &secret, self.looking).await?;
        if self.indexes {
            opening::refuse_unindexed(&db, &shapes, self.looking).await?;
        }
        let signing = opening::signing(&settings, &db, &key, (&self.clock, &self.entropy), self.looking).await?;
        let pages = Pages::load(&settings, &functions, &languages);
        let transport = self.transport.map_or_else(|| Transport::of(&settings, !self.looking), Ok);
        let mut courier = courier(transport, pages, &self.entropy)?;
        courier.at_once = self.mails_at_once;
        let internal = |error: Error| BuildError::because(format!("{error:?}"));
        #[cfg(feature = "social")]
        let providers = crate::social::Providers::load(&settings).map_err(BuildError)?;
        let floor = Floor {
            hasher: Hasher::start(&hashing(&settings), self.entropy.clone()).map_err(internal)?,
            policy: policy(&settings, self.password_rule),
            limits: Limits::new(&key).map_err(internal)?,
            last_seen: LastSeen::default(),
            code_key: crate::accounts::tokens::code_key(&key).map_err(internal)?,
            browsers: Browsers::new(&key).map_err(internal)?,
            cookies: settings.cookie_names(),
            signing,
            courier,
            request_names: RequestNames::new(&self.entropy).map_err(internal)?,
            placed: AtomicBool::new(false),
            #[cfg(feature = "social")]
            social: crate::social::SignIn::new(providers, &key).map_err(internal)?,
            key_file,
            listener: Listener::start(&self.hooks),
            hooks: self.hooks,
            settings,
            db,
            clock: self.clock,
            entropy: self.entropy,
            shapes,
            languages,
            templates,
        };
        let auth = Auth::new(floor);
        let misplaced = app::misplaced(&auth);
        if misplaced.is_empty() { Ok(auth) } else { Err(BuildError(misplaced)) }
    }
}

/// What accounts look like, or everything that is wrong with the settings and with the host's types.
fn shapes(settings: &mut Settings, typed: Typed, changes: Vec<Change>) -> Result<Shapes, BuildError> {
    let mut problems = typed.declare(settings, changes);
    match Shapes::new(settings, typed) {
        Ok(shapes) => {
            problems.extend(shapes.problems(settings));
            if problems.is_empty() { Ok(shapes) } else { Err(BuildError(problems)) }
        }
        Err(what) => Err(BuildError(if problems.is_empty() { vec![what] } else { problems })),
    }
}

/// The languages and the texts of mails, or everything that is wrong with them.
fn words(settings: &Settings, functions: Functions) -> Result<(Languages, Templates), BuildError> {
    let asked = &settings.languages;
    let languages = Languages::load(&asked.default, asked.enabled.as_deref(), asked.dir.as_deref()).map_err(BuildError)?;
    let templates = Templates::load(settings, &languages, functions);
    let templates = templates.map_err(|problems| BuildError(problems.iter().map(ToString::to_string).collect()))?;
    Ok((languages, templates))
}

/// What sending mail needs, with every problem of the pages and of the way out at once.
fn courier(
    transport: Result<Transport, String>,
    pages: Result<Pages, Vec<String>>,
    entropy: &Entropy,
) -> Result<Courier, BuildError> {
    let mut problems = Vec::new();
    let pages = pages.map_err(|wrong| problems.extend(wrong)).ok();
    let transport = transport.map_err(|wrong| problems.push(wrong)).ok();
    match (pages, transport) {
        (Some(pages), Some(transport)) => {
            Courier::new(transport, pages, entropy).map_err(|error| BuildError::because(format!("{error:?}")))
        }
        _ => Err(BuildError(problems)),
    }
}

fn policy(settings: &Settings, own: Option<OwnRule>) -> Policy {
    let password = &settings.password;
    Policy {
        min_length: password.min_length as usize,
        max_bytes: password.max_bytes as usize,
        site_name: settings.site.name.clone(),
        own,
    }
}

fn hashing(settings: &Settings) -> Parameters {
    let password = &settings.password;
    Parameters {
        memory_kib: password.memory_kib,
        iterations: password.iterations,
        threads: match password.hash_threads {
            HashThreads::Cores => None,
            HashThreads::Count(count) => NonZeroUsize::new(count as usize),
        },
        queue: match password.hash_queue {
            HashQueue::Auto => None,
            HashQueue::Count(count) => NonZeroUsize::new(count as usize),
        },
        max_bytes: password.max_bytes as usize,
    }
}
