//! For the fuzz targets: what the files of a sandbox are taken for.

use std::path::Path;

use crate::local::sandbox;

/// What a server makes of a sandbox that it finds, as text.
pub fn look(directory: &Path, boot_id: &str) -> String {
    let record = sandbox::record(directory).ok();
    let task = sandbox::task(directory);
    let shim = sandbox::shim(directory);
    let failure = sandbox::failure(directory);
    let sight = sandbox::look(directory, boot_id);
    format!("{record:?} {task:?} {shim:?} {failure:?} {sight:?}")
}
