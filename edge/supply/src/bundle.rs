//! A bundle in one file: a tar, plain or gzip, from which artifacts are taken by name or hash wherever they lie in it.
//! Nothing of it is unpacked anywhere but into the store, where the hash decides.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use flate2::read::GzDecoder;
use smack_services::catalog::Artifact;

use crate::fetch::{self, Answers, Reason, Report};
use crate::store::{self, Store};

/// Takes wanted artifacts from a tar (plain or gzip), wherever in it files of their names or hashes lie.
pub(crate) fn from_bundle(
    store: &Store,
    bundle: &Path,
    wanted: &[Artifact],
    report: Report<'_>,
) -> Result<Answers, store::Error> {
    let mut left: Vec<(Artifact, Reason)> = wanted
        .iter()
        .map(|artifact| (artifact.clone(), Reason::Missing))
        .collect();
    let mut bytes = 0;
    if let Err(failure) = walk_bundle(bundle, |name, reader| {
        let Some(index) = left
            .iter()
            .position(|(artifact, _)| name == artifact.file() || name == artifact.sha256)
        else {
            return Ok(());
        };
        match fetch::take(store, &left[index].0, reader)? {
            Some(refused) => left[index].1 = refused,
            None => {
                let (artifact, _) = left.remove(index);
                bytes += artifact.size;
                report(&artifact.file(), wanted.len() - left.len(), bytes);
            }
        }
        Ok(())
    }) {
        match failure {
            Walk::Store(error) => return Err(error),
            Walk::Damaged(error) => {
                for (_, reason) in left
                    .iter_mut()
                    .filter(|(_, reason)| *reason == Reason::Missing)
                {
                    *reason = Reason::Failed(error.to_string());
                }
            }
        }
    }
    Ok(left)
}

enum Walk {
    Damaged(io::Error),
    Store(store::Error),
}

type Visit<'a> = dyn FnMut(&str, &mut dyn Read) -> Result<(), store::Error> + 'a;

fn walk_bundle(
    bundle: &Path,
    mut visit: impl FnMut(&str, &mut dyn Read) -> Result<(), store::Error>,
) -> Result<(), Walk> {
    let mut file = File::open(bundle).map_err(Walk::Damaged)?;
    let mut magic = [0; 2];
    file.read_exact(&mut magic)
        .and_then(|()| file.rewind())
        .map_err(Walk::Damaged)?;
    let file = BufReader::new(file);
    let reader: Box<dyn Read> = if magic == [0x1f, 0x8b] {
        Box::new(GzDecoder::new(file))
    } else {
        Box::new(file)
    };
    walk_tar(reader, &mut visit)
}

fn walk_tar(reader: Box<dyn Read>, visit: &mut Visit<'_>) -> Result<(), Walk> {
    let mut tar = tar::Archive::new(reader);
    for entry in tar.entries().map_err(Walk::Damaged)? {
        let mut entry = entry.map_err(Walk::Damaged)?;
        let path = entry.path().map_err(Walk::Damaged)?.into_owned();
        if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && entry.header().entry_type().is_file()
        {
            visit(name, &mut entry).map_err(Walk::Store)?;
        }
    }
    Ok(())
}
