//! What data looks like on a terminal: tables with a column per fact, the reasons of `why` as a tree. Pure but for the
//! paint, which `output` decides.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};
use smack_control::wire::{ApplicationPlan, Cause, Clock, Operation, PART_OF_READY, Task, Vdc};

use crate::output::{Output, Style};
use crate::progress::style_of;
use crate::text::{age, count, cut, ends_in, now_ms};

/// A table: its head, and rows that are painted as a whole.
#[derive(Debug)]
pub(crate) struct Grid {
    head: Vec<&'static str>,
    rows: Vec<(Style, Vec<String>)>,
}

impl Grid {
    pub(crate) fn new(head: &[&'static str]) -> Self {
        Self {
            head: head.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, style: Style, cells: impl IntoIterator<Item = String>) {
        self.rows.push((style, cells.into_iter().collect()));
    }

    /// The table as text. Columns without anything in them are left out; on a terminal long lines are cut.
    pub(crate) fn text(&self, output: &Output) -> String {
        let used = |column: &usize| {
            self.rows
                .iter()
                .any(|(_, row)| row.get(*column).is_some_and(|cell| !cell.is_empty()))
        };
        let columns: Vec<usize> = (0..self.head.len()).filter(used).collect();
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(columns.iter().map(|column| self.head[*column]));
        for (_, row) in &self.rows {
            // A line break would make two rows of one.
            table.add_row(columns.iter().map(|column| row[*column].replace('\n', " ")));
        }
        for column in table.column_iter_mut() {
            column
                .set_padding((0, 2))
                .set_cell_alignment(CellAlignment::Left);
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
        let width = output.data_width();
        let styles = std::iter::once(Style::Dim).chain(self.rows.iter().map(|(style, _)| *style));
        let text = table.to_string();
        let lines = text.lines().zip(styles).map(|(line, style)| {
            let line = line.trim_end();
            output.paint(
                style,
                &width.map_or_else(|| line.to_owned(), |width| cut(line, width)),
            )
        });
        lines.map(|line| line + "\n").collect()
    }
}

/// One VDC with its tasks.
pub(crate) fn vdc(output: &Output, vdc: &Vdc, now_ms: u64) -> String {
    let name = if vdc.vdc.ends_with(&format!("/{}", vdc.name)) {
        String::new()
    } else {
        format!(" ({})", vdc.name)
    };
    let ends = vdc.expires_ms.map_or_else(String::new, |at| {
        format!(", ends in {}", ends_in(at, now_ms))
    });
    let mut text = format!(
        "{}{name}  {}  revision {} of {}, isolation {}, limits: {}{ends}\n",
        output.paint(Style::Strong, &vdc.vdc),
        output.paint(style_of(&vdc.state), &vdc.state),
        vdc.revision,
        vdc.stack,
        vdc.isolation,
        // Why they are not enforced, `doctor` says.
        vdc.limits.split(':').next().unwrap_or_default(),
    );
    let mut grid = Grid::new(&[
        "TASK",
        "STATE",
        "NODE",
        "ADDRESS",
        "PORTS",
        "PID",
        "TRY",
        "SINCE",
        "WAITS FOR",
    ]);
    for task in &vdc.tasks {
        grid.row(row_style(&task.state), task_row(task, now_ms));
    }
    text.push_str(&indented(&grid.text(output)));
    if let Some(problem) = &vdc.network_problem {
        let problem = output.paint(Style::Bad, problem);
        text.push_str(&format!("  network: {problem}\n"));
    }
    for (word, others) in [("uses", &vdc.uses), ("used by", &vdc.used_by)] {
        if !others.is_empty() {
            text.push_str(&format!("  {word} {}\n", others.join(", ")));
        }
    }
    for application in &vdc.applications {
        let paused = application
            .paused
            .then(|| "paused; `smack resume` goes on".to_owned());
        let undone = application
            .operations
            .iter()
            .filter(|operation| !operation.done)
            .filter(|operation| {
                let mut waiting = application.waiting.iter();
                !waiting.any(|told| told.starts_with(&operation.name))
            });
        let undone = undone.map(|operation| format!("{}: {}", operation.name, operation.text));
        let calm = application
            .operations
            .iter()
            .filter_map(|operation| occasion(operation, now_ms));
        let part_of = application.part_of.as_ref();
        let part_of = part_of.map(|whole| format!("part of {whole}"));
        for told in part_of
            .into_iter()
            .chain(paused)
            .chain(application.waiting.iter().cloned())
            .chain(undone)
            .chain(calm)
            .chain(
                application
                    .clock
                    .as_ref()
                    .map(|clock| by_the_clock(clock, now_ms)),
            )
        {
            text.push_str(&format!("  {}: {told}\n", application.name));
        }
    }
    text
}

/// `"0 30 2 * * *" (UTC): next in 3h 2m; 12 rounds, the last for 20h 58m ago; 1 left out`.
fn by_the_clock(clock: &Clock, now_ms: u64) -> String {
    let next = match clock.next_ms {
        Some(at) => format!("next in {}", ends_in(at, now_ms)),
        None if clock.off => "taken away until the next run".to_owned(),
        None => "never again".to_owned(),
    };
    let ending = if clock.begun == 1 { "" } else { "s" };
    let mut told = format!(
        "{:?} ({}): {next}; {} round{ending}",
        clock.schedule, clock.zone, clock.begun
    );
    if let Some(at) = clock.latest_ms {
        told.push_str(&format!(", the last {} ago", age(at, now_ms)));
    }
    if clock.missed > 0 {
        told.push_str(&format!("; {} left out", clock.missed));
    }
    told
}

/// When something was last done by hand or by its schedule, and when it is due; `None` if there is nothing to tell.
fn occasion(operation: &Operation, now_ms: u64) -> Option<String> {
    let times = [
        operation
            .done_ms
            .map(|at| format!("last done {} ago", age(at, now_ms))),
        operation
            .due_ms
            .map(|at| format!("next in {}", ends_in(at, now_ms))),
    ];
    let times: Vec<String> = times.into_iter().flatten().collect();
    let is_occasional = operation.when != PART_OF_READY && operation.done && !times.is_empty();
    is_occasional.then(|| format!("{}: {}", operation.name, times.join(", ")))
}

fn task_row(task: &Task, now_ms: u64) -> Vec<String> {
    let role = task
        .role
        .as_ref()
        .map(|role| format!(" ({role})"))
        .unwrap_or_default();
    let outdated = if task.outdated { ", outdated" } else { "" };
    let ports = task
        .ports
        .iter()
        .map(|(name, port)| format!("{name} {port}"))
        .collect::<Vec<_>>()
        .join(", ");
    vec![
        format!("{}/{}", task.application, task.name),
        format!("{}{role}{outdated}", task.state),
        task.node.clone().unwrap_or_default(),
        task.address.clone().unwrap_or_default(),
        ports,
        task.pid.map(|pid| pid.to_string()).unwrap_or_default(),
        if task.attempt > 1 {
            task.attempt.to_string()
        } else {
            String::new()
        },
        task.since_ms
            .map(|since| age(since, now_ms))
            .unwrap_or_default(),
        task.waiting.clone().unwrap_or_default(),
    ]
}

/// Rows that are as they should be are not painted: what stands out is what needs a look.
pub(crate) fn row_style(state: &str) -> Style {
    match style_of(state) {
        Style::Good => Style::Plain,
        other @ (Style::Plain | Style::Moving | Style::Bad | Style::Dim | Style::Strong) => other,
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// The chain of causes as a tree, the evidence below each.
pub(crate) fn causes(output: &Output, causes: &[Cause]) -> String {
    let mut text = String::new();
    for cause in causes {
        put_cause(output, cause, 0, &mut text);
    }
    text
}

fn put_cause(output: &Output, cause: &Cause, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let because = if depth > 0 { "because " } else { "" };
    let style = if cause.trouble {
        Style::Bad
    } else {
        Style::Plain
    };
    text.push_str(&format!(
        "{indent}{because}{}: {}\n",
        output.paint(style, &cause.subject),
        cause.text
    ));
    for line in &cause.evidence {
        text.push_str(&format!(
            "{indent}    {}\n",
            output.paint(Style::Dim, &format!("| {line}"))
        ));
    }
    for behind in &cause.because {
        put_cause(output, behind, depth + 1, text);
    }
}

/// What a run would do: a line per step, with its reasons and what it waits for below.
pub(crate) fn plan(output: &Output, plan: &[ApplicationPlan]) -> String {
    let mut text = String::new();
    for application in plan {
        let (left_steps, steps): (Vec<_>, Vec<_>) = application
            .steps
            .iter()
            .partition(|step| step.effect == "leave");
        let left = match (left_steps.len(), steps.is_empty()) {
            (0, true) => "nothing to do".to_owned(),
            (_, true) => "stays as it is".to_owned(),
            (0, false) => String::new(),
            (number, false) => format!("{} as they are", count(number, "step")),
        };
        let left = if left.is_empty() {
            left
        } else {
            format!(": {left}")
        };
        let name = output.paint(Style::Strong, &application.application);
        text.push_str(&format!("{name} ({}){left}\n", application.kind));
        for step in left_steps.iter().filter(|step| step.due_ms.is_some()) {
            let due = step.due_ms.unwrap_or_default();
            let next = format!(
                "{}, next in {}",
                step.reasons.join(", "),
                ends_in(due, now_ms())
            );
            let next = output.paint(Style::Dim, &next);
            text.push_str(&format!("  later   {}  {next}\n", step.subject));
        }
        for step in steps {
            let style = match step.effect.as_str() {
                "start" => Style::Good,
                "remove" | "end" | "replace" => Style::Bad,
                _ => Style::Moving,
            };
            let after = if step.after.is_empty() {
                String::new()
            } else {
                format!("  after: {}", step.after.join(", "))
            };
            let effect = output.paint(style, &format!("{:<7}", step.effect));
            text.push_str(&format!(
                "  {effect} {}{}\n",
                step.subject,
                output.paint(Style::Dim, &after)
            ));
            for reason in &step.reasons {
                text.push_str(&format!("          {reason}\n"));
            }
        }
    }
    text
}

/// Names and values, in two columns.
pub(crate) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let pairs: Vec<_> = pairs.into_iter().collect();
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    pairs
        .iter()
        .map(|(name, value)| format!("{name:width$}  {value}\n"))
        .collect()
}
