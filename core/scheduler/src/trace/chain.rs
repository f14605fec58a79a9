//! The longest chain: from the end of a wait back to its beginning, each step with what made it possible. Its segments
//! add up to the whole time, so that summed by kind they are the time per step.

use serde::{Deserialize, Serialize};

use super::{Mark, Marks, What};

/// What the time of a segment was spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Fetch,
    Place,
    Start,
    Ready,
    /// A job at its work.
    Finish,
    Operations,
    Health,
    /// Until a task may be taken away.
    Gate,
    Stop,
    /// Attempts that failed, and the delays after them.
    Retry,
}

/// A step of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    pub kind: Kind,
    /// `kafka`, `kafka/broker-1`; empty for the VDC.
    pub subject: String,
    pub from_ms: u64,
    pub until_ms: u64,
}

impl Kind {
    pub const ALL: [Self; 10] = [
        Self::Fetch,
        Self::Place,
        Self::Start,
        Self::Ready,
        Self::Finish,
        Self::Operations,
        Self::Health,
        Self::Gate,
        Self::Stop,
        Self::Retry,
    ];

    /// The step for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Place => "place",
            Self::Start => "start to running",
            Self::Ready => "running to ready",
            Self::Finish => "running to end",
            Self::Operations => "operations",
            Self::Health => "health",
            Self::Gate => "gate",
            Self::Stop => "stop",
            Self::Retry => "retries",
        }
    }

    /// The step as a key in JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::Start => "start_to_running",
            Self::Ready => "running_to_ready",
            Self::Finish => "running_to_end",
            Self::Fetch
            | Self::Place
            | Self::Operations
            | Self::Health
            | Self::Gate
            | Self::Stop
            | Self::Retry => self.word(),
        }
    }
}

/// The chain that determined how long it took, in the order of time; empty if nothing was reached.
pub fn chain(marks: &Marks) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut index = marks.marks.len();
    while let Some(at) = index.checked_sub(1) {
        let mark = &marks.marks[at];
        let before = marks.marks[..at]
            .iter()
            .rposition(|other| leads_to(marks, other, mark));
        let from_ms = before.map_or(marks.began_ms, |before| marks.marks[before].at_ms);
        // Newest first, and what follows is turned round as a whole.
        segments.extend(
            split(marks, (at, before), from_ms.min(mark.at_ms))
                .into_iter()
                .rev(),
        );
        index = before.map_or(0, |before| before + 1);
    }
    segments.reverse();
    segments.retain(|segment| segment.until_ms > segment.from_ms);
    segments
}

/// Whether `earlier` may be what `mark` had to wait for.
fn leads_to(marks: &Marks, earlier: &Mark, mark: &Mark) -> bool {
    let same_application = earlier.application == mark.application;
    let same_task = same_application && earlier.task == mark.task;
    let required = || {
        let requires = marks.requires.get(&mark.application);
        requires.is_some_and(|requires| requires.contains(&earlier.application))
            && earlier.what == What::ApplicationReady
    };
    let goes_first = || {
        let requires = marks.requires.get(&earlier.application);
        requires.is_some_and(|requires| requires.contains(&mark.application))
            && earlier.what == What::Ended
    };
    match mark.what {
        What::Converged => true,
        What::ApplicationReady | What::Operation => {
            let is_step = matches!(
                earlier.what,
                What::TaskReady | What::Finished | What::Operation
            );
            same_application && is_step || required()
        }
        What::TaskReady | What::Finished => {
            same_task && matches!(earlier.what, What::Running | What::Placed) || required()
        }
        What::Running => same_task && earlier.what == What::Placed,
        What::Ended => {
            same_task
                && matches!(
                    earlier.what,
                    What::Stopping | What::Placed | What::Running | What::TaskReady
                )
        }
        What::Placed | What::Stopping => {
            mark.what == What::Stopping && goes_first()
                || same_application
                    && matches!(
                        earlier.what,
                        What::TaskReady
                            | What::Finished
                            | What::Ended
                            | What::Operation
                            | What::ApplicationReady
                    )
                || required()
        }
    }
}

/// Whether the end at `index` was not asked for.
fn is_failure(marks: &Marks, index: usize) -> bool {
    let mark = &marks.marks[index];
    let own = marks.marks[..index]
        .iter()
        .rfind(|other| other.application == mark.application && other.task == mark.task);
    mark.what == What::Ended && own.is_none_or(|own| own.what != What::Stopping)
}

fn split(marks: &Marks, (at, before): (usize, Option<usize>), from_ms: u64) -> Vec<Segment> {
    let mark = &marks.marks[at];
    let after_failure = || before.is_some_and(|before| is_failure(marks, before));
    let subject = [mark.application.as_str(), mark.task.as_str()];
    let subject = subject
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("/");
    let segment = |kind, subject: &str, from_ms, until_ms| Segment {
        kind,
        subject: subject.to_owned(),
        from_ms,
        until_ms,
    };
    let until = mark.at_ms;
    let kind = match mark.what {
        What::Placed if after_failure() => Kind::Retry,
        What::Placed => Kind::Place,
        What::Running => Kind::Start,
        What::TaskReady => Kind::Ready,
        What::Finished => Kind::Finish,
        What::Operation => Kind::Operations,
        What::ApplicationReady | What::Converged => Kind::Health,
        What::Stopping => Kind::Gate,
        What::Ended if is_failure(marks, at) => Kind::Retry,
        What::Ended => Kind::Stop,
    };
    // Artifacts are fetched before a task is placed or, once it has its place, before its process is started.
    let fetched = marks
        .fetching
        .get(&mark.application)
        .map(|fetched| (*fetched).min(until));
    match fetched {
        Some(fetched) if fetched > from_ms && matches!(kind, Kind::Place | Kind::Start) => vec![
            segment(Kind::Fetch, &mark.application, from_ms, fetched),
            segment(kind, &subject, fetched, until),
        ],
        _ => vec![segment(kind, &subject, from_ms, until)],
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::chain;
    use crate::trace::{Marks, What};

    type Reached = (u64, &'static str, &'static str, What);

    fn check(fetched: Option<(&str, u64)>, reached: &[Reached], end: u64, expected: &Expect) {
        let mut marks = Marks::new(1_000);
        marks
            .requires
            .insert("kafka".to_owned(), vec!["zookeeper".to_owned()]);
        if let Some((application, at)) = fetched {
            marks.fetching.insert(application.to_owned(), at);
        }
        for (at, application, task, what) in reached {
            marks.add(*at, application, task, *what);
        }
        marks.converged(end);
        let segments = chain(&marks);
        let sum: u64 = segments
            .iter()
            .map(|segment| segment.until_ms - segment.from_ms)
            .sum();
        assert_eq!(sum, end - 1_000, "the segments add up to the whole time");
        let lines = segments.iter().map(|segment| {
            format!(
                "{}-{} {} {}\n",
                segment.from_ms,
                segment.until_ms,
                segment.kind.word(),
                segment.subject
            )
        });
        expected.assert_eq(&lines.collect::<String>());
    }

    #[test]
    fn a_broker_that_waits_for_its_ensemble_has_the_ensemble_in_its_chain() {
        let marks = [
            (1_010, "zookeeper", "zk-0", What::Placed),
            (1_012, "kafka", "broker-0", What::Placed),
            (1_030, "zookeeper", "zk-0", What::Running),
            (1_040, "kafka", "broker-0", What::Running),
            (2_000, "zookeeper", "zk-0", What::TaskReady),
            (2_000, "zookeeper", "", What::ApplicationReady),
            (3_500, "kafka", "broker-0", What::TaskReady),
            (3_900, "kafka", "", What::Operation),
            (3_901, "kafka", "", What::ApplicationReady),
        ];
        check(
            None,
            &marks,
            3_950,
            &expect![[r#"
            1000-1010 place zookeeper/zk-0
            1010-1030 start to running zookeeper/zk-0
            1030-2000 running to ready zookeeper/zk-0
            2000-3500 running to ready kafka/broker-0
            3500-3900 operations kafka
            3900-3901 health kafka
            3901-3950 health 
        "#]],
        );
    }

    #[test]
    fn fetching_comes_before_placing() {
        let marks = [
            (4_000, "kafka", "broker-0", What::Placed),
            (4_020, "kafka", "broker-0", What::Running),
            (5_000, "kafka", "broker-0", What::TaskReady),
            (5_000, "kafka", "", What::ApplicationReady),
        ];
        check(
            Some(("kafka", 3_900)),
            &marks,
            5_000,
            &expect![[r#"
            1000-3900 fetch kafka
            3900-4000 place kafka/broker-0
            4000-4020 start to running kafka/broker-0
            4020-5000 running to ready kafka/broker-0
        "#]],
        );
    }

    #[test]
    fn a_roll_is_one_long_chain() {
        let marks = [
            (1_005, "kafka", "broker-0", What::Stopping),
            (2_000, "kafka", "broker-0", What::Ended),
            (2_010, "kafka", "broker-0", What::Placed),
            (2_020, "kafka", "broker-0", What::Running),
            (5_000, "kafka", "broker-0", What::TaskReady),
            (5_600, "kafka", "broker-1", What::Stopping),
            (6_000, "kafka", "broker-1", What::Ended),
            (6_010, "kafka", "broker-1", What::Placed),
            (8_000, "kafka", "broker-1", What::TaskReady),
        ];
        check(
            None,
            &marks,
            8_100,
            &expect![[r#"
            1000-1005 gate kafka/broker-0
            1005-2000 stop kafka/broker-0
            2000-2010 place kafka/broker-0
            2010-2020 start to running kafka/broker-0
            2020-5000 running to ready kafka/broker-0
            5000-5600 gate kafka/broker-1
            5600-6000 stop kafka/broker-1
            6000-6010 place kafka/broker-1
            6010-8000 running to ready kafka/broker-1
            8000-8100 health 
        "#]],
        );
    }

    #[test]
    fn failed_attempts_and_their_delays_are_retries() {
        let marks = [
            (1_010, "kafka", "broker-0", What::Placed),
            (1_100, "kafka", "broker-0", What::Ended),
            (2_100, "kafka", "broker-0", What::Placed),
            (2_900, "kafka", "broker-0", What::TaskReady),
        ];
        check(
            None,
            &marks,
            2_900,
            &expect![[r#"
            1000-1010 place kafka/broker-0
            1010-1100 retries kafka/broker-0
            1100-2100 retries kafka/broker-0
            2100-2900 running to ready kafka/broker-0
        "#]],
        );
    }

    #[test]
    fn who_is_used_stops_after_those_that_use_it() {
        let marks = [
            (1_005, "kafka", "broker-0", What::Stopping),
            (2_000, "kafka", "broker-0", What::Ended),
            (2_001, "zookeeper", "zk-0", What::Stopping),
            (2_500, "zookeeper", "zk-0", What::Ended),
        ];
        check(
            None,
            &marks,
            2_600,
            &expect![[r#"
            1000-1005 gate kafka/broker-0
            1005-2000 stop kafka/broker-0
            2000-2001 gate zookeeper/zk-0
            2001-2500 stop zookeeper/zk-0
            2500-2600 health 
        "#]],
        );
    }

    #[test]
    fn nothing_to_do_is_all_health() {
        check(
            None,
            &[],
            1_020,
            &expect![[r#"
            1000-1020 health 
        "#]],
        );
    }
}
