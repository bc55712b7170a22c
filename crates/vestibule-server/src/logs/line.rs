//! One event is one line, whatever clients put into names and headers (T81).

use std::fmt::{self, Write};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Another format with everything that is not printable escaped, and one line's end.
#[derive(Debug)]
pub(super) struct OneLine<F>(pub(super) F);

impl<S, N, F> FormatEvent<S, N> for OneLine<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut text = String::new();
        self.0.format_event(context, Writer::new(&mut text), event)?;
        escape(text.trim_end_matches('\n'), &mut writer)?;
        writer.write_char('\n')
    }
}

/// Lines for people: time, level, and the rest in tracing's own order.
#[derive(Debug)]
pub(super) struct Plain {
    rest: OneLine<Format<Full, ()>>,
    colours: bool,
}

impl Plain {
    /// With the level in colour or not.
    pub(super) fn new(colours: bool) -> Self {
        let rest = OneLine(Format::default().without_time().with_level(false).with_ansi(false));
        Self { rest, colours }
    }
}

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        SystemTime.format_time(&mut writer)?;
        let level = event.metadata().level();
        match self.colours {
            true => write!(writer, " \u{1b}[{}m{level:>5}\u{1b}[0m ", colour(*level))?,
            false => write!(writer, " {level:>5} ")?,
        }
        self.rest.format_event(context, writer, event)
    }
}

/// Bold red for errors, then yellow, green, blue, grey (ECMA-48 §8.3.117).
fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "1;31",
        Level::WARN => "33",
        Level::INFO => "32",
        Level::DEBUG => "34",
        Level::TRACE => "90",
    }
}

/// Writes `text` with control characters, line separators and characters that turn the direction of writing as `\uXXXX`, which is
/// also what JSON wants inside a string; a JSON text has none of them elsewhere.
fn escape(text: &str, out: &mut impl Write) -> fmt::Result {
    for part in text.split_inclusive(unprintable) {
        let Some(last) = part.chars().next_back().filter(|last| unprintable(*last)) else {
            out.write_str(part)?;
            continue;
        };
        out.write_str(part.strip_suffix(last).unwrap_or(part))?;
        write!(out, "\\u{:04x}", u32::from(last))?;
    }
    Ok(())
}

fn unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
