//! `--skip` of old: applications that a run leaves as they are. Those that are up keep the spec they have; others are left
//! out, and what is read of them has to be given.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use smack_model::{ApplicationPath, Name, Piece, Problem, Problems, ServiceSpec, TaskSpec};

/// Applies it to the specs of a run; `running`: the present specs, `given`: values by application and export. The error
/// holds what is read and not given.
pub fn skip(
    specs: &mut BTreeMap<Name, ServiceSpec>,
    skipped: &BTreeSet<Name>,
    running: &BTreeMap<Name, ServiceSpec>,
    given: &BTreeMap<(Name, String), String>,
) -> Result<(), Problems> {
    for name in skipped {
        match running.get(name) {
            Some(spec) => drop(specs.insert(name.clone(), spec.clone())),
            None => drop(specs.remove(name)),
        }
    }
    let absent: BTreeSet<&Name> = skipped
        .iter()
        .filter(|name| !running.contains_key(*name))
        .collect();
    let mut missing = BTreeSet::new();
    for (name, spec) in specs
        .iter_mut()
        .filter(|(name, _)| !skipped.contains(*name))
    {
        spec.requires
            .retain(|requirement| !is_absent(&requirement.application, &absent));
        for task in spec.tasks.values_mut() {
            let reads =
                |piece: &Piece| matches!(piece, Piece::Export(of, _) if is_absent(of, &absent));
            if task
                .launch
                .templates()
                .any(|template| template.0.iter().any(reads))
            {
                give(Arc::make_mut(task), &absent, given, |export| {
                    missing.insert((name.clone(), export));
                });
            }
        }
    }
    let problems = missing.into_iter().map(|(user, (of, export))| {
        let what = format!("{user} reads {export} of {of}, which is skipped and not up");
        Problem::error(None, what).hint(format!("give it: --var {of}.{export}=…"))
    });
    let problems = Problems(problems.collect());
    match problems.has_errors() {
        true => Err(problems),
        false => Ok(()),
    }
}

fn is_absent(path: &ApplicationPath, absent: &BTreeSet<&Name>) -> bool {
    path.own().is_some_and(|name| absent.contains(name))
}

/// Puts the given values into the launch.
fn give(
    task: &mut TaskSpec,
    absent: &BTreeSet<&Name>,
    given: &BTreeMap<(Name, String), String>,
    mut missing: impl FnMut((Name, String)),
) {
    for template in Arc::make_mut(&mut task.launch).templates_mut() {
        for piece in std::mem::take(template).0 {
            template.push(given_instead(piece, absent, given, &mut missing));
        }
    }
}

fn given_instead(
    piece: Piece,
    absent: &BTreeSet<&Name>,
    given: &BTreeMap<(Name, String), String>,
    missing: &mut impl FnMut((Name, String)),
) -> Piece {
    let Piece::Export(of, export) = piece else {
        return piece;
    };
    let Some(name) = of.own().filter(|name| absent.contains(name)) else {
        return Piece::Export(of, export);
    };
    let read = (name.clone(), export);
    if let Some(value) = given.get(&read) {
        return Piece::Text(value.clone());
    }
    missing(read.clone());
    Piece::Export(of, read.1)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use smack_model::{Name, ServiceSpec};

    use super::skip;
    use crate::Catalog;

    fn name(text: &str) -> Name {
        Name::new(text).expect("a label")
    }

    /// `kafka`, and `reader` that reads where it is.
    fn platform() -> BTreeMap<Name, ServiceSpec> {
        let stack = "name: s\napplications:\n  kafka: {type: command, command: [sleep, '1']}\n  \
            reader: {type: command, command: [cat, '${kafka.host}'], env: {A: 'x${kafka.host}y'}, dependencies: [kafka]}\n";
        let source = smack_stack::Source::new("s.yaml", stack);
        let nothing = BTreeMap::new();
        let layers = BTreeMap::new();
        let request = smack_stack::Request {
            stack: &source,
            parents: &nothing,
            layers: &layers,
            zone: "default",
            run: None,
            vars: &[],
            predefined: &BTreeMap::new(),
        };
        let (_, platform) = crate::load(
            &request,
            Catalog::embedded(),
            &crate::some_nodes(1),
            crate::Hooks::Dropped,
        )
        .expect("a sound stack");
        platform.specs
    }

    #[test]
    fn what_is_up_stays_as_it_is() {
        let mut specs = platform();
        let before = specs.clone();
        let mut old = specs[&name("kafka")].clone();
        old.labels.insert("old".to_owned(), "yes".to_owned());
        let running = BTreeMap::from([(name("kafka"), old.clone())]);
        let skipped = BTreeSet::from([name("kafka")]);
        skip(&mut specs, &skipped, &running, &BTreeMap::new()).expect("nothing is missing");
        assert_eq!(specs[&name("kafka")], old);
        assert_eq!(specs[&name("reader")], before[&name("reader")]);
    }

    #[test]
    fn what_is_not_up_is_left_out_and_its_values_are_given() {
        let mut specs = platform();
        let skipped = BTreeSet::from([name("kafka")]);
        let given = BTreeMap::from([((name("kafka"), "host".to_owned()), "10.0.0.1".to_owned())]);
        skip(&mut specs, &skipped, &BTreeMap::new(), &given).expect("all is given");
        let [(only, spec)] = specs.iter().collect::<Vec<_>>()[..] else {
            panic!("one is left: {specs:?}");
        };
        assert_eq!((only.as_str(), spec.requires.len()), ("reader", 0));
        let launch = &spec.tasks.values().next().expect("a task").launch;
        assert_eq!(launch.command[1].as_text(), Some("10.0.0.1"));
        assert_eq!(launch.env["A"].as_text(), Some("x10.0.0.1y"));
    }

    #[test]
    fn what_is_read_and_not_given_is_told_once() {
        let mut specs = platform();
        let skipped = BTreeSet::from([name("kafka")]);
        let found = skip(&mut specs, &skipped, &BTreeMap::new(), &BTreeMap::new());
        let told: Vec<String> = found
            .expect_err("refused")
            .0
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "error: reader reads host of kafka, which is skipped and not up\n  hint: give it: --var kafka.host=…"
            ]
        );
    }
}
