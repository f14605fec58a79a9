//! Asks tasks and products on core's order and tells what they answer: readiness, questions, operations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use smack_grids::Reach as TaskReach;
use smack_model::{
    About, Action, Event, OperationOrder, Outcome, Probe, ProbeOrder, Question, SystemId, TaskId,
};
use smack_products::Probed;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use crate::clock;
use crate::inside::Inside;

type Tell = Arc<dyn Fn(Event) + Send + Sync>;

/// While a task starts it is asked this often, then ever more seldom.
const STARTING: [(Duration, Duration); 3] = [
    (Duration::from_secs(10), Duration::from_millis(20)),
    (Duration::from_secs(60), Duration::from_millis(100)),
    (Duration::MAX, Duration::from_millis(500)),
];
/// Once it is ready.
const READY: Duration = Duration::from_secs(5);
/// After a first failure of a ready task; this many in a row make it unready.
const DOUBTFUL: Duration = Duration::from_millis(500);
const FAILURES_TO_UNREADY: u32 = 3;
/// For one probe that says nothing else, and for one question.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);

/// Takes orders until the sender is gone. Runs on the runtime of its caller.
pub(crate) async fn run(mut orders: UnboundedReceiver<Action>, reach: TaskReach, tell: Tell) {
    let mut probes: BTreeMap<TaskId, JoinHandle<()>> = BTreeMap::new();
    let asked: Arc<Mutex<BTreeSet<(SystemId, About)>>> = Arc::default();
    let mut operations: BTreeMap<(SystemId, String), (OperationOrder, JoinHandle<()>)> =
        BTreeMap::new();
    let reach = Arc::new(Inside(reach));
    while let Some(action) = orders.recv().await {
        match action {
            Action::Probe(order) => {
                let id = order.id.clone();
                let task = tokio::spawn(watch(*order, Arc::clone(&reach), Arc::clone(&tell)));
                if let Some(old) = probes.insert(id, task) {
                    old.abort();
                }
            }
            Action::ProbeEnd(id) => {
                if let Some(task) = probes.remove(&id) {
                    task.abort();
                }
            }
            Action::Question(question) => ask(*question, &asked, &reach, &tell),
            Action::Operate(order) => {
                operations.retain(|_, (_, task)| !task.is_finished());
                let key = (order.system.clone(), order.name.clone());
                if operations
                    .get(&key)
                    .is_some_and(|(running, _)| running.digest == order.digest)
                {
                    continue;
                }
                let task = tokio::spawn(operate(
                    (*order).clone(),
                    Arc::clone(&reach),
                    Arc::clone(&tell),
                ));
                if let Some((_, old)) = operations.insert(key, (*order, task)) {
                    old.abort();
                }
            }
            Action::Launch(_)
            | Action::Stop { .. }
            | Action::Ask(_)
            | Action::Release(_)
            | Action::Forget(_)
            | Action::Supply(_)
            | Action::Network(_)
            | Action::NetworkEnd(_) => {}
        }
    }
}

/// Probes one task until it is aborted; tells only what is new.
async fn watch(order: ProbeOrder, reach: Arc<Inside>, tell: Tell) {
    let began = Instant::now();
    let mut last: Option<Probed> = None;
    let mut failures = 0;
    let mut has_been_ready = false;
    loop {
        let probed = once(&order, &reach).await;
        let was_ready = last.as_ref().is_some_and(|last| last.ready);
        failures = if probed.ready { 0 } else { failures + 1 };
        has_been_ready |= probed.ready;
        let doubtful = was_ready && !probed.ready && failures < FAILURES_TO_UNREADY;
        let every = order.pace.every.map(|every| Duration::from_millis(every.0));
        let pause = if doubtful {
            DOUBTFUL
        } else if probed.ready {
            every.unwrap_or(READY)
        } else if let Some(every) = every.filter(|_| has_been_ready) {
            every
        } else {
            let since = began.elapsed();
            STARTING
                .iter()
                .find(|(until, _)| since < *until)
                .map_or(READY, |(_, pause)| *pause)
                .min(every.unwrap_or(READY))
        };
        if !doubtful && last.as_ref() != Some(&probed) {
            let Probed {
                ready,
                role,
                detail,
            } = probed.clone();
            tell(Event::Probed {
                id: order.id.clone(),
                ready,
                role,
                detail,
            });
            last = Some(probed);
        }
        tokio::time::sleep(pause).await;
    }
}

async fn once(order: &ProbeOrder, reach: &Arc<Inside>) -> Probed {
    let timeout = order
        .pace
        .timeout
        .map(|timeout| Duration::from_millis(timeout.0));
    let timeout = timeout.unwrap_or(PROBE_TIMEOUT);
    let Probe::Exec { command } = &order.probe else {
        return smack_products::probe(reach.as_ref(), order, timeout).await;
    };
    let command: Vec<String> = command.iter().map(smack_model::Template::shown).collect();
    let (reach, id) = (Arc::clone(reach), order.id.clone());
    let run =
        tokio::task::spawn_blocking(move || reach.0.exec(&id, &command, &BTreeMap::new(), timeout));
    match run.await {
        Ok(Ok(output)) if output.code == 0 => Probed {
            ready: true,
            role: None,
            detail: String::new(),
        },
        Ok(Ok(output)) => Probed {
            ready: false,
            role: None,
            detail: last_words(&output),
        },
        Ok(Err(error)) => Probed {
            ready: false,
            role: None,
            detail: error.to_string(),
        },
        Err(error) => Probed {
            ready: false,
            role: None,
            detail: error.to_string(),
        },
    }
}

/// The code and the last line that a failed command wrote.
fn last_words(output: &smack_grids::Output) -> String {
    let text = if output.errors.is_empty() {
        &output.output
    } else {
        &output.errors
    };
    let text = String::from_utf8_lossy(text);
    let line = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    format!(
        "exit code {}: {}",
        output.code,
        line.chars().take(200).collect::<String>()
    )
}

/// One question at a time per system and subject.
fn ask(
    question: Question,
    asked: &Arc<Mutex<BTreeSet<(SystemId, About)>>>,
    reach: &Arc<Inside>,
    tell: &Tell,
) {
    let key = (question.system.clone(), question.about.clone());
    if !asked
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(key.clone())
    {
        return;
    }
    let (asked, reach, tell) = (Arc::clone(asked), Arc::clone(reach), Arc::clone(tell));
    tokio::spawn(async move {
        let began = clock::now();
        let answer = smack_products::answer(reach.as_ref(), &question, QUESTION_TIMEOUT).await;
        asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&key);
        tell(Event::Observed {
            system: question.system,
            about: question.about,
            answer,
            began,
        });
    });
}

async fn operate(order: OperationOrder, reach: Arc<Inside>, tell: Tell) {
    let event = |outcome: Outcome| Event::Operation {
        system: order.system.clone(),
        name: order.name.clone(),
        digest: order.digest.clone(),
        outcome,
    };
    let report = |progress: String| tell(event(Outcome::Progress(progress)));
    let outcome = smack_products::perform(reach.as_ref(), &order, report).await;
    tell(event(outcome));
}
