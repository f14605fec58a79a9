//! The control plane: the loop over the store, probes and operations, supply, the API. Decides nothing that core could.

mod api;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench_support;
mod clock;
mod decider;
mod dns;
mod exporter;
mod home;
mod inside;
mod key;
mod prober;
mod processes;
mod serve;
mod supplier;
pub mod wire;

pub use decider::Error as LoopError;
pub use exporter::Collector;
pub use home::{Error as HomeError, socket};
pub use key::BadRow;
pub use serve::{Listen, ServeError, ServeOptions, serve};
pub use smack_grids::limits::isolation;
pub use smack_supply as supply;

/// For the fuzz targets: what stored rows are taken for.
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz {
    /// Everything the scheduler remembers, out of all rows.
    pub fn image(rows: Vec<smack_store::Row>) -> Result<smack_scheduler::Image, crate::BadRow> {
        crate::key::image(rows)
    }

    /// The answer to a question about names while nothing is up.
    pub fn answer(question: &[u8]) -> Option<Vec<u8>> {
        let view = smack_scheduler::View::default();
        crate::dns::answer(&view, question, crate::dns::Transport::Udp)
    }
}
