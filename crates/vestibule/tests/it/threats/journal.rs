//! What the service logs at the most verbose level, kept as it was said: before any format makes lines of it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread::{self, ThreadId};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber, span};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// One event or span as it was said.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) level: Level,
    pub(super) target: String,
    pub(super) fields: BTreeMap<&'static str, String>,
    thread: ThreadId,
}

impl Entry {
    /// A field's text; empty if it is absent.
    pub(super) fn get(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", String::as_str)
    }
}

type Pages = Arc<Mutex<Vec<Entry>>>;

/// Those who listen now: the subscriber is one for the whole process, and checks run side by side.
static LISTENING: Mutex<Vec<Pages>> = Mutex::new(Vec::new());

/// Everything that was logged since [`Journal::begin`].
pub(super) struct Journal(Pages);

impl Journal {
    pub(super) fn begin() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // As the server has it: our own events at the most verbose level, warnings of other crates (T81).
            let heard = Targets::new().with_default(LevelFilter::WARN).with_target("vestibule", LevelFilter::TRACE);
            tracing_subscriber::registry().with(Recorder.with_filter(heard)).init();
        });
        let pages = Pages::default();
        LISTENING.lock().unwrap_or_else(PoisonError::into_inner).push(pages.clone());
        Self(pages)
    }

    /// What was said on any thread, also by checks that run at the same time.
    pub(super) fn all(&self) -> Vec<Entry> {
        self.0.lock().unwrap().clone()
    }

    /// What was said on the thread of this check, where its requests are answered.
    pub(super) fn own(&self) -> Vec<Entry> {
        let here = thread::current().id();
        self.all().into_iter().filter(|entry| entry.thread == here).collect()
    }

    /// The audit events of this check, in order.
    pub(super) fn audit(&self) -> Vec<Entry> {
        self.own().into_iter().filter(|entry| entry.target == "vestibule::audit").collect()
    }

    /// Everything as text, to look for what must not be there.
    pub(super) fn text(&self) -> String {
        self.all().iter().map(|entry| format!("{entry:?}\n")).collect()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        LISTENING.lock().unwrap_or_else(PoisonError::into_inner).retain(|pages| !Arc::ptr_eq(pages, &self.0));
    }
}

struct Recorder;

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        keep(event.metadata(), |fields| event.record(fields));
    }

    fn on_new_span(&self, span: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        keep(span.metadata(), |fields| span.record(fields));
    }
}

fn keep(metadata: &'static tracing::Metadata<'static>, record: impl FnOnce(&mut Fields)) {
    keep_of(*metadata.level(), metadata.target(), record);
}

fn keep_of(level: Level, target: &str, record: impl FnOnce(&mut Fields)) {
    let listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
    if listening.is_empty() {
        return;
    }
    let mut fields = Fields::default();
    record(&mut fields);
    let entry = Entry { level, target: target.to_owned(), fields: fields.0, thread: thread::current().id() };
    listening.iter().for_each(|pages| pages.lock().unwrap_or_else(PoisonError::into_inner).push(entry.clone()));
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}
