//! What a VDC that went down has left behind: looked for in the world, not in the books alone.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path as UrlPath, State};
use smack_model::VdcId;

use super::{Answer, Refused, Shared, VdcPath, vdc_id};
use crate::{key, wire};

pub(super) async fn remains(
    State(shared): State<Arc<Shared>>,
    UrlPath((zone, name)): VdcPath,
) -> Answer<wire::Remains> {
    let id = vdc_id(&zone, &name)?;
    let looking = Arc::clone(&shared);
    let looked = tokio::task::spawn_blocking(move || look(&looking, &id)).await;
    let remains = looked.map_err(|_| Refused::ending())??;
    Ok(Json(remains))
}

fn look(shared: &Shared, id: &VdcId) -> Result<wire::Remains, Refused> {
    let mut remains = wire::Remains::default();
    let start = format!("{}.{}.", id.zone, id.name);
    // A VDC of the same name under another home is none of ours.
    let sandboxes = shared.home.join("sandboxes");
    let stamp = format!("SMACK_SANDBOX={}/{start}", sandboxes.display());
    for (pid, variables) in processes() {
        let ours = variables
            .split(|byte| *byte == 0)
            .any(|variable| variable.starts_with(stamp.as_bytes()));
        if ours {
            remains
                .processes
                .push(format!("pid {pid}: {}", command_line(pid)));
        }
    }
    for directory in ["sandboxes", "staging", "volumes"] {
        remains
            .files
            .extend(files(&shared.home.join(directory), &start));
    }
    for (index, start) in key::of_vdc(id).iter().enumerate() {
        for row in shared.reader().range(start)? {
            if index == 0 {
                remains.addresses.push(row.key.clone());
            }
            remains.records.push(row.key);
        }
    }
    Ok(remains)
}

fn files(directory: &Path, start: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(start));
    named
        .map(|entry| entry.path().display().to_string())
        .collect()
}

/// Pids with their environments, as far as we may read them.
fn processes() -> impl Iterator<Item = (u32, Vec<u8>)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, fs::read(entry.path().join("environ")).ok()?))
    })
}

fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
    text.chars().take(120).collect()
}
