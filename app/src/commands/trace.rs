//! `smack trace`: where the time of a run, a roll, an operation or a `down` went, as a waterfall or as Zipkin's JSON.

use smack_control::wire::TraceLine;
use smack_scheduler::trace::{Trace, zipkin};

use crate::client::encoded;
use crate::commands::events;
use crate::failure::Failure;
use crate::output::{Output, Style};
use crate::session::Session;
use crate::text::{self, moment};
use crate::waterfall::{self, exact};

/// Show where the time went: the last run, roll, operation or end as a waterfall
///
/// A bar per step, waiting in another shade, `*` on the critical path. With --json as spans of Zipkin v2.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Of this virtual data center, or of what was one
    name: Option<String>,
    /// This trace, as `--list` names it
    #[arg(long, value_name = "ID", conflicts_with = "list")]
    id: Option<String>,
    /// List the traces instead, the latest last
    #[arg(long)]
    list: bool,
    /// List so many at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = text::number,
        allow_negative_numbers = true, requires = "list")]
    limit: u64,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let client = session.client()?;
    if let Some(id) = &args.id {
        return show(session, &id.to_ascii_lowercase());
    }
    let vdc = args.name.as_deref();
    let vdc = vdc.map(|name| events::subject(session, name)).transpose()?;
    let of = vdc
        .as_ref()
        .map(|vdc| format!("&vdc={}", encoded(vdc)))
        .unwrap_or_default();
    let limit = if args.list { args.limit } else { 1 };
    let mut lines: Vec<TraceLine> = client.get(&format!("/v1/traces?limit={limit}{of}"))?;
    if args.list {
        lines.reverse();
        return list(session.output, &lines);
    }
    match lines.first() {
        Some(last) => show(session, &last.id),
        None => {
            let of = vdc.map(|vdc| format!(" of {vdc}")).unwrap_or_default();
            Err(
                Failure::failed(format!("the journal tells of no trace{of}"))
                    .hint("every `smack run` is one"),
            )
        }
    }
}

fn show(session: &Session<'_>, id: &str) -> Result<(), Failure> {
    let trace: Trace = session
        .client()?
        .get(&format!("/v1/traces/{}", encoded(id)))?;
    let output = session.output;
    if output.is_json() {
        return output.value(&zipkin::spans(&trace));
    }
    let mut out = String::new();
    for line in waterfall::lines(&trace, output.data_width()) {
        let painted = line
            .iter()
            .map(|(style, text)| output.paint(*style, text))
            .collect::<String>();
        out.push_str(painted.trim_end());
        out.push('\n');
    }
    output.data(&out)
}

fn list(output: &Output, lines: &[TraceLine]) -> Result<(), Failure> {
    if output.is_json() {
        return output.value(&lines);
    }
    let width = |of: fn(&TraceLine) -> &str| {
        let widths = lines.iter().map(|line| of(line).chars().count());
        widths.max().unwrap_or(0)
    };
    let (vdc, title) = (width(|line| &line.vdc), width(|line| &line.title));
    let mut out = String::new();
    for line in lines {
        let style = match line.outcome.as_str() {
            "done" => Style::Good,
            "failed" => Style::Bad,
            "underway" => Style::Moving,
            _ => Style::Dim,
        };
        out.push_str(&format!(
            "{}  {}  {:vdc$}  {:title$}  {:>7}  {}\n",
            line.id,
            output.paint(Style::Dim, &moment(line.began_ms)),
            line.vdc,
            line.title,
            exact(line.elapsed_ms),
            output.paint(style, &line.outcome),
        ));
    }
    output.data(&out)
}
