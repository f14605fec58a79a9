//! Reads stack files from disk: the one that is named, and beside it those that it extends.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use smack_control::wire::SourceText;
use smack_model::did_you_mean;
use smack_stack::{Source, heading, mended};

use crate::failure::Failure;

/// What a stack file may be called.
const EXTENSIONS: [&str; 4] = ["yaml", "yml", "stack", "json"];
/// No sane stack is longer.
const LONGEST: u64 = 16 << 20;

/// A stack as it was named: a file with its parents, or a name of the library.
#[derive(Debug)]
pub(crate) enum Named {
    File {
        stack: SourceText,
        parents: BTreeMap<String, SourceText>,
    },
    Library(String),
}

/// Tells files from names: what exists, has a slash or a known extension, or is `-`, is a file.
pub(crate) fn stack(name: &str) -> Result<Named, Failure> {
    let path = Path::new(name);
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    let looks_like_a_file = name.contains('/') || EXTENSIONS.contains(&extension) || name == "-";
    if !looks_like_a_file && !path.is_file() {
        return Ok(Named::Library(name.to_owned()));
    }
    let stack = source(path)?;
    if let Some((text, problems)) = mended(&Source::new(stack.file.as_str(), stack.text.as_str())) {
        let problems = problems.0;
        return Err(Failure::Mended { text, problems });
    }
    let parents = parents(path, &stack)?;
    Ok(Named::File { stack, parents })
}

/// Reads one file as text; `-` is standard input.
pub(crate) fn source(path: &Path) -> Result<SourceText, Failure> {
    let file = path.display().to_string();
    let failed = |error: std::io::Error| {
        let failure = Failure::failed(format!("cannot read {file}: {error}"));
        match (error.kind(), neighbour(path)) {
            (std::io::ErrorKind::NotFound, Some(near)) => {
                failure.hint(format!("did you mean {}?", near.display()))
            }
            _ => failure,
        }
    };
    if path.is_dir() {
        return Err(Failure::failed(format!(
            "{file} is a directory, not a stack file"
        )));
    }
    let mut bytes = Vec::new();
    let read = if file == "-" {
        std::io::stdin().take(LONGEST + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path)
            .and_then(|opened| opened.take(LONGEST + 1).read_to_end(&mut bytes))
    };
    read.map_err(failed)?;
    if bytes.len() as u64 > LONGEST {
        return Err(Failure::failed(format!(
            "{file} is longer than {} MiB: that is no stack file",
            LONGEST >> 20
        )));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        Failure::failed(format!("{file}:{}: the file is not UTF-8 text", line + 1))
    })?;
    Ok(SourceText {
        file: if file == "-" {
            "<stdin>".to_owned()
        } else {
            file
        },
        text,
    })
}

/// The stacks that `from:` names, as far as they lie in the same directory; the server may know the others.
fn parents(path: &Path, stack: &SourceText) -> Result<BTreeMap<String, SourceText>, Failure> {
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut found = BTreeMap::new();
    let mut next = extends(stack);
    while let Some(name) = next.take() {
        if found.contains_key(&name) || name.contains('/') {
            break;
        }
        let candidates = EXTENSIONS
            .iter()
            .map(|extension| directory.join(format!("{name}.{extension}")));
        let Some(file) = candidates.into_iter().find(|candidate| candidate.is_file()) else {
            break;
        };
        let parent = source(&file)?;
        next = extends(&parent);
        found.insert(name, parent);
    }
    Ok(found)
}

fn extends(stack: &SourceText) -> Option<String> {
    // What is wrong with the file is told by whoever resolves it.
    let heading = heading(&Source::new(stack.file.as_str(), stack.text.as_str())).ok()?;
    Some(heading.from?.value)
}

/// A file of the same directory with nearly the same name.
fn neighbour(path: &Path) -> Option<PathBuf> {
    let wanted = path.file_name()?.to_str()?;
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let entries = std::fs::read_dir(directory.unwrap_or(Path::new("."))).ok()?;
    let names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let near = did_you_mean(wanted, names.iter().map(String::as_str))?;
    Some(directory.map_or_else(|| PathBuf::from(near), |directory| directory.join(near)))
}

#[cfg(test)]
mod tests {
    use super::{Named, stack};
    use std::fs;

    #[test]
    fn parents_beside_the_file_come_along() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(place.path().join(name), text).unwrap();
        write("a.yaml", "name: a\nfrom: b\n");
        write("b.stack", "name: b\nfrom: c\n");
        write("c.yml", "name: c\nfrom: elsewhere\n");
        let Named::File { parents, .. } =
            stack(place.path().join("a.yaml").to_str().unwrap()).unwrap()
        else {
            panic!("a path is a file");
        };
        assert_eq!(parents.keys().collect::<Vec<_>>(), ["b", "c"]);
    }

    #[test]
    fn a_circle_of_parents_ends() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("a.yaml"), "name: a\nfrom: a\n").unwrap();
        let Named::File { parents, .. } =
            stack(place.path().join("a.yaml").to_str().unwrap()).unwrap()
        else {
            panic!("a path is a file");
        };
        assert_eq!(parents.len(), 1);
    }

    #[test]
    fn a_missing_file_gets_its_neighbour() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("pipeline.yaml"), "").unwrap();
        let failure = stack(place.path().join("pipelin.yaml").to_str().unwrap()).unwrap_err();
        assert!(failure.to_string().contains("pipeline.yaml?"), "{failure}");
        assert!(matches!(stack("pipeline").unwrap(), Named::Library(name) if name == "pipeline"));
    }
}
