//! `vestibule serve`.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::level_filters::LevelFilter;
use vestibule::{Auth, Settings};

use super::{Failure, open};
use crate::serve::signals::Signals;
use crate::serve::{self, Limits, Listener, Outcome, descriptors};
use crate::{logs, memory, metrics, output};

/// How long requests that have begun may take after the first signal: longer than a slow body and a slow database together. The worker
/// comes after it, and all of it must end within 30 s (T89).
const GRACE: Duration = Duration::from_secs(20);

/// What collectors of numbers may take: one at a time is usual.
const COLLECTORS: Limits = Limits {
    max_connections: 16,
    header_timeout: Duration::from_secs(10),
    body_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_secs(120),
};

/// Serves until told to stop.
pub(super) async fn run(config: Option<&Path>) -> Result<(), Failure> {
    let settings = open::settings(config, LevelFilter::TRACE)?;
    let socket = listen("server.listen", settings.server.listen).await?;
    let numbers = match settings.metrics.listen {
        Some(address) => Some((listen("metrics.listen", address).await?, metrics::install().map_err(Failure::Failed)?)),
        None => None,
    };
    let signals = Signals::listen().map_err(|error| Failure::Failed(format!("cannot wait for signals: {error}")))?;
    let (limits, https) = (limits(&settings), settings.https());
    descriptors::make_room(limits.max_connections);
    let auth = open::build(Auth::builder(settings)).await?;
    welcome(&auth, &address_of(&socket)?);
    if let Some((socket, recorder)) = numbers {
        show_numbers(socket, recorder)?;
    }

    tokio::spawn(memory::give_back());
    tokio::spawn(logs::tell_of_lost_lines());
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(keep_house(auth.clone(), stopped.clone()));
    let told = async move {
        signals.stop().await;
        tracing::info!("stopping: requests that have begun get up to 20 seconds");
    };
    let outcome = serve::serve(Listener { socket, name: "public", https }, app(&auth), limits, told, GRACE).await;
    stop.send_replace(true);
    if let Err(error) = worker.await {
        tracing::error!(%error, "housekeeping ended early");
    }
    match outcome {
        Outcome::Finished => Ok(()),
        Outcome::Cut(0) => Ok(()),
        Outcome::Cut(connections) => {
            Err(Failure::Failed(format!("{connections} connections were cut after {} s", GRACE.as_secs())))
        }
    }
}

fn address_of(socket: &TcpListener) -> Result<String, Failure> {
    socket.local_addr().map(|address| address.to_string()).map_err(|error| Failure::Failed(error.to_string()))
}

/// Serves the numbers until the process ends: also while the last requests are finished.
fn show_numbers(socket: TcpListener, recorder: PrometheusHandle) -> Result<(), Failure> {
    output::say(&format!("  metrics  http://{}/metrics", address_of(&socket)?));
    tokio::spawn(metrics::keep(recorder.clone()));
    let listener = Listener { socket, name: "metrics", https: false };
    tokio::spawn(serve::serve(listener, metrics::router(recorder), COLLECTORS, std::future::pending(), Duration::ZERO));
    Ok(())
}

async fn keep_house(auth: Auth, mut stopped: watch::Receiver<bool>) {
    auth.run_worker(async move {
        // An error means that the sender is gone, which is as good as being told.
        let _ = stopped.wait_for(|stop| *stop).await;
    })
    .await;
}

fn app(auth: &Auth) -> Router {
    auth.router_at_base_path().merge(auth.well_known())
}

async fn listen(key: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::AddrInUse => {
                let next = address.port().wrapping_add(1);
                format!(
                    "another program listens there; stop it, or choose another port: VESTIBULE__{}={}",
                    key.to_uppercase().replace('.', "__"),
                    SocketAddr::new(address.ip(), next)
                )
            }
            io::ErrorKind::PermissionDenied => format!("ports below 1024 need a privilege; choose another in {key}"),
            io::ErrorKind::AddrNotAvailable => format!("this machine has no such address; correct {key}"),
            _ => error.to_string(),
        };
        Failure::Failed(format!("cannot listen on {address}: {remedy}"))
    })
}

fn limits(settings: &Settings) -> Limits {
    let server = &settings.server;
    Limits {
        max_connections: server.max_connections as usize,
        header_timeout: server.header_timeout.duration(),
        body_timeout: server.body_timeout.duration(),
        idle_timeout: server.idle_timeout.duration(),
    }
}

/// Where it listens, where the data is, and what to try first.
fn welcome(auth: &Auth, address: &str) {
    let settings = auth.settings();
    let base = format!("http://{address}{}", settings.server.base_path);
    output::say(&format!("Vestibule {} listens on {base}/", env!("CARGO_PKG_VERSION")));
    output::say(&format!("  data  {}", place(settings)));
    if let Some(key) = auth.key_file() {
        output::say(&format!("  key   {} (made for development; keep it with the data)", key.display()));
    }
    if settings.environment == vestibule::settings::Environment::Development {
        let body = auth.example_registration();
        output::say(&format!("  try   curl {base}/registration/ -H 'Content-Type: application/json' -d '{body}'"));
    }
    tracing::info!(address, base_path = settings.server.base_path, "serving");
}

/// The database as the operator knows it, without its password.
fn place(settings: &Settings) -> String {
    let url = &settings.database.url;
    match url.expose().strip_prefix("sqlite://") {
        Some(file) => std::path::absolute(file).map_or_else(|_| file.to_owned(), |path| path.display().to_string()),
        None => url.to_string(),
    }
}
