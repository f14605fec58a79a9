//! Puts a server together: lock, store, grid, supply, probes, loop and API; and ends it again.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use smack_grids::{Grid, LocalGrid, virtual_nodes};
use smack_model::Event;
use smack_store::Store;
use smack_supply::fetch::Sources;
use tokio::sync::watch;

use crate::api::{self, ByTcp, Listeners, Shared};
use crate::decider::{self, Decider, Input, Published};
use crate::exporter::{Collector, Exporter};
use crate::home::{self, Home};
use crate::inside::Inside;
use crate::supplier::Supplier;
use crate::{clock, dns, prober};

/// Where a server is to be reached by TCP.
#[derive(Debug, Clone, Copy)]
pub struct Listen {
    pub address: SocketAddr,
    /// Is told the key of the first admin, when there was none.
    pub tell_key: fn(&str),
}

/// How a server runs.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    pub home: PathBuf,
    /// Virtual nodes of the local grid.
    pub nodes: usize,
    /// Ends by itself after being empty for so long; `None`: never.
    pub idle_exit: Option<Duration>,
    pub sources: Sources,
    /// Record start archives in the background.
    pub record_archives: bool,
    /// Serves stack-deploy's API by TCP, too.
    pub listen: Option<Listen>,
    /// What becomes of the hooks of stack files of 2016: shell lines of whoever may run a stack.
    pub hooks: smack_services::Hooks,
    /// Where complete traces are sent, beside each VDC's own Zipkin.
    pub collectors: Vec<Collector>,
}

/// Why there is no server, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Home(#[from] home::Error),
    #[error(transparent)]
    Store(#[from] smack_store::OpenError),
    #[error(transparent)]
    Supply(#[from] smack_supply::store::Error),
    #[error(transparent)]
    Grid(#[from] smack_grids::Error),
    #[error(transparent)]
    Loop(#[from] decider::Error),
    #[error("cannot listen on {}: {source}", path.display())]
    Listen {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot listen on {address}: {source}")]
    Tcp {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

/// Runs the server of a home until it is asked to end, is idle for too long or is replaced. Tasks go on without it.
pub fn serve(options: ServeOptions) -> Result<(), ServeError> {
    let home = Home::take(&options.home)?;
    raise_open_files();
    let store = Store::open(&home.database())?;
    let reader = || store.reader().map_err(smack_store::OpenError::Unavailable);
    let (reader, journal) = (reader()?, reader()?);
    let (inputs, received) = channel::<Input>();
    let tell = {
        let inputs = inputs.clone();
        move |event: Event| drop(inputs.send(Input::Event(event)))
    };
    let supplier = Supplier::new(
        home.path(),
        options.sources.clone(),
        options.record_archives,
        tell.clone(),
    )?;
    let nodes = virtual_nodes(options.nodes, &home.installation(), home.path());
    let grid_options = smack_grids::Options::new(
        home.path(),
        home.installation(),
        nodes.clone(),
        Arc::clone(&supplier) as Arc<dyn smack_grids::LaunchPaths>,
        tell.clone(),
    );
    let grid = Arc::new(LocalGrid::start(grid_options)?);
    let (probe_orders, probe_queue) = tokio::sync::mpsc::unbounded_channel();
    let (publish, published) = watch::channel(Published::default());
    let decider = Decider::new(
        store,
        nodes.clone(),
        Arc::clone(&grid) as Arc<dyn Grid>,
        Arc::clone(&supplier),
        probe_orders,
        publish,
    )?;
    let runtime = runtime().map_err(ServeError::Thread)?;
    let names = dns::bind();
    let shared = Arc::new(Shared {
        inputs: inputs.clone(),
        published: published.clone(),
        reader: std::sync::Mutex::new(reader),
        grid: Arc::clone(&grid),
        home: home.path().to_owned(),
        epoch: decider.epoch().0,
        started: clock::now(),
        nodes,
        hooks: options.hooks,
        limits: smack_grids::limits::limits().detail,
        dns: match &names {
            Ok(sockets) => Ok(sockets.address),
            Err(error) => Err(error.to_string()),
        },
        users: tokio::sync::Mutex::new(()),
        touched: std::sync::Mutex::new(Instant::now()),
    });
    let listeners = listeners(&home, options.listen)?;
    let io = {
        let (shared, inputs, reach) = (Arc::clone(&shared), inputs.clone(), grid.reach());
        let tell = Arc::new(tell) as Arc<dyn Fn(Event) + Send + Sync>;
        let supplier = Arc::clone(&supplier);
        let inside = Arc::new(Inside(grid.reach()));
        let exporter = Exporter::new(published.clone(), inside, options.collectors);
        std::thread::Builder::new()
            .name("io".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::spawn(prober::run(probe_queue, reach, tell));
                    tokio::spawn(ends(inputs.clone()));
                    tokio::spawn(exporter.run(journal));
                    if let Ok(sockets) = names {
                        tokio::spawn(dns::serve(sockets, published.clone()));
                    }
                    tokio::spawn(follow_when_settled(Arc::clone(&shared)));
                    tokio::spawn(record_when_calm(published, supplier));
                    if let Some(idle) = options.idle_exit {
                        tokio::spawn(end_when_idle(Arc::clone(&shared), inputs, idle));
                    }
                    api::serve(listeners, shared).await;
                });
            })
            .map_err(ServeError::Thread)?
    };
    tracing::info!(home = %home.path().display(), pid = std::process::id(), "serving");
    let result = decider.run(&received);
    drop(std::fs::remove_file(home.socket()));
    // The io thread ends with the process: it only waits for others.
    drop(io);
    tracing::info!("ended; tasks go on");
    Ok(result?)
}

/// Nodes may have come or gone while there was no server; on this machine they are the same for as long as it runs.
async fn follow_when_settled(shared: Arc<Shared>) {
    let mut published = shared.published.clone();
    if published
        .wait_for(|published| published.is_settled)
        .await
        .is_ok()
    {
        api::follow_nodes(shared).await;
    }
}

fn listeners(home: &Home, listen: Option<Listen>) -> Result<Listeners, ServeError> {
    let tcp = listen.map(|Listen { address, tell_key }| {
        let listener = TcpListener::bind(address);
        let listener = listener.map_err(|source| ServeError::Tcp { address, source })?;
        tracing::info!(%address, "listening");
        Ok::<_, ServeError>(ByTcp { listener, tell_key })
    });
    let tcp = tcp.transpose()?;
    let path = home.socket();
    let socket = api::listen(&path).map_err(|source| ServeError::Listen { path, source })?;
    Ok(Listeners { socket, tcp })
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(16)
        .thread_keep_alive(Duration::from_secs(5))
        .build()
}

/// A descriptor is held for every live task: the soft limit goes up to the hard one.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// SIGTERM and SIGINT end the server, never its tasks.
async fn ends(inputs: Sender<Input>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    drop(inputs.send(Input::Stop));
}

/// Once everything has been as asked for some seconds, start archives that were missed are recorded.
async fn record_when_calm(mut published: watch::Receiver<Published>, supplier: Arc<Supplier>) {
    // Shorter than the time between two looks at a calm system's health.
    const CALM: Duration = Duration::from_secs(5);
    loop {
        let is_calm = {
            let published = published.borrow_and_update();
            let vdcs = &published.view.vdcs;
            !vdcs.is_empty() && vdcs.values().all(|vdc| vdc.is_converged())
        };
        if is_calm {
            match tokio::time::timeout(CALM, published.changed()).await {
                Ok(Ok(())) => continue,
                Ok(Err(_)) => return,
                Err(_) => supplier.record_missing_archives(),
            }
        }
        if published.changed().await.is_err() {
            return;
        }
    }
}

/// A server that was started by a command and has nothing to look after goes away again.
async fn end_when_idle(shared: Arc<Shared>, inputs: Sender<Input>, idle: Duration) {
    let mut empty_since = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_secs(5).min(idle)).await;
        let touched = *shared
            .touched
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if !shared.published.borrow().view.vdcs.is_empty() {
            empty_since = Instant::now();
        }
        if empty_since.max(touched).elapsed() >= idle {
            drop(inputs.send(Input::Stop));
            return;
        }
    }
}
