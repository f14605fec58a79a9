//! The loop against a real store and a grid that only remembers: what it does when saving fails, and when it is fenced.

use std::collections::BTreeMap;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use smack_model::{
    Addressing, Epoch, Launch, Name, NodeId, Phase, Resources, Retry, ServiceSpec, Span, StopSpec,
    Strategy, TaskGoal, TaskSpec, Until, VdcId,
};
use smack_scheduler::RunRequest;
use smack_store::{Faults, Seq, Unavailable};

use super::*;

#[derive(Default)]
struct Remembering {
    actions: Mutex<Vec<Action>>,
}

impl Remembering {
    fn launches(&self) -> usize {
        let actions = self.actions.lock().unwrap_or_else(PoisonError::into_inner);
        actions
            .iter()
            .filter(|action| matches!(action, Action::Launch(_)))
            .count()
    }
}

impl Grid for Remembering {
    fn name(&self) -> &'static str {
        "remembering"
    }

    fn perform(&self, _: Epoch, action: &Action) {
        self.actions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(action.clone());
    }
}

/// Refuses the commits whose numbers are listed, counted from the first.
struct Failing {
    count: u32,
    refused: Vec<u32>,
    lost: Vec<u32>,
}

impl Faults for Failing {
    fn before_commit(&mut self, _: Seq) -> Result<(), CommitError> {
        self.count += 1;
        if self.refused.contains(&self.count) {
            let full = Unavailable::DiskFull {
                path: "/full".into(),
                free_bytes: 0,
            };
            return Err(CommitError::Unavailable(full));
        }
        Ok(())
    }

    fn after_commit(&mut self, _: Seq) -> Result<(), CommitError> {
        if self.lost.contains(&self.count) {
            let source = Box::new(std::io::Error::other("the answer was lost"));
            return Err(CommitError::Unknown {
                path: "/lost".into(),
                source,
            });
        }
        Ok(())
    }
}

struct Loop {
    inputs: Sender<Input>,
    published: watch::Receiver<Published>,
    grid: Arc<Remembering>,
    thread: JoinHandle<Result<(), Error>>,
    home: tempfile::TempDir,
}

fn node() -> Node {
    Node {
        id: NodeId::new("local").expect("a label"),
        attributes: BTreeMap::new(),
        capacity: Resources {
            cpu_millis: 8000,
            memory_mib: 1000,
        },
        starting: None,
        isolation: smack_model::Isolation::Open,
        addressing: Addressing::PerTask {
            first_block: 0x4000,
            last_block: 0x40ff,
            foreign: Vec::new(),
        },
    }
}

fn start(faults: Failing) -> Loop {
    let home = tempfile::tempdir().expect("a directory");
    let mut store = Store::open(&home.path().join("smack.db")).expect("a store");
    store.inject(Box::new(faults));
    let (inputs, received) = channel();
    let supplier = Supplier::new(
        home.path(),
        smack_supply::fetch::Sources::default(),
        false,
        |_| {},
    )
    .expect("a supplier");
    let grid = Arc::new(Remembering::default());
    let (probes, _) = tokio::sync::mpsc::unbounded_channel();
    let (publish, published) = watch::channel(Published::default());
    let decider = Decider::new(
        store,
        vec![node()],
        Arc::clone(&grid) as Arc<dyn Grid>,
        supplier,
        probes,
        publish,
    )
    .expect("a loop");
    let thread = std::thread::spawn(move || decider.run(&received));
    let started = Loop {
        inputs,
        published,
        grid,
        thread,
        home,
    };
    started.inventory();
    started
}

impl Loop {
    fn inventory(&self) {
        let (tasks, volumes) = (Vec::new(), Vec::new());
        let event = Event::Inventory {
            node: None,
            complete: true,
            began: clock::now(),
            tasks,
            volumes,
        };
        self.inputs
            .send(Input::Event(event))
            .expect("the loop runs");
    }

    fn run(&self) -> Result<(), Failure> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Run(Box::new(request()));
        self.inputs
            .send(Input::Command {
                command,
                writes: Vec::new(),
                reply,
            })
            .expect("the loop runs");
        answer.blocking_recv().expect("an answer")
    }

    fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !holds(self) {
            assert!(Instant::now() < deadline, "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn end(self) {
        self.inputs.send(Input::Stop).expect("the loop runs");
        self.thread.join().expect("no panic").expect("a good end");
    }
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a label")
}

fn request() -> RunRequest {
    let task = TaskSpec {
        goal: TaskGoal::Running,
        launch: Arc::new(Launch {
            command: vec!["sleep".into()],
            ..Launch::default()
        }),
        needs: Resources {
            cpu_millis: 10,
            memory_mib: 10,
        },
        ports: Vec::new(),
        volumes: Vec::new(),
        constraints: Vec::new(),
        probe: None,
        pace: smack_model::Pace::default(),
        ready_within: Span::minutes(1),
        stop: StopSpec::default(),
        retry: Retry::default(),
        member: None,
        exposed: Default::default(),
    };
    let phase = Phase {
        name: "all".to_owned(),
        tasks: vec![name("a-0")],
        strategy: Strategy::Parallel,
        after: Until::Ready,
    };
    let spec = ServiceSpec {
        kind: "command".to_owned(),
        tasks: BTreeMap::from([(name("a-0"), Arc::new(task))]),
        phases: vec![phase],
        budget: 1,
        ..ServiceSpec::default()
    };
    RunRequest {
        vdc: VdcId {
            zone: name("default"),
            name: name("test"),
        },
        shown: "test".to_owned(),
        stack: "test".to_owned(),
        revision: 1,
        systems: BTreeMap::from([(name("a"), spec)]),
        isolation: smack_model::Isolation::Open,
        ttl: None,
        partial: false,
    }
}

fn never() -> Failing {
    Failing {
        count: 0,
        refused: Vec::new(),
        lost: Vec::new(),
    }
}

#[test]
fn nothing_is_launched_before_its_claim_is_saved() {
    let running = start(never());
    running.run().expect("taken");
    running.until("it is launched", |running| running.grid.launches() == 1);
    running.end();
}

#[test]
fn a_full_disk_refuses_commands_says_so_and_resumes() {
    let running = start(Failing {
        refused: vec![1, 2],
        ..never()
    });
    let refused = running.run().expect_err("nothing can be saved").to_string();
    assert!(refused.contains("no space"), "{refused}");
    assert_eq!(running.grid.launches(), 0);
    running.until("it says why", |running| {
        running.published.borrow().halted.is_some()
    });
    running.until("it goes on", |running| {
        running.inventory();
        running.published.borrow().halted.is_none()
    });
    running.run().expect("taken");
    running.until("it is launched", |running| running.grid.launches() == 1);
    running.end();
}

#[test]
fn a_commit_that_took_effect_although_its_answer_was_lost_is_found_again() {
    let running = start(Failing {
        lost: vec![1],
        ..never()
    });
    running.run().expect_err("the answer was lost");
    running.until("it goes on with what was saved", |running| {
        running.inventory();
        running.grid.launches() == 1
    });
    running.end();
}

#[test]
fn a_newer_server_ends_the_loop() {
    let running = start(never());
    running.run().expect("taken");
    let mut other = Store::open(&running.home.path().join("smack.db")).expect("a second handle");
    other.take_epoch().expect("a newer epoch");
    // Anything that must be saved shows it.
    let (reply, _answer) = oneshot::channel();
    let write = Write::put("library/x", b"{}".to_vec());
    running
        .inputs
        .send(Input::Write {
            writes: vec![write],
            reply,
        })
        .expect("the loop runs");
    let ended = running.thread.join().expect("no panic");
    assert!(matches!(ended, Err(Error::Fenced)), "{ended:?}");
}
