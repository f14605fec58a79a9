//! The command line as a page of the manual, written from clap's own tree so that it cannot lag behind.

use std::fmt::Write as _;

use clap::{Arg, Command};

const INTRODUCTION: &str = "\
# The command line

<!-- Written by a test from the program itself: UPDATE_EXPECT=1 cargo test -p smack --test cli -->

`smack COMMAND --help` says the same. Data goes to standard output, everything else to standard error; `--json` makes
data of everything that is told.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | the request failed: the reason is told |
| 2 | wrong usage |
| 3 | the server cannot be reached |
| 70 | a bug in smack |
| 130 | detached by ctrl-C from `run`, `rollback` or `down`: the platform goes on |
| other | of the command that `smack exec` ran; 127 if there is none |

A virtual data center is named `NAME` or `ZONE/NAME`, in any case. Where `NAME` is optional it may be left out if only
one is up; then a single word may also name a part of it: `smack logs kafka/broker-0`.

No server has to be started: a command that finds none starts one in the background. It ends by itself after ten minutes
without anything to look after. Tasks go on without a server.
";

/// The page.
pub(crate) fn markdown(command: &Command) -> String {
    let mut text = INTRODUCTION.to_owned();
    let _ = write!(text, "\n## Options of every command\n\n");
    arguments(
        command
            .get_arguments()
            .filter(|argument| argument.is_global_set()),
        &mut text,
    );
    for sub in command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
    {
        section(sub, &mut text);
    }
    text
}

fn section(command: &Command, text: &mut String) {
    let _ = write!(text, "\n## smack {}\n\n", command.get_name());
    let about = command
        .get_long_about()
        .or(command.get_about())
        .map(ToString::to_string)
        .unwrap_or_default();
    let _ = writeln!(text, "{}", sentence(about.trim()));
    let aliases: Vec<&str> = command.get_visible_aliases().collect();
    if !aliases.is_empty() {
        let _ = write!(text, "\nAlso: `{}`.\n", aliases.join("`, `"));
    }
    let usage = command.clone().render_usage().to_string();
    let _ = write!(
        text,
        "\n```\n{}\n```\n",
        usage.trim_start_matches("Usage: ").trim()
    );
    let own: Vec<&Arg> = command
        .get_arguments()
        .filter(|argument| {
            !argument.is_global_set() && !argument.is_hide_set() && argument.get_id() != "help"
        })
        .collect();
    if !own.is_empty() {
        text.push('\n');
        arguments(own.into_iter(), text);
    }
}

fn arguments<'a>(arguments: impl Iterator<Item = &'a Arg>, text: &mut String) {
    for argument in
        arguments.filter(|argument| argument.get_id() != "help" && argument.get_id() != "version")
    {
        let about = argument
            .get_long_help()
            .or(argument.get_help())
            .map(ToString::to_string)
            .unwrap_or_default();
        let _ = write!(text, "- {}", name(argument));
        if !about.is_empty() {
            let _ = write!(text, ": {}", sentence(&about.replace('\n', " ")));
        }
        let takes_value = argument.get_action().takes_values();
        let defaults: Vec<_> = argument
            .get_default_values()
            .iter()
            .map(|value| value.to_string_lossy())
            .collect();
        if takes_value && !defaults.is_empty() {
            let _ = write!(text, " Default: `{}`.", defaults.join(", "));
        }
        let possible: Vec<_> = argument.get_possible_values();
        if takes_value && !possible.is_empty() {
            let names = possible
                .iter()
                .map(|value| format!("`{}`", value.get_name()))
                .collect::<Vec<_>>();
            let _ = write!(text, " One of {}.", names.join(", "));
        }
        if let Some(variable) = argument.get_env() {
            let _ = write!(text, " Also by `{}`.", variable.to_string_lossy());
        }
        text.push('\n');
    }
}

/// `` `-n`, `--lines LINES` ``, or the name of a positional.
fn name(argument: &Arg) -> String {
    let values = argument.get_value_names().map(|names| {
        names
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    });
    let values = values
        .filter(|_| argument.get_action().takes_values())
        .unwrap_or_default();
    if argument.is_positional() {
        return format!("`{values}`");
    }
    let with_value = |name: String| {
        if values.is_empty() {
            format!("`{name}`")
        } else {
            format!("`{name} {values}`")
        }
    };
    let short = argument.get_short().map(|short| format!("`-{short}`"));
    let long = argument
        .get_long()
        .map(|long| with_value(format!("--{long}")));
    short.into_iter().chain(long).collect::<Vec<_>>().join(", ")
}

/// The text with a full stop, as prose has it.
fn sentence(text: &str) -> String {
    if text.ends_with(['.', '?', '!', ']']) || text.is_empty() {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}
