//! How events are written: to standard error, one line each, in UTC.

mod line;
mod stream;

use std::io::{self, IsTerminal};
use std::panic;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use line::{OneLine, Plain};
use stream::Stream;
pub(crate) use stream::tell_of_lost_lines;

/// The setting `log.format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Pretty in a terminal, else JSON.
    Auto,
    /// For people.
    Pretty,
    /// For programs.
    Json,
}

/// Writes events of `level` and graver from now on, and panics as events. To be called once, before anything is logged.
///
/// # Errors
/// A sentence for the operator when the process already writes its events elsewhere.
pub(crate) fn install(level: LevelFilter, format: Format) -> Result<(), String> {
    let terminal = io::stderr().is_terminal();
    let layer = match format {
        Format::Auto if terminal => pretty(Stream, true),
        Format::Pretty => pretty(Stream, terminal),
        Format::Auto | Format::Json => json(Stream),
    };
    Registry::default().with(layer.with_filter(targets(level))).try_init().map_err(|error| format!("cannot log: {error}"))?;
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// The level is that of our own events. Other crates' events stop at warnings: their details hold parameters of statements and headers
/// of requests, and no level may bring a secret into the log (T81).
fn targets(level: LevelFilter) -> Targets {
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("vestibule", level)
}

type Written = Box<dyn Layer<Registry> + Send + Sync>;

fn pretty<W: for<'w> MakeWriter<'w> + Send + Sync + 'static>(writer: W, colours: bool) -> Written {
    fmt::layer().with_ansi(false).with_writer(writer).event_format(Plain::new(colours)).boxed()
}

/// The event's fields beside the message, and those of the innermost span: what log collectors index.
fn json<W: for<'w> MakeWriter<'w> + Send + Sync + 'static>(writer: W) -> Written {
    fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(writer).map_event_format(OneLine).boxed()
}

/// Where a panic was, and its text if that is part of the program. A text made at run time may hold what a client sent (T81).
fn log_panic(info: &panic::PanicHookInfo<'_>) {
    let text = info.payload().downcast_ref::<&'static str>().copied().unwrap_or("(text withheld)");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, text, "panic");
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What `act` leaves on paper, in text and in JSON.
    fn written(level: LevelFilter, act: impl Fn()) -> [String; 2] {
        type Kind = fn(Paper) -> Written;
        let kinds: [Kind; 2] = [|paper| pretty(move || paper.clone(), false), |paper| json(move || paper.clone())];
        kinds.map(|layer| {
            let paper = Paper::default();
            let subscriber = Registry::default().with(layer(paper.clone()).with_filter(targets(level)));
            tracing::subscriber::with_default(subscriber, &act);
            let bytes = paper.0.lock().unwrap().clone();
            String::from_utf8(bytes).unwrap()
        })
    }

    const NASTY: &str = "al\r\nice\u{1b}[31m\u{9b}2J\u{7f}\u{8}\u{2028}\u{202e}\"}\n{\"level\":\"ERROR";

    #[test]
    fn t81_one_event_is_one_line_and_every_control_character_is_escaped() {
        for text in written(LevelFilter::INFO, || {
            let _in = tracing::error_span!("request", path = NASTY, shown = %NASTY).entered();
            tracing::info!(name = NASTY, shown = %NASTY, debugged = ?NASTY, "hello {NASTY}");
        }) {
            let line = text.strip_suffix('\n').expect("a whole line");
            assert!(!line.contains(|c: char| c.is_control() || "\u{2028}\u{202e}".contains(c)), "{line:?}");
            assert!(line.contains("hello al"), "{line}");
        }
    }

    #[test]
    fn t81_json_lines_hold_what_was_logged_and_the_time_in_utc() {
        let [_, line] = written(LevelFilter::INFO, || {
            let _in = tracing::error_span!("request", id = 7).entered();
            tracing::warn!(name = NASTY, "hello");
        });
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&event["name"], &event["message"], &event["level"]), (&NASTY.into(), &"hello".into(), &"WARN".into()));
        assert_eq!(event["span"]["id"], 7);
        assert!(event["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn text_lines_begin_with_time_and_level() {
        let [line, _] = written(LevelFilter::INFO, || tracing::warn!(user = 7, "locked"));
        let mut words = line.split_whitespace();
        assert!(words.next().unwrap().ends_with('Z'));
        assert_eq!(words.next(), Some("WARN"));
        assert!(line.ends_with("locked user=7\n"), "{line}");
    }

    #[test]
    fn t81_details_of_other_crates_stay_out_at_every_level() {
        let lines = written(LevelFilter::TRACE, || {
            tracing::trace!(target: "tokio_postgres::query", "with parameters");
            tracing::debug!(target: "h2::codec", "headers");
            tracing::warn!(target: "h2::codec", "grave");
            tracing::trace!("ours");
        });
        for text in lines {
            assert_eq!(text.lines().count(), 2, "{text}");
            assert!(text.contains("grave") && text.contains("ours"));
        }
        let [quiet, _] = written(LevelFilter::ERROR, || tracing::warn!(target: "h2::codec", "grave"));
        assert_eq!(quiet, "");
    }
}
