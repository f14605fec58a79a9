//! Whose a file is by where it lies below the home: a sandbox, a volume, or what a network needs.

use std::path::{Component, Path};

use smack_model::{Name, TaskId, VdcId};

use crate::wire;

/// The owner of a path, as it is written or as it is once links are followed.
pub(super) fn place(home: &Path, file: &Path) -> Option<wire::Owner> {
    let real = file.canonicalize().ok();
    let real_home = home.canonicalize().unwrap_or_else(|_| home.to_owned());
    let written = file.strip_prefix(home).ok();
    let followed = real
        .as_ref()
        .and_then(|real| real.strip_prefix(real_home).ok());
    // A link from a sandbox to a volume: the volume says more.
    followed
        .and_then(place_below)
        .or_else(|| written.and_then(place_below))
}

fn place_below(below: &Path) -> Option<wire::Owner> {
    let mut parts = below.components().map(|part| match part {
        Component::Normal(name) => name.to_str(),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => {
            None
        }
    });
    let (kind, name) = (parts.next()??, parts.next()??);
    let owner = |path: String, attempt, how: &str| wire::Owner {
        path: Some(path),
        attempt,
        how: how.to_owned(),
        process: None,
    };
    match kind {
        "sandboxes" => {
            let id = TaskId::from_file_name(name)?;
            Some(owner(
                super::path(&id),
                Some(id.attempt),
                "has it in its sandbox",
            ))
        }
        "volumes" => {
            let name = name.strip_suffix(".node").unwrap_or(name);
            // The task without an attempt, the volume and its generation.
            let mut parts = name.rsplitn(3, '.');
            let (_, volume, task) = (parts.next()?, parts.next()?, parts.next()?);
            let id = TaskId::from_file_name(&format!("{task}.0"))?;
            Some(owner(
                super::path(&id),
                None,
                &format!("has it in its volume {volume}"),
            ))
        }
        "vdcs" => Some(owner(
            vdc(name)?.to_string(),
            None,
            "has it for its network",
        )),
        _ => None,
    }
}

/// `zone.name`, as directories of networks are called.
pub(super) fn vdc(name: &str) -> Option<VdcId> {
    let (zone, name) = name.split_once('.')?;
    Some(VdcId {
        zone: Name::new(zone).ok()?,
        name: Name::new(name).ok()?,
    })
}
