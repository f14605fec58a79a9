//! The only place that prints. Data goes to stdout, everything else to stderr; what is painted and what moves depends
//! on whether a terminal is on the other side.

use std::cell::RefCell;
use std::io::{self, IsTerminal as _, Write};

use serde::Serialize;
use smack_model::Problem;

use crate::cli::{ColorChoice, Global};
use crate::failure::Failure;

/// How a text is meant, and so how it is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Good,
    Moving,
    Bad,
    Dim,
    Strong,
}

/// Both streams, and how to write to them.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    verbose: bool,
    paint_data: bool,
    paint_notes: bool,
    /// Stderr is a terminal that a view may be redrawn on.
    moving: bool,
    /// Lines of the view that is shown at the moment.
    drawn: RefCell<usize>,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let paint = |is_terminal: bool| match global.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let unset =
                    |name: &str| std::env::var_os(name).is_none_or(|value| value.is_empty());
                is_terminal
                    && unset("NO_COLOR")
                    && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        };
        let moving = io::stderr().is_terminal()
            && std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        Self {
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose > 0,
            paint_data: paint(io::stdout().is_terminal()),
            paint_notes: paint(io::stderr().is_terminal()),
            moving: moving && !global.quiet && !global.json,
            drawn: RefCell::new(0),
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a view may be redrawn on stderr.
    pub(crate) fn is_moving(&self) -> bool {
        self.moving
    }

    /// Whether data goes to a terminal, so that it is cut to its width.
    pub(crate) fn data_width(&self) -> Option<usize> {
        let out = io::stdout();
        if out.is_terminal() { width(&out) } else { None }
    }

    /// The columns and rows of the terminal behind stderr.
    pub(crate) fn note_size(&self) -> (usize, usize) {
        let size = rustix::termios::tcgetwinsize(io::stderr()).ok();
        let size = size.filter(|size| size.ws_col > 0 && size.ws_row > 0);
        size.map_or((100, 24), |size| {
            (usize::from(size.ws_col), usize::from(size.ws_row))
        })
    }

    /// Paints a text that is data.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        painted(self.paint_data, style, text)
    }

    /// Paints a text that is told.
    pub(crate) fn paint_note(&self, style: Style, text: &str) -> String {
        painted(self.paint_notes, style, text)
    }

    /// One line, or a text of several, on stdout.
    pub(crate) fn data(&self, text: &str) -> Result<(), Failure> {
        self.erase();
        let mut out = io::stdout().lock();
        let newline = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        written(
            out.write_all(text.as_bytes())
                .and_then(|()| out.write_all(newline.as_bytes()))
                .and_then(|()| out.flush()),
        )
    }

    /// Bytes as they are, on stdout.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        written(out.write_all(bytes).and_then(|()| out.flush()))
    }

    /// A value as JSON, on stdout.
    pub(crate) fn value(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::failed(error.to_string()))?;
        self.data(&text)
    }

    /// A line for a person, on stderr; nothing with `--quiet`.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.erase();
            to_stderr(text);
        }
    }

    /// A line for a person who asked for more with `-v`.
    pub(crate) fn detail(&self, text: &str) {
        if self.verbose {
            self.note(&self.paint_note(Style::Dim, text));
        }
    }

    /// A line that even `--quiet` does not swallow.
    pub(crate) fn trouble(&self, text: &str) {
        self.erase();
        to_stderr(text);
    }

    /// Problems and notices of files, painted by how grave they are.
    pub(crate) fn problems(&self, problems: &[Problem]) {
        for problem in problems {
            match problem.severity {
                smack_model::Severity::Error => self.trouble(&problem.to_string()),
                smack_model::Severity::Notice => self.note(&problem.to_string()),
            }
        }
    }

    /// What stands before a line that is typed.
    pub(crate) fn prompt(&self, text: &str) {
        drop(io::stderr().write_all(text.as_bytes()));
    }

    /// Why the command ends as it does.
    pub(crate) fn failure(&self, failure: &Failure) {
        if let Some(text) = failure.data() {
            // Whoever does not read it is told all the same.
            drop(self.data(text));
        }
        let text = failure.to_string();
        if !text.is_empty() {
            let text = match text.strip_prefix("error:") {
                Some(rest) => format!("{}{rest}", self.paint_note(Style::Bad, "error:")),
                None => text,
            };
            self.trouble(&text);
        }
    }

    /// Draws a view of several lines over the last one, on stderr.
    pub(crate) fn draw(&self, lines: &[String]) {
        if !self.moving {
            return;
        }
        let mut drawn = self.drawn.borrow_mut();
        let mut text = String::new();
        if *drawn > 0 {
            text.push_str(&format!("\x1b[{}A", *drawn));
        }
        for line in lines {
            text.push_str("\r\x1b[2K");
            text.push_str(line);
            text.push('\n');
        }
        text.push_str("\x1b[J");
        *drawn = lines.len();
        drop(io::stderr().write_all(text.as_bytes()));
    }

    /// Takes the view away again.
    pub(crate) fn erase(&self) {
        let mut drawn = self.drawn.borrow_mut();
        if *drawn > 0 {
            let text = format!("\x1b[{}A\r\x1b[J", *drawn);
            drop(io::stderr().write_all(text.as_bytes()));
            *drawn = 0;
        }
    }
}

/// The key of a server's first admin, in the words of stack-deploy; told this once.
pub(crate) fn admin_key(key: &str) {
    let mut out = io::stdout().lock();
    let text = format!("***\nAdmin user key: {key}\n***\n");
    // Whoever does not listen adds an admin on the socket of the home.
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

fn width(out: &io::Stdout) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(out).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

fn to_stderr(text: &str) {
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    // Nobody is left to tell that stderr is closed.
    drop(io::stderr().write_all(format!("{text}{newline}").as_bytes()));
}

fn written(result: io::Result<()>) -> Result<(), Failure> {
    result.map_err(|error| {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Failure::Unread
        } else {
            Failure::failed(format!("cannot write the output: {error}"))
        }
    })
}

fn painted(paint: bool, style: Style, text: &str) -> String {
    let code = match style {
        Style::Plain => "",
        Style::Good => "32",
        Style::Moving => "33",
        Style::Bad => "31",
        Style::Dim => "2",
        Style::Strong => "1",
    };
    if paint && !code.is_empty() && !text.is_empty() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}
