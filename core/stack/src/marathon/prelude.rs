//! What an app runs, and what has to be there before it: `cmd`, `args`, `fetch` and `container.volumes`. What files need
//! beyond being fetched, and the places of volumes, become a line of the shell before the command.

use smack_model::Problems;

use super::app::App;
use super::{error, fields, notice, plainly};
use crate::value::{Data, Map, Value};

/// What goes before the command.
#[derive(Default)]
struct Before {
    /// Joined by `&&`.
    lines: Vec<String>,
    urls: Vec<Value>,
    volumes: Vec<Value>,
}

/// `launch_command` or `command`, `artifact_urls` and `volumes` of today.
pub(super) fn translate(app: &App<'_>, problems: &mut Problems) -> Vec<(&'static str, Value)> {
    let mut before = Before::default();
    before.fetch(app, problems);
    before.volumes(app, problems);
    let mut entries = Vec::new();
    entries.extend(before.command(app, problems));
    for (key, list, from) in [
        ("artifact_urls", before.urls, "fetch"),
        ("volumes", before.volumes, "container"),
    ] {
        if !list.is_empty() {
            let place = app.place_of(from).clone();
            entries.push((key, Value::new(Data::List(list), place)));
        }
    }
    entries
}

impl Before {
    fn command(&self, app: &App<'_>, problems: &mut Problems) -> Option<(&'static str, Value)> {
        let cmd = app.said("cmd");
        let args = app.list("args", problems);
        if let (Some(cmd), false) = (cmd, args.is_empty()) {
            let what = format!("{} has both cmd and args", app.path);
            error(&cmd.place, what, "take one of them out", problems);
        }
        if let Some(cmd) = cmd {
            let Some(line) = cmd.to_literal() else {
                let what = format!("cmd wants a text, found {}", cmd.described());
                error(
                    &cmd.place,
                    what,
                    "a list of arguments is called args",
                    problems,
                );
                return None;
            };
            let mut lines = self.lines.clone();
            lines.push(line);
            return Some(("launch_command", plainly(&lines.join(" && "), &cmd.place)));
        }
        let place = app.place_of("args");
        let container = app.said("container").and_then(Value::as_map);
        let has_image = container.is_some_and(|map| map.contains_key("docker"));
        if args.is_empty() {
            if !has_image {
                let what = format!("{} has neither cmd nor args", app.path);
                error(
                    place,
                    what,
                    "add \"cmd\": \"a line for the shell\"",
                    problems,
                );
            }
            // Told already.
            return Some(("launch_command", Value::text("false", place.clone())));
        }
        let mut items: Vec<Value> = Vec::new();
        if !self.lines.is_empty() {
            let line = format!("{} && exec \"$0\" \"$@\"", self.lines.join(" && "));
            let shell = ["/bin/sh", "-c", line.as_str()];
            items.extend(shell.map(|item| plainly(item, place)));
        }
        for item in args {
            match item.to_literal() {
                Some(text) => items.push(plainly(&text, &item.place)),
                None => {
                    let what = format!("args are texts, found {}", item.described());
                    error(&item.place, what, "put it into quotes", problems);
                }
            }
        }
        Some(("command", Value::new(Data::List(items), place.clone())))
    }

    fn fetch(&mut self, app: &App<'_>, problems: &mut Problems) {
        for item in app.list("uris", problems) {
            if let Some(text) = self.uri(item, problems) {
                self.unpack(&text);
            }
        }
        for item in app.list("fetch", problems) {
            let Some(map) = item.as_map() else {
                let what = format!("an item of fetch is a map, found {}", item.described());
                error(&item.place, what, "write {\"uri\": …}", problems);
                continue;
            };
            fields::tell(fields::OF_FETCH, map, "fetch", problems);
            let Some(uri) = map.get("uri") else {
                error(
                    &item.place,
                    "fetch without a uri",
                    "add \"uri\": …",
                    problems,
                );
                continue;
            };
            if let Some(text) = self.uri(uri, problems) {
                self.place(&text, map, uri, problems);
            }
        }
    }

    /// Takes the address and gives it.
    fn uri(&mut self, value: &Value, problems: &mut Problems) -> Option<String> {
        let Some(text) = value.to_literal() else {
            let what = format!("an address is a text, found {}", value.described());
            error(&value.place, what, "put it into quotes", problems);
            return None;
        };
        if let Some(repaired) = super::urls::repaired(&text) {
            super::urls::tell(value, &repaired, problems);
            return None;
        }
        self.urls.push(plainly(&text, &value.place));
        Some(text)
    }

    /// What is asked for beyond the fetching.
    fn place(&mut self, uri: &str, map: &Map, value: &Value, problems: &mut Problems) {
        let is = |key: &str| {
            map.get(key)
                .is_some_and(|value| value.data == Data::Bool(true))
        };
        let is_whole = map
            .get("extract")
            .is_some_and(|value| value.data == Data::Bool(false));
        let name = file_name(uri);
        let mut file = name.to_owned();
        let unpacked = is_unpacked(name);
        let wanted = ["destPath", "outputFile"]
            .iter()
            .find_map(|key| map.get(*key));
        if is_whole && unpacked {
            let what = format!("{name} is an archive: it is unpacked all the same");
            let hint = "give it a name without the ending of an archive to keep it whole";
            notice(&value.place, what, hint, problems);
        }
        if let Some(wanted) = wanted {
            let to = wanted.to_literal().unwrap_or_default();
            if unpacked {
                let what = format!("destPath: {name} is an archive: its files go to the sandbox");
                notice(&wanted.place, what, "cmd can move them", problems);
            } else if to.is_empty() || to.starts_with('/') || to.split('/').any(|part| part == "..")
            {
                let what = format!("destPath: {to:?} is outside the sandbox");
                error(&wanted.place, what, "a path below it: data/file", problems);
            } else {
                if let Some((directory, _)) = to.rsplit_once('/') {
                    self.lines.push(format!("mkdir -p {}", shell(directory)));
                }
                self.lines
                    .push(format!("mv {} {}", shell(name), shell(&to)));
                file = to;
            }
        }
        if is("executable") && !unpacked {
            self.lines.push(format!("chmod +x {}", shell(&file)));
        } else if !is_whole {
            self.unpack(&file);
        }
    }

    /// What is not unpacked by itself and was by Mesos.
    fn unpack(&mut self, file: &str) {
        let name = shell(file_name(file));
        let of_tar = [".tar.bz2", ".tbz2", ".tar.xz", ".txz"];
        if of_tar.iter().any(|end| file.ends_with(end)) {
            self.lines.push(format!("tar -xf {name}"));
        } else if file.ends_with(".gz") && !is_unpacked(file) {
            self.lines.push(format!("gzip -dkf {name}"));
        }
    }

    fn volumes(&mut self, app: &App<'_>, problems: &mut Problems) {
        let Some(container) = app.said("container") else {
            return;
        };
        let Some(map) = container.as_map() else {
            let what = format!("container wants a map, found {}", container.described());
            error(
                &container.place,
                what,
                "write {\"type\": \"MESOS\"}",
                problems,
            );
            return;
        };
        fields::tell(fields::OF_CONTAINER, map, "container", problems);
        let volumes = map.get("volumes").and_then(Value::as_list);
        for volume in volumes.into_iter().flatten() {
            let Some(map) = volume.as_map() else {
                let what = format!("a volume is a map, found {}", volume.described());
                let hint = "write {\"containerPath\": …, \"persistent\": {…}}";
                error(&volume.place, what, hint, problems);
                continue;
            };
            fields::tell(fields::OF_VOLUME, map, "a volume", problems);
            self.volume(map, volume, problems);
        }
    }

    fn volume(&mut self, map: &Map, volume: &Value, problems: &mut Problems) {
        let text = |key: &str| map.get(key).and_then(Value::to_literal);
        let path = text("containerPath").unwrap_or_default();
        if let Some(host) = text("hostPath") {
            if host != path {
                let what = format!("a volume of the host, {host}, cannot be seen as {path:?}");
                let hint = format!("tasks see the files of this machine as they are: use {host}");
                error(&volume.place, what, &hint, problems);
            }
            return;
        }
        if !map.contains_key("persistent") {
            return;
        }
        let name = path.trim_matches('/').replace(['/', '_', '.'], "-");
        let name = name.trim_matches('-').to_ascii_lowercase();
        if name.is_empty() || path.starts_with('/') || path.split('/').any(|part| part == "..") {
            let what = format!("containerPath: {path:?} is no place in the sandbox");
            error(&volume.place, what, "a path below it: data", problems);
            return;
        }
        let place = map
            .get("containerPath")
            .map_or(&volume.place, |path| &path.place);
        self.volumes.push(Value::text(name.clone(), place.clone()));
        if let Some((directory, _)) = path.rsplit_once('/') {
            self.lines.push(format!("mkdir -p {}", shell(directory)));
        }
        let variable = name.to_ascii_uppercase().replace('-', "_");
        self.lines
            .push(format!("ln -sfn \"$VOLUME_{variable}\" {}", shell(&path)));
    }
}

fn file_name(uri: &str) -> &str {
    let bare = uri.split(['?', '#']).next().unwrap_or(uri);
    bare.rsplit('/').next().unwrap_or(bare)
}

/// Whether it is an archive that is unpacked when it is fetched.
fn is_unpacked(name: &str) -> bool {
    [".tar", ".tar.gz", ".tgz", ".zip"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// One word of the shell.
fn shell(word: &str) -> String {
    let is_tame = |c: char| c.is_ascii_alphanumeric() || "_-./=+@%".contains(c);
    match !word.is_empty() && !word.starts_with('-') && word.chars().all(is_tame) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
