//! A hundred thousand random chains of files against models of the rules that know nothing of the code: what wins, where
//! each leaf comes from, what `final` refuses; that files may be joined before they are laid over others; and that every
//! difference to the original's merge is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use smack_stack::{Data, LayerSource, Level, Map, Request, Resolved, Source, Value, resolve_sound};

/// Xorshift64* (Vigna, 2016).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// What a file says of a key.
#[derive(Debug, Clone, PartialEq)]
enum Edit {
    Scalar(u64),
    Null,
    List(Vec<u64>),
    Append(Vec<u64>),
    Map(Edits),
}

type Edits = BTreeMap<&'static str, Edit>;

/// A file: applications, and those that are final.
#[derive(Debug, Clone, Default)]
struct File {
    name: &'static str,
    applications: Edits,
    fixed: Edits,
}

/// What should come out: each leaf with the file that it is from.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Scalar(u64, &'static str),
    Null { hides: bool },
    List(Vec<(u64, &'static str)>),
    Map(BTreeMap<&'static str, Node>),
}

type Nodes = BTreeMap<&'static str, Node>;

/// Highest first in the order of laying: three layers and three stacks.
const FILES: [&str; 6] = ["dc", "cluster", "zone", "grand", "base", "stack"];
const CHAINS: u64 = 100_000;
const KEYS: [&str; 4] = ["k", "l", "m", "o"];

fn numbers(random: &mut Random) -> Vec<u64> {
    (0..random.below(3)).map(|_| random.below(9)).collect()
}

/// Mostly the sort of value that the key has elsewhere, now and then any.
fn any(random: &mut Random, depth: u32) -> Edits {
    let mut edits = Edits::new();
    for key in KEYS {
        let sort = match (key, random.below(8)) {
            ("o", 0..6) | (_, 0..3) => continue,
            (_, 3) if random.one_in(8) => random.below(5),
            ("k" | "o", 3..7) => 0,
            ("l", 3..5) => 1,
            ("l", 5..7) => 2,
            ("m", 3..7) => 3,
            _ => 4,
        };
        let edit = match sort {
            0 => Edit::Scalar(random.below(2)),
            1 => Edit::List(numbers(random)),
            2 => Edit::Append(numbers(random)),
            3 if depth > 0 => Edit::Map(any(random, depth - 1)),
            _ => Edit::Null,
        };
        edits.insert(key, edit);
    }
    edits
}

/// A key has one sort of value, and nothing is deleted.
fn typed(random: &mut Random, depth: u32) -> Edits {
    let mut edits = Edits::new();
    for key in KEYS {
        let edit = match (key, random.below(3)) {
            ("k", 0) => Edit::Scalar(random.below(4)),
            ("l", 0) => Edit::List(numbers(random)),
            ("l", 1) => Edit::Append(numbers(random)),
            ("m" | "o", 0 | 1) if depth > 0 => Edit::Map(typed(random, depth - 1)),
            _ => continue,
        };
        edits.insert(key, edit);
    }
    edits
}

/// What may be final: few keys that others seldom say.
fn final_settings(random: &mut Random) -> Edits {
    let mut edits = Edits::from([("o", Edit::Scalar(random.below(2)))]);
    if random.one_in(2) {
        edits.insert(
            "m",
            Edit::Map(Edits::from([("o", Edit::Scalar(random.below(2)))])),
        );
    }
    edits
}

/// The files of a chain; an application in all of them, another in some.
fn files(
    random: &mut Random,
    settings: fn(&mut Random, u32) -> Edits,
    with_final: bool,
) -> Vec<File> {
    let mut files = Vec::new();
    for name in FILES {
        // The stack itself is always there.
        if name != "stack" && random.one_in(3) {
            continue;
        }
        let mut file = File {
            name,
            ..File::default()
        };
        for application in ["a", "b"] {
            if application == "a" || random.one_in(2) {
                let edits = settings(random, 2);
                file.applications.insert(application, Edit::Map(edits));
            }
        }
        if with_final && ["dc", "cluster", "zone"].contains(&name) && random.one_in(2) {
            let edits = final_settings(random);
            file.fixed.insert("a", Edit::Map(edits));
        }
        files.push(file);
    }
    files
}

fn written(edits: &Edits, out: &mut String) {
    out.push('{');
    for (index, (key, edit)) in edits.iter().enumerate() {
        let gap = if index == 0 { "" } else { ", " };
        let plus = if matches!(edit, Edit::Append(_)) {
            "+"
        } else {
            ""
        };
        let _ = write!(out, "{gap}{key}{plus}: ");
        match edit {
            Edit::Scalar(number) => out.push_str(&number.to_string()),
            Edit::Null => out.push_str("null"),
            Edit::List(items) | Edit::Append(items) => out.push_str(&format!("{items:?}")),
            Edit::Map(inner) => written(inner, out),
        }
    }
    out.push('}');
}

fn text(file: &File, parent: Option<&str>) -> String {
    let mut text = format!("name: {}\n", file.name);
    if let Some(parent) = parent {
        let _ = writeln!(text, "from: {parent}");
    }
    // Every application has a type at the top, so that all of them run.
    let mut applications = file.applications.clone();
    for edit in applications.values_mut() {
        if let Edit::Map(edits) = edit {
            edits.insert("type", Edit::Scalar(1));
        }
    }
    text.push_str("applications: ");
    written(&applications, &mut text);
    if !file.fixed.is_empty() {
        text.push_str("\nfinal: {applications: ");
        written(&file.fixed, &mut text);
        text.push('}');
    }
    text.push('\n');
    text
}

/// Resolves the files, lowest precedence first.
fn resolved(texts: &[(&'static str, String)]) -> (Option<Resolved>, Vec<String>) {
    let mut layers = BTreeMap::new();
    let mut parents = BTreeMap::new();
    let mut above: Option<String> = None;
    let mut zone = "default";
    let mut stack = Source::new("stack", "name: stack\n");
    for (name, text) in texts {
        let source = Source::new(*name, text.as_str());
        let level = match *name {
            "dc" => Level::Datacenter,
            "cluster" => Level::Cluster,
            "zone" => Level::Zone,
            "stack" => {
                stack = source;
                continue;
            }
            _ => {
                parents.insert((*name).to_owned(), source);
                continue;
            }
        };
        let parent = above.replace((*name).to_owned());
        layers.insert(
            (*name).to_owned(),
            LayerSource {
                level,
                parent,
                source,
            },
        );
        zone = name;
    }
    if zone != "zone" && zone != "default" {
        let source = Source::new("zone", "name: zone\n");
        let layer = LayerSource {
            level: Level::Zone,
            parent: above,
            source,
        };
        layers.insert("zone".to_owned(), layer);
        zone = "zone";
    }
    let known = BTreeMap::new();
    let request = Request {
        stack: &stack,
        parents: &parents,
        layers: &layers,
        zone,
        run: None,
        vars: &[],
        predefined: &known,
    };
    let (resolved, problems) = resolve_sound(&request);
    let told = problems.0.iter().map(ToString::to_string).collect();
    (resolved.filter(|_| !problems.has_errors()), told)
}

fn chain(files: &[File]) -> Vec<(&'static str, String)> {
    let mut parent = None;
    let mut texts = Vec::new();
    for file in files {
        let is_layer = ["dc", "cluster", "zone"].contains(&file.name);
        texts.push((file.name, text(file, parent.filter(|_| !is_layer))));
        if !is_layer {
            parent = Some(file.name);
        }
    }
    texts
}

/// The rules, told once more: maps merge, scalars and lists replace, `key+` appends, null deletes what it hides.
fn lay(base: &mut Nodes, edits: &Edits, file: &'static str) -> Result<(), ()> {
    let mut outcome = Ok(());
    for (key, edit) in edits {
        let there = base.get_mut(key);
        let listed = |items: &[u64]| items.iter().map(|item| (*item, file)).collect::<Vec<_>>();
        let node = match (edit, there) {
            (Edit::Scalar(number), _) => Node::Scalar(*number, file),
            (Edit::Null, there) => Node::Null {
                hides: there.is_some(),
            },
            (Edit::List(items), _) | (Edit::Append(items), None | Some(Node::Null { .. })) => {
                Node::List(listed(items))
            }
            (Edit::Append(items), Some(Node::List(old))) => {
                old.extend(listed(items));
                continue;
            }
            (Edit::Append(_), Some(Node::Scalar(..) | Node::Map(_))) => {
                outcome = Err(());
                continue;
            }
            (Edit::Map(inner), Some(Node::Map(old))) => {
                outcome = outcome.and(lay(old, inner, file));
                continue;
            }
            (Edit::Map(inner), _) => {
                let mut new = Nodes::new();
                outcome = outcome.and(lay(&mut new, inner, file));
                Node::Map(new)
            }
        };
        base.insert(key, node);
    }
    outcome
}

fn sweep(nodes: &mut Nodes) {
    nodes.retain(|_, node| {
        if let Node::Map(inner) = node {
            sweep(inner);
        }
        !matches!(node, Node::Null { hides: true })
    });
}

/// Paths and values of what is final.
fn fixed(edits: &Edits, path: &[&'static str], out: &mut Vec<(Vec<&'static str>, u64)>) {
    for (key, edit) in edits {
        let path: Vec<&'static str> = path.iter().copied().chain([*key]).collect();
        match edit {
            Edit::Scalar(number) => out.push((path, *number)),
            Edit::Map(inner) => fixed(inner, &path, out),
            Edit::Null | Edit::List(_) | Edit::Append(_) => {}
        }
    }
}

fn at(nodes: &Nodes, path: &[&'static str]) -> Option<u64> {
    match (nodes.get(path[0])?, &path[1..]) {
        (Node::Scalar(number, _), []) => Some(*number),
        (Node::Map(inner), rest) if !rest.is_empty() => at(inner, rest),
        (Node::Scalar(..) | Node::Null { .. } | Node::List(_) | Node::Map(_), _) => None,
    }
}

/// What should come out, if the files may be laid over each other.
fn expected(files: &[File]) -> Option<Nodes> {
    let mut nodes = Nodes::new();
    let mut finals = Vec::new();
    let mut is_good = true;
    for file in files {
        is_good &= lay(&mut nodes, &file.applications, file.name).is_ok();
        is_good &= lay(&mut nodes, &file.fixed, file.name).is_ok();
        is_good &= finals
            .iter()
            .all(|(path, number): &(Vec<&'static str>, u64)| at(&nodes, path) == Some(*number));
        fixed(&file.fixed, &[], &mut finals);
    }
    sweep(&mut nodes);
    is_good.then_some(nodes)
}

/// A resolved map as the model has it; the type is ours.
fn found(map: &Map) -> Nodes {
    let key_of = |key: &str| {
        *KEYS
            .iter()
            .find(|known| **known == key)
            .expect("a known key")
    };
    let file_of = |value: &Value| {
        let file = &*value.place.file;
        *FILES
            .iter()
            .find(|known| **known == file)
            .expect("a known file")
    };
    let number_of = |value: &Value| {
        let Data::Integer(number) = value.data else {
            panic!("{value:?}");
        };
        u64::try_from(number).expect("small")
    };
    let entries = map.iter().filter(|(key, _)| *key != "type");
    let node = |(key, value): (&String, &Value)| {
        let node = match &value.data {
            Data::Null => Node::Null { hides: false },
            Data::Integer(_) => Node::Scalar(number_of(value), file_of(value)),
            Data::List(items) => {
                let items = items.iter();
                Node::List(items.map(|item| (number_of(item), file_of(item))).collect())
            }
            Data::Map(inner) => Node::Map(found(inner)),
            Data::Bool(_) | Data::Number(_) | Data::Text(_) => panic!("{value:?}"),
        };
        (key_of(key), node)
    };
    entries.map(node).collect()
}

fn all_found(resolved: &Resolved) -> Nodes {
    let applications = resolved.applications.values();
    let node = |application: &smack_stack::Application| {
        let key = if application.key == "a" { "a" } else { "b" };
        let map = application.settings.as_map().expect("a map");
        (key, Node::Map(found(map)))
    };
    applications.map(node).collect()
}

#[test]
fn the_last_to_say_wins_and_is_the_origin_and_final_holds() {
    let (mut good, mut refused, mut finals) = (0_u64, 0_u64, 0_u64);
    for seed in 0..CHAINS {
        let mut random = Random::new(seed);
        let files = files(&mut random, any, seed % 2 == 0);
        let texts = chain(&files);
        let (resolved, told) = resolved(&texts);
        let wanted = expected(&files);
        match (resolved, wanted) {
            (Some(resolved), Some(wanted)) => {
                assert_eq!(all_found(&resolved), wanted, "SEED={seed}\n{texts:#?}");
                good += 1;
                finals += u64::from(files.iter().any(|file| !file.fixed.is_empty()));
            }
            (None, None) => refused += 1,
            (Some(_), None) => panic!("SEED={seed} should be refused\n{texts:#?}"),
            (None, Some(_)) => panic!("SEED={seed} should be good\n{told:#?}\n{texts:#?}"),
        }
    }
    // Else the chains show nothing.
    let all = CHAINS;
    assert!(
        good > all / 4 && refused > all / 20 && finals > all / 20,
        "{good} {refused} {finals}"
    );
}

/// Two files in one: what the later says of what the earlier says.
fn joined(earlier: &Edits, later: &Edits) -> Edits {
    let mut out = earlier.clone();
    for (key, edit) in later {
        let new = match (out.remove(key), edit) {
            (Some(Edit::Map(old)), Edit::Map(inner)) => Edit::Map(joined(&old, inner)),
            (Some(Edit::List(old)), Edit::Append(items)) => {
                Edit::List([old, items.clone()].concat())
            }
            (Some(Edit::Append(old)), Edit::Append(items)) => {
                Edit::Append([old, items.clone()].concat())
            }
            (_, edit) => edit.clone(),
        };
        out.insert(key, new);
    }
    out
}

/// The values alone: a joined file is another origin.
fn values(nodes: &Nodes) -> String {
    fn tell(node: &Node, out: &mut String) {
        match node {
            Node::Scalar(number, _) => out.push_str(&number.to_string()),
            Node::Null { .. } => out.push('~'),
            Node::List(items) => {
                let items: Vec<u64> = items.iter().map(|item| item.0).collect();
                let _ = write!(out, "{items:?}");
            }
            Node::Map(inner) => {
                out.push('{');
                for (key, inner) in inner {
                    let _ = write!(out, "{key}:");
                    tell(inner, out);
                    out.push(' ');
                }
                out.push('}');
            }
        }
    }
    let mut out = String::new();
    tell(&Node::Map(nodes.clone()), &mut out);
    out
}

#[test]
fn neighbours_may_be_joined_first() {
    for seed in 0..CHAINS / 10 {
        let mut random = Random::new(seed ^ 0xA550C);
        let files = files(&mut random, typed, false);
        let come_to = |files: &[File]| {
            let texts = chain(files);
            let (resolved, told) = resolved(&texts);
            let resolved = resolved.unwrap_or_else(|| panic!("SEED={seed}\n{told:#?}\n{texts:#?}"));
            values(&all_found(&resolved))
        };
        let whole = come_to(&files);
        for at in 1..files.len() {
            let mut fewer = files.clone();
            let earlier = fewer.remove(at - 1);
            let later = &mut fewer[at - 1];
            later.applications = joined(&earlier.applications, &later.applications);
            assert_eq!(
                come_to(&fewer),
                whole,
                "SEED={seed}, {} into {}",
                earlier.name,
                files[at].name
            );
        }
    }
}

const OLD_TEXTS: [&str; 4] = ["id", "user", "healthcheck", "launch_command"];
const OLD_NUMBERS: [&str; 2] = ["cpu", "mem"];
const OLD_LISTS: [&str; 3] = ["ports", "artifact_urls", "dependencies"];
const OLD_LOST: [&str; 4] = ["type", "instances", "args", "env"];

/// A field of an application of old, in the form of YAML; `""` and `0` are its zero values.
fn old_field(random: &mut Random, key: &str) -> String {
    let number = random.below(3);
    match key {
        "type" => "kafka-mesos-0.9.x".to_owned(),
        "cpu" | "mem" | "instances" => number.to_string(),
        "ports" | "artifact_urls" | "args" if number == 0 => "[]".to_owned(),
        "ports" => format!("[{number}]"),
        "artifact_urls" | "args" => format!("[u{number}]"),
        "dependencies" => "[]".to_owned(),
        "env" => format!("{{A: v{number}}}"),
        _ if number == 0 => "''".to_owned(),
        _ => format!("t{number}"),
    }
}

/// `stack-deploy.md` 2.3: base over which the child is laid by the original.
fn original(base: &mut BTreeMap<&'static str, String>, child: &BTreeMap<&'static str, String>) {
    for (key, value) in child {
        let is_zero = matches!(value.as_str(), "''" | "0" | "[]");
        if !OLD_LOST.contains(key) && !is_zero {
            base.insert(key, value.clone());
        }
    }
}

#[test]
fn whatever_the_original_merged_otherwise_is_told() {
    let (mut same, mut different) = (0_u64, 0_u64);
    for seed in 0..CHAINS / 10 {
        let mut random = Random::new(seed ^ 0x01D);
        let keys = || {
            OLD_TEXTS
                .iter()
                .chain(&OLD_NUMBERS)
                .chain(&OLD_LISTS)
                .chain(&OLD_LOST)
        };
        let mut texts = Vec::new();
        let mut layers = Vec::new();
        for name in ["dc", "cluster", "zone", "stack"] {
            let mut fields: BTreeMap<&'static str, String> = BTreeMap::new();
            for key in keys().filter(|key| **key != "id") {
                if name == "dc" && *key == "type" || random.one_in(4) {
                    fields.insert(key, old_field(&mut random, key));
                }
            }
            let lines: String = fields
                .iter()
                .map(|(key, value)| format!("    {key}: {value}\n"))
                .collect();
            let lines = if lines.is_empty() {
                "    {}\n".to_owned()
            } else {
                lines
            };
            texts.push((
                name,
                format!("name: {name}\napplications:\n  app:\n{lines}"),
            ));
            layers.push(fields);
        }
        let mut of_old = layers[0].clone();
        for child in &layers[1..] {
            original(&mut of_old, child);
        }
        let (resolved, told) = resolved(&texts);
        let resolved = resolved.unwrap_or_else(|| panic!("SEED={seed}\n{told:#?}\n{texts:#?}"));
        let application = resolved.applications.values().next().expect("one");
        let ours = application.settings.as_map().expect("a map");
        for key in keys().filter(|key| !["id", "type", "dependencies"].contains(*key)) {
            let shown = |text: &str| text.replace(['\'', '"'], "");
            let old = of_old.get(key).map(|text| shown(text)).unwrap_or_default();
            let new = ours
                .get(*key)
                .map(|value| shown(&value.shown()))
                .unwrap_or_default();
            let is_nothing = |text: &str| matches!(text, "" | "0" | "[]");
            if old == new || is_nothing(&old) && is_nothing(&new) {
                same += 1;
                continue;
            }
            different += 1;
            let start = format!("{key} of app is ");
            assert!(
                told.iter().any(|line| line.contains(&start)),
                "SEED={seed}: {key} is {new}, was {old}\n{told:#?}\n{texts:#?}"
            );
        }
    }
    assert!(
        same > CHAINS / 2 && different > CHAINS / 20,
        "{same} {different}"
    );
}
