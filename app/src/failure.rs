//! Why a command did not do what was asked, and the exit code that says so: 1 the request failed, 2 wrong usage, 3 the
//! server cannot be reached.

use std::fmt;

use smack_control::wire::Refusal;
use smack_model::Problem;

/// The outcome of a command that did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server said no.
    Refused { status: u16, refusal: Refusal },
    /// Something on this side went wrong.
    Failed { what: String, hint: Option<String> },
    /// The command line or a file named on it makes no sense.
    Usage { what: String, hint: Option<String> },
    /// There is no talking to the server.
    Unreachable { what: String, hint: Option<String> },
    /// A file of Marathon is no JSON, but this is what it was to be.
    Mended {
        text: String,
        problems: Vec<Problem>,
    },
    /// Everything has been said already; only the exit code is left.
    Told(u8),
    /// Whoever read the output has closed it.
    Unread,
}

impl Failure {
    pub(crate) fn failed(what: impl Into<String>) -> Self {
        Self::Failed {
            what: what.into(),
            hint: None,
        }
    }

    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::Usage {
            what: what.into(),
            hint: None,
        }
    }

    pub(crate) fn unreachable(what: impl Into<String>) -> Self {
        Self::Unreachable {
            what: what.into(),
            hint: None,
        }
    }

    /// Problems found before the server was asked.
    pub(crate) fn problems(problems: Vec<Problem>) -> Self {
        let error = match problems.len() {
            1 => "1 problem".to_owned(),
            count => format!("{count} problems"),
        };
        Self::Refused {
            status: 422,
            refusal: Refusal {
                error,
                hint: None,
                problems,
            },
        }
    }

    /// The same failure with advice.
    pub(crate) fn hint(mut self, advice: impl Into<String>) -> Self {
        match &mut self {
            Self::Failed { hint, .. }
            | Self::Usage { hint, .. }
            | Self::Unreachable { hint, .. } => {
                *hint = Some(advice.into());
            }
            Self::Refused { refusal, .. } => refusal.hint = Some(advice.into()),
            Self::Mended { .. } | Self::Told(_) | Self::Unread => {}
        }
        self
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { .. } | Self::Failed { .. } | Self::Mended { .. } => 1,
            Self::Usage { .. } => 2,
            Self::Unreachable { .. } => 3,
            Self::Told(code) => *code,
            Self::Unread => 0,
        }
    }

    /// What goes to standard output all the same.
    pub(crate) fn data(&self) -> Option<&str> {
        match self {
            Self::Mended { text, .. } => Some(text),
            Self::Refused { .. }
            | Self::Failed { .. }
            | Self::Usage { .. }
            | Self::Unreachable { .. }
            | Self::Told(_)
            | Self::Unread => None,
        }
    }

    /// Whether the server said that there is no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, hint) = match self {
            Self::Refused { refusal, .. } => {
                for problem in &refusal.problems {
                    writeln!(f, "{problem}")?;
                }
                (&refusal.error, &refusal.hint)
            }
            Self::Failed { what, hint }
            | Self::Usage { what, hint }
            | Self::Unreachable { what, hint } => (what, hint),
            Self::Mended { problems, .. } => {
                for problem in problems {
                    writeln!(f, "{problem}")?;
                }
                return f.write_str(
                    "error: the file is not as it was meant\n  hint: standard output has the repaired text: save it and run that",
                );
            }
            Self::Told(_) | Self::Unread => return Ok(()),
        };
        write!(f, "error: {what}")?;
        match hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}
