//! `smack export`: what a virtual data center was made from, as files that make it again.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use serde_json::json;
use smack_control::wire::{Layer, Sources};

use crate::failure::Failure;
use crate::session::Session;
use crate::target;

/// Write the stack, its parents and layers as files, with a script that makes the virtual data center again
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The virtual data center: `pipeline`, `qa/pipeline`
    name: String,
    /// Where to, a new directory [default: its name]
    directory: Option<PathBuf>,
    /// An earlier revision
    #[arg(long, value_name = "N", value_parser = super::rollback::revision)]
    revision: Option<u32>,
}

const SCRIPT: &str = "run.sh";
const STACK: &str = "stack.yaml";

pub(crate) fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let target = target::find_named(session, &args.name, None)?;
    let revision = args.revision.map(|number| ("revision", number.to_string()));
    let query = target.query(&revision.into_iter().collect::<Vec<_>>());
    let path = format!("{}{query}", target.path("/sources"));
    let sources: Sources = session.client()?.get(&path)?;
    let directory = match &args.directory {
        Some(directory) => directory.clone(),
        None => PathBuf::from(&sources.run_as),
    };
    let files = files(&sources);
    write(&directory, &files)?;
    if session.output.is_json() {
        let names: Vec<&String> = files.iter().map(|(name, _)| name).collect();
        return session.output.value(
            &json!({"vdc": sources.vdc, "revision": sources.revision, "directory": directory, "files": names}),
        );
    }
    let script = directory.join(SCRIPT);
    session.output.note(&format!(
        "revision {} of {} is in {}; {} makes it again",
        sources.revision,
        sources.vdc,
        directory.display(),
        script.display()
    ));
    Ok(())
}

/// Names and texts. A parent lies beside the stack under its name, where `smack run` looks for it.
fn files(sources: &Sources) -> Vec<(String, String)> {
    let mut files = vec![
        (SCRIPT.to_owned(), script(sources)),
        (STACK.to_owned(), sources.stack.text.clone()),
    ];
    let parents = sources.parents.iter();
    files.extend(parents.map(|(name, source)| (format!("{name}.yaml"), source.text.clone())));
    let layers = sources.layers.iter();
    files.extend(layers.map(|layer| (layer_file(layer), layer.source.text.clone())));
    files
}

fn layer_file(layer: &Layer) -> String {
    format!("layers/{}.yaml", layer.name)
}

fn script(sources: &Sources) -> String {
    let mut text = format!(
        "#!/bin/sh\n# Makes {} again, as it was in revision {}.\nset -e\ncd \"$(dirname \"$0\")\"\n",
        sources.vdc, sources.revision
    );
    for layer in &sources.layers {
        let _ = write!(text, "smack addlayer {}", quoted(&layer_file(layer)));
        let _ = write!(text, " --level {}", layer.level);
        if let Some(parent) = &layer.parent {
            let _ = write!(text, " --parent {}", quoted(parent));
        }
        text.push('\n');
    }
    let _ = write!(
        text,
        "smack run {STACK} --zone {} --as {}",
        quoted(&sources.zone),
        quoted(&sources.run_as)
    );
    for (name, value) in &sources.vars {
        let _ = write!(text, " --var {}", quoted(&format!("{name}={value}")));
    }
    for expression in &sources.skip {
        let _ = write!(text, " --skip {}", quoted(expression));
    }
    text.push_str(" \"$@\"\n");
    text
}

/// A word of the shell.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,@%+".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Into a directory that is not there yet or empty.
fn write(directory: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    let failed = |path: &Path, error: std::io::Error| {
        Failure::failed(format!("cannot write {}: {error}", path.display()))
    };
    let is_used = fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
    if is_used {
        let what = format!("{} is not empty", directory.display());
        return Err(Failure::failed(what).hint("name a new directory"));
    }
    for (index, (name, text)) in files.iter().enumerate() {
        let path = directory.join(name);
        let is_plain = Path::new(name)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !is_plain || files[..index].iter().any(|(before, _)| before == name) {
            let what = format!("a stack or layer cannot be kept in a file {name}");
            return Err(
                Failure::failed(what).hint("`smack show` prints the resolved stack as one file")
            );
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
        }
        fs::write(&path, text).map_err(|error| failed(&path, error))?;
        if name == SCRIPT {
            let executable = fs::Permissions::from_mode(0o755);
            fs::set_permissions(&path, executable).map_err(|error| failed(&path, error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_reach_the_program_as_they_are() {
        for (text, expected) in [
            ("zone1", "zone1"),
            ("a=b,c:1", "a=b,c:1"),
            ("", "''"),
            ("two words", "'two words'"),
            ("$HOME", "'$HOME'"),
            ("it's", "'it'\\''s'"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
