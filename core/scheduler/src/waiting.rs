//! Why something does not happen yet: a value that reaches the user through `why`, the API and the scripts alike.

use serde::{Deserialize, Serialize};
use smack_model::{ApplicationPath, End, Span, TaskName, Timestamp};

use crate::place::Tally;

/// What a task, or a system as a whole, waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// Another application is not ready, or not even placed.
    Requirement {
        application: ApplicationPath,
        until_ready: bool,
    },
    /// An earlier phase or, within a serial phase, an earlier task.
    Phase {
        phase: String,
        task: TaskName,
    },
    Supply {
        name: String,
        detail: String,
        failed: bool,
    },
    Node(Tally),
    /// Placed, but the address of a peer or a published value is not known yet.
    Value {
        what: String,
    },
    /// The launch was ordered; the node has not answered.
    Launch {
        since: Timestamp,
    },
    Readiness {
        since: Timestamp,
        detail: String,
        until: Timestamp,
    },
    Retry {
        end: End,
        at: Timestamp,
        failures: u32,
        max_tries: u32,
    },
    /// Tolerated: the product needs a moment after its unclean end.
    Settling {
        reason: String,
        at: Timestamp,
    },
    GaveUp {
        end: End,
        failures: u32,
    },
    Paused,
    Stopped,
    /// Others are away already, and the budget allows no more.
    Budget {
        away: Vec<String>,
        budget: u32,
    },
    /// The product was asked whether the task may go, and has not said yes.
    Gate {
        gate: String,
        detail: String,
    },
    Minimum {
        minimum: u32,
        reason: String,
    },
    Stop {
        since: Timestamp,
        grace: Span,
    },
    /// Other applications that use this one go first.
    Users {
        applications: Vec<ApplicationPath>,
    },
    /// Another part of the same system goes first.
    Sibling {
        path: String,
        detail: String,
    },
    /// A later phase goes first.
    LaterPhase {
        phase: String,
    },
    Operation {
        name: String,
        detail: String,
        failed: bool,
    },
    Health {
        detail: String,
    },
    /// A job has not ended yet.
    Finish {
        since: Timestamp,
    },
    Unreachable {
        since: Timestamp,
    },
    Volumes {
        count: usize,
    },
    /// It runs by the clock; `None`: never again.
    Clock {
        at: Option<Timestamp>,
    },
    /// The grid still removes what the ended system left.
    Forgetting,
    Inventory,
}

impl Waiting {
    /// A lowercase fragment that continues "waits:". Times are shown relative to `now`.
    #[expect(
        clippy::too_many_lines,
        reason = "one sentence for each reason, and nothing else"
    )]
    pub fn text(&self, now: Timestamp) -> String {
        match self {
            Self::Requirement {
                application,
                until_ready: true,
            } => format!("{application} is not ready"),
            Self::Requirement {
                application,
                until_ready: false,
            } => {
                format!("the addresses of {application} are not known")
            }
            Self::Phase { phase, task } => format!("{task} of phase {phase} goes first"),
            Self::Supply {
                name,
                detail,
                failed: false,
            } => format!("{name} is being fetched: {detail}"),
            Self::Supply {
                name,
                detail,
                failed: true,
            } => format!("{name} could not be had: {detail}"),
            Self::Node(tally) => format!("no node fits: {tally}"),
            Self::Value { what } => format!("{what} is not known yet"),
            Self::Launch { since } => {
                format!("launch ordered {} ago, not answered", now.since(*since))
            }
            Self::Readiness {
                since,
                detail,
                until,
            } => format!(
                "running for {}, not ready: {detail} (gives up in {})",
                now.since(*since),
                until.since(now)
            ),
            Self::Retry {
                end,
                at,
                failures,
                max_tries,
            } => {
                let of = if *max_tries > 0 {
                    format!(" of {max_tries}")
                } else {
                    String::new()
                };
                format!(
                    "{end}; failure {failures}{of}, next try in {}",
                    at.since(now)
                )
            }
            Self::Settling { reason, at } => format!("{reason}; next try in {}", at.since(now)),
            Self::GaveUp { end, failures } => {
                format!(
                    "gave up after {}, the last: {end}; `smack start` tries again",
                    in_a_row(*failures)
                )
            }
            Self::Paused => "paused; `smack resume` goes on".to_owned(),
            Self::Stopped => "stopped; `smack start` starts it".to_owned(),
            Self::Budget { away, budget } => {
                format!(
                    "only {budget} may be away at once, and {} is",
                    away.join(", ")
                )
            }
            Self::Gate { gate, detail } => format!("{detail} (`--force {gate}` overrides)"),
            Self::Minimum { minimum, reason } => {
                format!("no fewer than {minimum}: {reason} (`--force minimum` overrides)")
            }
            Self::Stop { since, grace } => {
                format!("stopping for {}, killed after {grace}", now.since(*since))
            }
            Self::Users { applications } => {
                let names: Vec<String> = applications.iter().map(ToString::to_string).collect();
                format!("{} uses it and goes first", names.join(", "))
            }
            Self::Sibling { path, detail } => {
                format!("{path}, a part of the same system, {detail}")
            }
            Self::LaterPhase { phase } => format!("phase {phase} stops first"),
            Self::Operation {
                name,
                detail,
                failed: false,
            } => format!("{name}: {detail}"),
            Self::Operation {
                name,
                detail,
                failed: true,
            } => format!("{name} failed: {detail}; tried again"),
            Self::Health { detail } => detail.clone(),
            Self::Finish { since } => format!("runs to its end, for {} now", now.since(*since)),
            Self::Unreachable { since } => format!(
                "its node is silent for {}; it may still run there (`smack replace` gives it up)",
                now.since(*since)
            ),
            Self::Volumes { count } => format!("{count} volumes are being removed"),
            Self::Clock { at: Some(at) } => format!("due in {}, at {at}", at.since(now).words()),
            Self::Clock { at: None } => "its schedule is over or taken away".to_owned(),
            Self::Forgetting => "the node removes what is left of it".to_owned(),
            Self::Inventory => "the grid has not said yet what runs there".to_owned(),
        }
    }

    /// Whether the journal is told when it begins: it says more than the events around it.
    pub(crate) fn is_told(&self) -> bool {
        matches!(
            self,
            Self::Requirement { .. }
                | Self::Phase { .. }
                | Self::Supply { .. }
                | Self::Node(_)
                | Self::Value { .. }
                | Self::Paused
                | Self::Budget { .. }
                | Self::Gate { .. }
                | Self::Minimum { .. }
                | Self::Users { .. }
                | Self::LaterPhase { .. }
                | Self::Sibling { .. }
                | Self::Unreachable { .. }
        )
    }

    /// Whether it is the same wait as `other`, whatever its times and counts say by now.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Node(_), Self::Node(_))
            | (Self::Clock { .. }, Self::Clock { .. })
            | (Self::Budget { .. }, Self::Budget { .. })
            | (Self::Unreachable { .. }, Self::Unreachable { .. }) => true,
            (
                Self::Supply { name, failed, .. },
                Self::Supply {
                    name: other_name,
                    failed: other_failed,
                    ..
                },
            ) => name == other_name && failed == other_failed,
            (Self::Gate { gate, .. }, Self::Gate { gate: other, .. }) => gate == other,
            (one, other) => one == other,
        }
    }

    /// Whether only a person or a repaired world can end it: shown as trouble, not as progress.
    pub fn is_trouble(&self) -> bool {
        matches!(
            self,
            Self::Node(_)
                | Self::GaveUp { .. }
                | Self::Retry { .. }
                | Self::Supply { failed: true, .. }
                | Self::Operation { failed: true, .. }
                | Self::Unreachable { .. }
        )
    }
}

/// How often something failed without success between.
pub(crate) fn in_a_row(failures: u32) -> String {
    match failures {
        1 => "1 failure".to_owned(),
        _ => format!("{failures} failures in a row"),
    }
}
