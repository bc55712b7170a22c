//! The whole house: builds an [`Auth`], lists its rooms and keeps it running. With `settings`, the only file that names every
//! feature.

use std::future::Future;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Router;
use axum::body::Body;
use axum::routing::any;
use http::{Request, Response};

use crate::accounts::auth::Floor;
use crate::accounts::client::RequestNames;
use crate::accounts::last_seen::LastSeen;
use crate::accounts::limits::Limits;
use crate::accounts::passwords::{Hasher, Parameters, Policy};
use crate::accounts::shapes::Shapes;
use crate::accounts::{Auth, facts, housekeeping};
use crate::db::{Db, Options, migrate};
use crate::features;
use crate::ground::secrets::MasterKey;
use crate::ground::{Clock, Entropy, Error, Message, Secret, key_file, meters};
use crate::hooks::{AnyHooks, Hooks, NoHooks};
use crate::http::dispatch::Bound;
use crate::http::{Endpoint, render, tally};
use crate::settings::{HashQueue, HashThreads, Settings};

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
    hooks: Box<dyn AnyHooks>,
}

impl Auth {
    /// Begins a service with these settings.
    pub fn builder(settings: Settings) -> Builder {
        Builder { settings, clock: Clock::System, entropy: Entropy::System, indexes: true, hooks: Box::new(NoHooks) }
    }

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
        for endpoint in rooms(self) {
            let bound = Arc::new(Bound::new(self.clone(), endpoint));
            for end in ["", "/"] {
                let (path, bound) = (format!("{base}/{}{end}", bound.endpoint.path), bound.clone());
                router = router.route(&path, any(move |request: Request<Body>| bound.clone().answer(request)));
            }
        }
        let auth = self.clone();
        router.fallback(move || async move { render::secured(Self::not_found().await, &auth) }).with_state(())
    }

    /// What belongs at the root, whatever the base path is: `/livez`, and `/readyz` which also asks the database.
    pub fn well_known<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let auth = self.clone();
        let ready = move || {
            let auth = auth.clone();
            async move { render::secured(health(auth.is_ready().await), &auth) }
        };
        let auth = self.clone();
        let live = || async move { render::secured(health(true), &auth) };
        Router::new().route("/livez", axum::routing::get(live)).route("/readyz", axum::routing::get(ready)).with_state(())
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

    /// Whether the database answers.
    pub async fn is_ready(&self) -> bool {
        facts::answers(&self.db).await
    }

    /// Keeps house until `stop` is done: writes down when sessions were used and removes what has ended. A host spawns this
    /// once for each process.
    pub async fn run_worker(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut ticks = tokio::time::interval(housekeeping::EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut rounds: u64 = 0;
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = ticks.tick() => self.keep_house(rounds.is_multiple_of(housekeeping::ROUNDS_BETWEEN_WALKS)).await,
            }
            rounds += 1;
        }
        if let Err(error) = self.last_seen.flush(&self.db).await {
            tracing::warn!(?error, "when sessions were last used could not be written down");
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

/// The rooms that this installation has.
fn rooms(auth: &Auth) -> Vec<Endpoint> {
    vec![
        features::registration::endpoint(auth),
        features::login::endpoint(auth),
        features::logout::endpoint(auth),
        features::user::endpoint(auth),
        features::password_change::endpoint(auth),
    ]
}

fn health(well: bool) -> Response<Body> {
    if well { render::plain(200, "ok") } else { render::plain(503, Message::Unavailable.text()) }
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
        self.hooks = Box::new(hooks);
        self
    }

    /// Opens the service although declared unique fields are not indexed yet, for the commands that index or report them.
    #[must_use]
    pub fn without_indexes(mut self) -> Self {
        self.indexes = false;
        self
    }

    /// Opens the database, migrates it where the settings say so, and starts the hashing threads. Whoever wants numbers
    /// ([`meters`]) installs a recorder of the `metrics` facade before this.
    ///
    /// # Errors
    /// [`BuildError`] with every problem of the settings at once, or what is wrong with the database and what to do about it.
    pub async fn build(self) -> Result<Auth, BuildError> {
        meters::describe();
        let settings = self.settings;
        let problems: Vec<String> = settings.check().iter().map(ToString::to_string).collect();
        if !problems.is_empty() {
            return Err(BuildError(problems));
        }
        let shapes = Shapes::new(&settings).map_err(BuildError::because)?;
        let db = Db::open(settings.database.url.expose(), Options::default())
            .await
            .map_err(|error| BuildError::because(error.to_string()))?;
        prepare(&db, &settings, &self.clock).await?;
        // After the database: beside one that cannot be opened no key is left lying.
        let (secret, key_file) = secret_key(&settings)?;
        let key = MasterKey::new(&secret).map_err(|what| BuildError::because(format!("secret_key: {what}")))?;
        if !facts::remembers_key(&db, &key).await.map_err(|error| BuildError::of_database(&error))? {
            return Err(BuildError::because(
                "secret_key: is not the key that this database was made with; set the old key again, or use another database",
            ));
        }
        if self.indexes {
            refuse_unindexed(&db, &shapes).await?;
        }
        let internal = |error: Error| BuildError::because(format!("{error:?}"));
        let floor = Floor {
            hasher: Hasher::start(&hashing(&settings), self.entropy.clone()).map_err(internal)?,
            policy: policy(&settings),
            limits: Limits::new(&key).map_err(internal)?,
            last_seen: LastSeen::default(),
            request_names: RequestNames::new(&self.entropy).map_err(internal)?,
            placed: AtomicBool::new(false),
            key_file,
            hooks: self.hooks,
            settings,
            db,
            clock: self.clock,
            entropy: self.entropy,
            shapes,
        };
        Ok(Auth::new(floor))
    }
}

/// The key from the settings; in development, one that is made beside the database at first.
fn secret_key(settings: &Settings) -> Result<(Secret, Option<PathBuf>), BuildError> {
    if let Some(key) = &settings.secret_key {
        return Ok((key.clone(), None));
    }
    if settings.production() {
        return Err(BuildError::because("secret_key: is not set"));
    }
    let path = key_path(settings);
    Ok((key_file::make_or_read(&path).map_err(BuildError::because)?, Some(path)))
}

/// Beside the database file: `vestibule.db` has its key in `vestibule.key`. For a database elsewhere, in this folder.
fn key_path(settings: &Settings) -> PathBuf {
    match settings.database.url.expose().strip_prefix("sqlite://") {
        Some(file) => Path::new(file).with_extension("key"),
        None => PathBuf::from("vestibule.key"),
    }
}

fn policy(settings: &Settings) -> Policy {
    let password = &settings.password;
    Policy {
        min_length: password.min_length as usize,
        max_bytes: password.max_bytes as usize,
        site_name: settings.site.name.clone(),
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

async fn prepare(db: &Db, settings: &Settings, clock: &Clock) -> Result<(), BuildError> {
    let wrong = |error: migrate::MigrateError| BuildError::because(error.to_string());
    if settings.database.migrate {
        return migrate::migrate(db, clock.now()).await.map(|_| ()).map_err(wrong);
    }
    match migrate::pending(db).await.map_err(wrong)?.as_slice() {
        [] => Ok(()),
        pending => Err(BuildError::because(format!(
            "the database lacks {} migration(s) and database.migrate is off; run `vestibule migrate`",
            pending.len()
        ))),
    }
}

/// A unique field that was declared after there were users must be indexed first. Without users there is nothing to index.
async fn refuse_unindexed(db: &Db, shapes: &Shapes) -> Result<(), BuildError> {
    let wrong = |error: Error| BuildError::of_database(&error);
    let waiting = facts::fields_to_index(db, &shapes.declared).await.map_err(wrong)?;
    if !waiting.is_empty() && facts::has_users(db).await.map_err(wrong)? {
        return Err(BuildError::because(format!(
            "user.fields: {} became unique after there were users; run `vestibule migrate`, which indexes the old values or lists the duplicates",
            waiting.join(", ")
        )));
    }
    facts::index_fields(db, &shapes.declared).await.map(|_| ()).map_err(wrong)
}
