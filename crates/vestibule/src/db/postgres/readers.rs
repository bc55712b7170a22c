//! Connections that many reads share at once.
//!
//! tokio-postgres sends the statements of all who ask through one connection without waiting for answers in between (pipelining), so
//! that under load one write and one read of the socket, on either side, serve many of them. Each statement ends with a `Sync` of its
//! own: one that fails leaves the others alone. Only statements that give a row at once belong here; what may take long, and every
//! unit, has a connection to itself.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;

use deadpool_postgres::Connect;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::{Client, Config, Statement};

use super::outage::Outage;
use super::{CONNECT_LIMIT, Dial, values};
use crate::db::error::{Error, Result};
use crate::db::param::Param;
use crate::db::row::{FromRow, Row};

/// The connections, each made when it is first needed and again when it was lost.
pub(super) struct Readers {
    config: Config,
    dial: Dial,
    seats: Vec<Seat>,
    turn: AtomicUsize,
    outage: Arc<Outage>,
}

#[derive(Default)]
struct Seat {
    reader: RwLock<Option<Arc<Reader>>>,
    /// Held by whoever connects; the others wait for that connection.
    connecting: Mutex<()>,
}

/// One connection, with the statements that it knows by where their texts are: hashing a text would cost more than finding it.
pub(super) struct Reader {
    client: Client,
    statements: RwLock<HashMap<(usize, usize), Statement>>,
}

/// A reader, whether it was made for this very read, and where it sits.
pub(super) struct Taken<'a> {
    pub(super) reader: Arc<Reader>,
    pub(super) fresh: bool,
    seat: &'a Seat,
}

impl Readers {
    /// As many as there are cores, within bounds: each is a process of the server's.
    pub(super) fn new(config: Config, dial: Dial, outage: Arc<Outage>) -> Self {
        let seats = thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
        Self { config, dial, seats: (0..seats).map(|_| Seat::default()).collect(), turn: AtomicUsize::new(0), outage }
    }

    /// The next in turn.
    pub(super) async fn take(&self, deadline: Instant) -> Result<Taken<'_>> {
        let seat = &self.seats[self.turn.fetch_add(1, Ordering::Relaxed) % self.seats.len()];
        if let Some(reader) = seat.sitting() {
            return Ok(Taken { reader, fresh: false, seat });
        }
        let deadline = deadline.min(Instant::now() + CONNECT_LIMIT);
        let Ok(_alone) = timeout_at(deadline, seat.connecting.lock()).await else { return Err(Error::Lost) };
        if let Some(reader) = seat.sitting() {
            return Ok(Taken { reader, fresh: true, seat });
        }
        let reader = Arc::new(self.connect(deadline).await?);
        *seat.reader.write().unwrap_or_else(PoisonError::into_inner) = Some(reader.clone());
        Ok(Taken { reader, fresh: true, seat })
    }

    async fn connect(&self, deadline: Instant) -> Result<Reader> {
        match timeout_at(deadline, self.dial.connect(&self.config)).await {
            Ok(Ok((client, _))) => Ok(Reader { client, statements: RwLock::default() }),
            Ok(Err(error)) => {
                let error = Error::from(error);
                self.outage.tell(&error);
                Err(if matches!(error, Error::Busy) { error } else { Error::Lost })
            }
            Err(_) => {
                self.outage.tell(&"it does not answer");
                Err(Error::Lost)
            }
        }
    }
}

impl Seat {
    fn sitting(&self) -> Option<Arc<Reader>> {
        let reader = self.reader.read().unwrap_or_else(PoisonError::into_inner);
        reader.as_ref().filter(|reader| !reader.client.is_closed()).cloned()
    }
}

impl Taken<'_> {
    /// Never lets this connection be used again by anybody who comes now.
    pub(super) fn retire(&self) {
        let mut sitting = self.seat.reader.write().unwrap_or_else(PoisonError::into_inner);
        if sitting.as_ref().is_some_and(|sitting| Arc::ptr_eq(sitting, &self.reader)) {
            *sitting = None;
        }
    }
}

impl Reader {
    pub(super) async fn rows<T: FromRow>(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<T>> {
        let statement = self.statement(sql).await?;
        let rows = self.client.query(&statement, &values(params)).await?;
        rows.iter().map(|row| T::from_row(&Row::Postgres(row))).collect()
    }

    async fn statement(&self, sql: &'static str) -> Result<Statement> {
        let place = (sql.as_ptr().addr(), sql.len());
        let known = self.statements.read().unwrap_or_else(PoisonError::into_inner).get(&place).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.write().unwrap_or_else(PoisonError::into_inner).insert(place, statement.clone());
        Ok(statement)
    }
}
