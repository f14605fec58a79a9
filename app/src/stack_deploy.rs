//! The command line of stack-deploy, word for word, for scripts of old: called by its name, or as `smack stack-deploy`.
//! Speaks to the server in stack-deploy's own API; what is other than in the original says `docs/stack-deploy.md`.

mod flags;

use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::json;
use smack_control::wire::SourceText;

use crate::client::{Client, Endpoint};
use crate::commands;
use crate::failure::Failure;
use crate::files;
use crate::session::Session;
use flags::{Flag, Given, Kind, flag};

/// The last version of the original, which scripts may ask for.
const VERSION: &str = "0.3.5.2";
/// The paths of old on the server's socket; by TCP they stand at the root, as of old.
const ON_SOCKET: &str = "/stack-deploy";
/// The server ends a run long before.
const RUN_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// A command of old.
struct Command {
    name: &'static str,
    doc: &'static str,
    flags: &'static [Flag],
    /// What stands before the flags, if anything does.
    word: Option<&'static str>,
    run: fn(&Given, &Session<'_>) -> Result<(), Failure>,
}

const API: Flag = flag(
    "api",
    Kind::Text,
    "the server, HOST:PORT [default: SD_API, else the server of this home]",
);
const FILE: Flag = flag("file", Kind::Text, "the file [default: Stackfile]");
const USER: Flag = flag("name", Kind::Text, "the user");

const COMMANDS: &[Command] = &[
    Command {
        name: "add",
        doc: "add a stack",
        flags: &[API, FILE],
        word: None,
        run: add,
    },
    Command {
        name: "addlayer",
        doc: "add a layer",
        flags: &[
            API,
            FILE,
            flag(
                "level",
                Kind::Text,
                "zone, cluster or datacenter [default: zone]",
            ),
            flag("parent", Kind::Text, "the layer above it"),
        ],
        word: None,
        run: add_layer,
    },
    Command {
        name: "adduser",
        doc: "let somebody use the server, with a key of theirs",
        flags: &[
            API,
            USER,
            flag("admin", Kind::Switch, "who may add users, too"),
        ],
        word: None,
        run: add_user,
    },
    Command {
        name: "list",
        doc: "list all stacks and layers",
        flags: &[API],
        word: None,
        run: list,
    },
    Command {
        name: "ping",
        doc: "ask whether the server answers",
        flags: &[API],
        word: None,
        run: ping,
    },
    Command {
        name: "refreshtoken",
        doc: "give a user a new key",
        flags: &[API, USER],
        word: None,
        run: refresh_token,
    },
    Command {
        name: "remove",
        doc: "remove a stack or layer; what runs goes on",
        flags: &[
            API,
            flag("force", Kind::Switch, "even if others stand on it"),
        ],
        word: Some("NAME"),
        run: remove,
    },
    Command {
        name: "run",
        doc: "run a stack and wait until it is there",
        flags: &[
            API,
            flag("zone", Kind::Text, "the zone to run it in"),
            flag(
                "max.wait",
                Kind::Number,
                "seconds to wait for each application [default: 600]",
            ),
            flag(
                "var",
                Kind::Pairs,
                "a variable, name=value; any number of them",
            ),
            flag(
                "skip",
                Kind::Texts,
                "applications to leave as they are, a regular expression; any number of them",
            ),
        ],
        word: Some("NAME"),
        run,
    },
    Command {
        name: "scheduled",
        doc: "list what runs by the clock, or remove one of it",
        flags: &[
            API,
            flag("remove", Kind::Number, "the id of what to remove"),
        ],
        word: None,
        run: scheduled,
    },
    Command {
        name: "server",
        doc: "serve by TCP in the foreground",
        flags: SERVER,
        word: None,
        run: server,
    },
    Command {
        name: "show",
        doc: "print a stack or layer",
        flags: &[API],
        word: Some("NAME"),
        run: show,
    },
];

/// Of the server only the address is left; the others are taken and told to be without effect.
const SERVER: &[Flag] = &[
    flag(
        "api",
        Kind::Text,
        "where to listen [default: 127.0.0.1:4200]",
    ),
    flag("dev", Kind::Switch, NO_EFFECT),
    flag("debug", Kind::Switch, NO_EFFECT),
    flag("master", Kind::Text, NO_EFFECT),
    flag("marathon", Kind::Text, NO_EFFECT),
    flag("storage", Kind::Text, NO_EFFECT),
    flag("cassandra", Kind::Text, NO_EFFECT),
    flag("keyspace", Kind::Text, NO_EFFECT),
    flag("proto", Kind::Number, NO_EFFECT),
    flag("bootstrap", Kind::Text, NO_EFFECT),
    flag("connect.retries", Kind::Number, NO_EFFECT),
    flag("connect.backoff", Kind::Text, NO_EFFECT),
    flag("framework.user", Kind::Text, NO_EFFECT),
    flag("framework.name", Kind::Text, NO_EFFECT),
    flag("framework.role", Kind::Text, NO_EFFECT),
    flag("failover.timeout", Kind::Text, NO_EFFECT),
    flag("var", Kind::Pairs, NO_EFFECT),
];
const NO_EFFECT: &str = "without effect: the server keeps its own books";

/// Whether the program was called by the name of old.
pub(crate) fn is_called(program: &std::ffi::OsStr) -> bool {
    Path::new(program).file_name() == Some("stack-deploy".as_ref())
}

/// Runs one command of old. Errors go to stdout and give the code 1, wrong flags the code 2.
pub(crate) fn main(words: &[String], session: &Session<'_>) -> Result<(), Failure> {
    let Some((name, rest)) = words.split_first() else {
        session.output.trouble(&usage());
        return Err(Failure::Told(1));
    };
    match name.as_str() {
        "-h" | "-help" | "--help" | "help" => return session.output.data(&usage()),
        "-v" | "-version" | "--version" => return session.output.data(VERSION),
        _ => {}
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        let known = COMMANDS.iter().map(|command| command.name);
        let failure = Failure::usage(format!("stack-deploy has no command {name}"));
        return Err(match smack_model::did_you_mean(name, known) {
            Some(near) => failure.hint(format!("did you mean {near}?")),
            None => failure.hint("`stack-deploy --help` lists them"),
        });
    };
    if rest
        .iter()
        .any(|word| matches!(word.as_str(), "-h" | "-help" | "--help"))
    {
        return session.output.data(&help(command));
    }
    let given = flags::read(command.flags, rest)
        .and_then(|given| check_words(command, given))
        .map_err(|error| Failure::usage(error).hint(help(command).trim_end().to_owned()))?;
    match (command.run)(&given, session) {
        // As of old: whatever was wrong is told on stdout.
        Err(
            failure @ (Failure::Refused { .. }
            | Failure::Failed { .. }
            | Failure::Unreachable { .. }),
        ) => {
            let text = failure.to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            session.output.data(&format!("ERROR: {text}"))?;
            Err(Failure::Told(1))
        }
        ended => ended,
    }
}

fn check_words(command: &Command, given: Given) -> Result<Given, String> {
    match (command.word, given.words.as_slice()) {
        (Some(_), [_]) | (None, []) => Ok(given),
        (Some(word), []) => Err(format!("{} wants a {word}", command.name)),
        (Some(_), [_, more, ..]) | (None, [more, ..]) => {
            Err(format!("{} does not take {more:?}", command.name))
        }
    }
}

fn usage() -> String {
    let mut text = "usage: stack-deploy COMMAND [FLAGS]\n\n".to_owned();
    for command in COMMANDS {
        text.push_str(&format!("  {:<14}{}\n", command.name, command.doc));
    }
    text.push_str("\nThe server is found by --api or SD_API, credentials are SD_USER and SD_KEY; without an\naddress it is the one of this home, which is started if none runs.\n");
    text
}

fn help(command: &Command) -> String {
    let word = command
        .word
        .map(|word| format!(" {word}"))
        .unwrap_or_default();
    let mut text = format!("usage: stack-deploy {}{word} [FLAGS]\n", command.name);
    for flag in command.flags {
        text.push_str(&format!("  --{:<10} {}\n", flag.name, flag.doc));
    }
    text
}

/// Where a command asks, and by what paths.
struct Server<'a> {
    client: Reached<'a>,
    start: &'static str,
}

enum Reached<'a> {
    Home(&'a Client),
    Address(Box<Client>),
}

impl<'a> Server<'a> {
    fn reach(given: &Given, session: &'a Session<'_>) -> Result<Self, Failure> {
        let set = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let address = given
            .text("api")
            .map(str::to_owned)
            .or_else(|| set("SD_API"));
        let endpoint = match address {
            Some(address) => Some(Endpoint::from_url(&with_scheme(&address))?),
            None => session.address()?,
        };
        Ok(match endpoint {
            None => Self {
                client: Reached::Home(session.client()?),
                start: ON_SOCKET,
            },
            Some(endpoint) => {
                let headers = [("x-api-user", set("SD_USER")), ("x-api-key", set("SD_KEY"))];
                let headers = headers.into_iter();
                let headers = headers.filter_map(|(name, value)| Some((name, value?)));
                let client = Client::new(endpoint)?.with_headers(headers);
                Self {
                    client: Reached::Address(Box::new(client)),
                    start: "",
                }
            }
        })
    }

    fn ask(&self, path: &str, body: &impl Serialize) -> Result<String, Failure> {
        self.ask_waiting(path, body, Duration::ZERO)
    }

    fn ask_waiting(
        &self,
        path: &str,
        body: &impl Serialize,
        wait: Duration,
    ) -> Result<String, Failure> {
        let client = match &self.client {
            Reached::Home(client) => client,
            Reached::Address(client) => client.as_ref(),
        };
        client.ask(&format!("{}{path}", self.start), body, wait)
    }
}

/// As of old `http://` may be left out.
fn with_scheme(address: &str) -> String {
    if address.contains("://") {
        address.to_owned()
    } else {
        format!("http://{address}")
    }
}

/// The server itself, in the foreground.
fn server(given: &Given, session: &Session<'_>) -> Result<(), Failure> {
    let address = given.text("api").unwrap_or("127.0.0.1:4200");
    for flag in SERVER.iter().filter(|flag| flag.doc == NO_EFFECT) {
        if given.text(flag.name).is_some() {
            session
                .output
                .note(&format!("note: --{} is without effect", flag.name));
        }
    }
    commands::server::serve_at(address, session)
}

fn source(given: &Given) -> Result<SourceText, Failure> {
    files::source(Path::new(given.text("file").unwrap_or("Stackfile")))
}

fn add(given: &Given, session: &Session<'_>) -> Result<(), Failure> {
    let SourceText { file, text } = source(given)?;
    let body = json!({"stackfile": text, "file": file});
    Server::reach(given, session)?.ask("/createstack", &body)?;
    session.output.data("Stack added")
}

fn add_layer(given: &Given, session: &Session<'_>) -> Result<(), Failure> {
    let SourceText { file, text } = source(given)?;
    let body = json!({
        "stackfile": text,
        "file": file,
        "layer": given.text("level").unwrap_or("zone"),
        "parent": given.text("parent").unwrap_or_default(),
    });
    Server::reach(given, session)?.ask("/createlayer", &body)?;
    session.output.data("Stack added")
}

fn ping(given: &Given, session: &Session<'_>) -> Result<(), Failure> {
    Server::reach(given, session)?.ask("/health", &json!({}))?;
    session.output.data("Pong")
}

fn list(given: &Given, session: &Session<'_>) -> Result<(), Failure> {
    let answer = Server::reach(given, session)?.ask("/list", &json!({}))?;
    let entries = answer.lines().filter_map(|line| line.strip_prefix("- "));
    let mut names: Vec<String> = entries
        .map(|name| serde_json::from_str(name).unwrap_or_else(|_| name.to_owned()))
        .collect();
    names.sort();
    session.output.data(&names.join("\n"))
}

fn name(given: &Given) -> &str {
    given.words.first().map_or("", String::as_str)
}

fn show(given: &Given, session: &Session<'_>) -> Result<(), Failure> {
    let body = json!({"name": name(given)});
    let text = Server::reach(given, session)?.ask("/get", &body)?;
    session.output.data(&text)
}

fn remove(given: &Given, session: &Session<'_>) -> Result<(), Failure> {
    let name = name(given);
    let server = Server::reach(given, session)?;
    session.output.data(&format!("Removing stack {name}"))?;
    let body = json!({"name": name, "force": given.is_on("force")});
    server.ask("/removestack", &body)?;
    session.output.data("Stack removed")
}

fn run(given: &Given, session: &Session<'_>) -> Result<(), Failure> {
    let name = name(given);
    let variables: serde_json::Map<String, serde_json::Value> = given
        .pairs("var")
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let body = json!({
        "name": name,
        "zone": given.text("zone").unwrap_or_default(),
        "maxwait": given.number("max.wait").unwrap_or(600),
        "variables": variables,
        "skip": given.all("skip"),
    });
    let server = Server::reach(given, session)?;
    session.output.data(&format!("Running stack {name}"))?;
    let began = Instant::now();
    server.ask_waiting("/run", &body, RUN_WITHIN)?;
    session
        .output
        .data(&format!("Done in {}", go_duration(began.elapsed())))
}

/// `1h2m3s`, as Go writes a duration in whole seconds.
fn go_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        (_, _) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// What runs by the clock.
#[derive(Debug, Deserialize)]
struct Scheduled {
    id: i64,
    name: String,
    start_time: String,
    time_schedule: String,
}

fn scheduled(given: &Given, session: &Session<'_>) -> Result<(), Failure> {
    let server = Server::reach(given, session)?;
    if let Some(id) = given.number("remove").filter(|id| *id >= 0) {
        return session
            .output
            .data(&server.ask("/scheduled/delete", &json!({"id": id}))?);
    }
    let answer = server.ask("/scheduled", &json!({}))?;
    let all: Vec<Scheduled> = serde_json::from_str(&answer)
        .map_err(|error| Failure::failed(format!("the server's answer makes no sense: {error}")))?;
    let told: String = all
        .iter()
        .map(|one| {
            let Scheduled {
                id,
                name,
                start_time,
                time_schedule,
            } = one;
            format!("[{id}] {name}\n\tstart: '{start_time}'\n\tschedule: '{time_schedule}'\n")
        })
        .collect();
    session.output.data(&told)
}

fn user(given: &Given) -> Result<&str, Failure> {
    given
        .text("name")
        .filter(|name| !name.is_empty())
        .ok_or_else(|| Failure::failed("User name required").hint("give --name"))
}

fn add_user(given: &Given, session: &Session<'_>) -> Result<(), Failure> {
    let role = if given.is_on("admin") {
        "admin"
    } else {
        "regular"
    };
    let body = json!({"name": user(given)?, "role": role});
    let key = Server::reach(given, session)?.ask("/createuser", &body)?;
    session.output.data(&format!("User added. Key: {key}"))
}

fn refresh_token(given: &Given, session: &Session<'_>) -> Result<(), Failure> {
    let body = json!({"name": user(given)?});
    let key = Server::reach(given, session)?.ask("/refreshtoken", &body)?;
    session.output.data(&format!("New key generated: {key}"))
}

#[cfg(test)]
mod tests {
    use super::{go_duration, is_called};
    use std::time::Duration;

    #[test]
    fn durations_are_written_as_go_does() {
        for (seconds, expected) in [
            (0, "0s"),
            (59, "59s"),
            (83, "1m23s"),
            (600, "10m0s"),
            (3605, "1h0m5s"),
        ] {
            assert_eq!(go_duration(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn the_name_decides() {
        for (program, expected) in [
            ("stack-deploy", true),
            ("/usr/local/bin/stack-deploy", true),
            ("./smack", false),
            ("stack-deploy/smack", false),
        ] {
            assert_eq!(is_called(program.as_ref()), expected, "{program}");
        }
    }
}
