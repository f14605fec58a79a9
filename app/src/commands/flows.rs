//! `smack flows`: who may reach whom, and with `--test` whether that is so.

use std::collections::BTreeMap;

use smack_control::wire::Flow;

use crate::failure::Failure;
use crate::output::Style;
use crate::picture::Grid;
use crate::session::Session;
use crate::text::count;

/// Show who may reach whom; with --test try every pair from inside and compare
///
/// The rows are places: each virtual data center, and outside of all of them. With --test every address and port on which
/// a ready task listens is tried from each place, and the exit code is 1 if anything is open that should not be, or the
/// reverse.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Try every pair
    #[arg(long)]
    test: bool,
}

/// What one place and one virtual data center have between them.
#[derive(Debug, Default)]
struct Pair {
    ports: usize,
    allowed: usize,
    open: usize,
    wrong: usize,
}

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let query = if args.test { "?test=true" } else { "" };
    let flows: Vec<Flow> = session.client()?.get(&format!("/v1/flows{query}"))?;
    let output = session.output;
    let wrong: Vec<&Flow> = flows.iter().filter(|flow| is_wrong(flow)).collect();
    if output.is_json() {
        output.value(&flows)?;
    } else if flows.is_empty() {
        output.note("nothing is ready, so there is nothing to reach");
    } else {
        output.data(&table(&flows, args.test).text(output))?;
    }
    if wrong.is_empty() {
        return Ok(());
    }
    for flow in &wrong {
        let place = place(flow);
        let Flow {
            to,
            target,
            address,
            port,
            ..
        } = flow;
        let found = if flow.allowed {
            let detail = flow.detail.as_deref().unwrap_or("no answer");
            format!("should be open and is not: {detail}")
        } else {
            "is open and should not be".to_owned()
        };
        output.trouble(&format!(
            "{place} -> {to} {target} ({address}:{port}) {found}"
        ));
    }
    Err(Failure::failed(format!(
        "{} of {} not as the levels of isolation have it",
        wrong.len(),
        count(flows.len(), "flow")
    )))
}

fn is_wrong(flow: &Flow) -> bool {
    flow.open.is_some_and(|open| open != flow.allowed)
}

fn place(flow: &Flow) -> &str {
    flow.from.as_deref().unwrap_or("outside")
}

fn table(flows: &[Flow], tested: bool) -> Grid {
    let mut pairs: BTreeMap<(bool, &str, &str), Pair> = BTreeMap::new();
    for flow in flows {
        let key = (flow.from.is_some(), place(flow), flow.to.as_str());
        let pair = pairs.entry(key).or_default();
        pair.ports += 1;
        pair.allowed += usize::from(flow.allowed);
        pair.open += usize::from(flow.open == Some(true));
        pair.wrong += usize::from(is_wrong(flow));
    }
    let mut grid = Grid::new(&["FROM", "TO", "PORTS", "ALLOWED", "OPEN", "AS ALLOWED"]);
    for ((_, from, to), pair) in pairs {
        let shown = |number: usize| {
            if tested {
                number.to_string()
            } else {
                String::new()
            }
        };
        let verdict = match (tested, pair.wrong) {
            (false, _) => String::new(),
            (true, 0) => "yes".to_owned(),
            (true, wrong) => format!("no: {wrong}"),
        };
        let style = if pair.wrong > 0 {
            Style::Bad
        } else {
            Style::Plain
        };
        let allowed = match pair.allowed {
            0 => "none".to_owned(),
            all if all == pair.ports => "all".to_owned(),
            some => some.to_string(),
        };
        let cells = [
            from.to_owned(),
            to.to_owned(),
            pair.ports.to_string(),
            allowed,
        ];
        grid.row(style, cells.into_iter().chain([shown(pair.open), verdict]));
    }
    grid
}
