//! Hooks of 2016 as jobs: lists of shell lines that ran on the server, now a task on a node, where an admin allows them. What
//! comes before an application its own job does first; what comes after it, all that depend on it wait for, too.

use std::collections::{BTreeMap, BTreeSet};

use smack_model::{ApplicationPath, Name, Place, Problem, Problems};
use smack_stack::{Application, Data, Map, Piece, Setting, Text, Value};

use super::tasks::plainly;

/// In the order in which they ran.
const HOOKS: [(&str, Turn); 5] = [
    ("before_scheduler", Turn::Before),
    ("before_task", Turn::Before),
    ("after_scheduler", Turn::After),
    ("after_task", Turn::After),
    ("after_tasks", Turn::After),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Before,
    After,
}

/// The applications with a job for each of their hooks. An error if its name is taken or too long.
pub(crate) fn hooks_as_jobs(
    applications: &BTreeMap<Name, Application>,
    problems: &mut Problems,
) -> BTreeMap<Name, Application> {
    let mut all = applications.clone();
    // The last job after an application, for whom it is waited instead.
    let mut ends: BTreeMap<Name, ApplicationPath> = BTreeMap::new();
    let mut after: BTreeSet<Name> = BTreeSet::new();
    for application in applications.values() {
        let mut changed = application.clone();
        for (hook, turn) in HOOKS {
            let Some((line, place)) = taken(&mut changed, hook) else {
                continue;
            };
            let own = ApplicationPath::from(application.id.clone());
            // Its scheduler is not there any more: what it publishes is known after it alone.
            let is_before = turn == Turn::Before && !line.exports().any(|(of, _)| *of == own);
            let Some(mut job) = job(application, hook, (line, place), problems) else {
                continue;
            };
            if all.contains_key(&job.id) {
                let what = format!(
                    "{hook} of {} would be {}, which is there",
                    application.shown_id, job.id
                );
                let problem = Problem::error(Some(&job.place), what);
                problems.push(problem.hint("give that one another id"));
                continue;
            }
            let path = ApplicationPath::from(job.id.clone());
            if is_before {
                job.dependencies = changed.dependencies.clone();
                changed.dependencies.push((path, job.place.clone()));
            } else {
                after.insert(job.id.clone());
                let before = ends.insert(application.id.clone(), path);
                let before = before.unwrap_or(own);
                job.dependencies = vec![(before, job.place.clone())];
            }
            all.insert(job.id.clone(), job);
        }
        all.insert(changed.id.clone(), changed);
    }
    for application in all.values_mut().filter(|of| !after.contains(&of.id)) {
        let jobs_end = |path: &ApplicationPath| ends.get(path.own()?);
        let more: Vec<_> = application
            .dependencies
            .iter()
            .filter_map(|(path, place)| Some((jobs_end(path)?.clone(), place.clone())))
            .collect();
        application.dependencies.extend(more);
    }
    all
}

/// Takes the lines of a hook out of the settings, as one text.
fn taken(application: &mut Application, hook: &str) -> Option<(Text, Place)> {
    let Data::Map(settings) = &mut application.settings.data else {
        return None;
    };
    let lines = settings.shift_remove(hook)?;
    let place = lines.place.clone();
    let lines = match lines.data {
        Data::List(items) => items,
        Data::Null
        | Data::Bool(_)
        | Data::Integer(_)
        | Data::Number(_)
        | Data::Text(_)
        | Data::Map(_) => vec![lines],
    };
    let mut text = Text::default();
    for line in lines
        .iter()
        .filter_map(Value::to_text)
        .filter(|line| !line.is_empty())
    {
        if !text.is_empty() {
            text.pieces.push(Piece::Literal("\n".to_owned()));
        }
        text.pieces.extend(line.pieces);
    }
    (!text.is_empty()).then_some((text, place))
}

/// As of old it is not tried again, and the end of the last line decides.
fn job(
    application: &Application,
    hook: &str,
    (line, place): (Text, Place),
    problems: &mut Problems,
) -> Option<Application> {
    let shown = format!("{}-{}", application.id, hook.replace('_', "-"));
    let id = Name::new(&shown).map_err(|why| {
        let problem = Problem::error(
            Some(&place),
            format!("{hook} of {}: {why}", application.shown_id),
        );
        problems.push(problem.hint("its job is named after both: give it a shorter id"));
    });
    let map = |entries: [(&str, Value); 1]| {
        let entries = entries.map(|(key, value)| (key.to_owned(), value));
        Value::new(Data::Map(Map::from_iter(entries)), place.clone())
    };
    let once = plainly(Value::text("1", place.clone()));
    let settings = [
        (
            "launch_command",
            Value::new(Data::Text(line), place.clone()),
        ),
        ("retry", map([("max-tries", once)])),
    ];
    let settings = settings.map(|(key, value)| (key.to_owned(), value));
    Some(Application {
        id: id.ok()?,
        shown_id: shown.clone(),
        key: shown,
        kind: Setting {
            value: "job".to_owned(),
            place: place.clone(),
        },
        settings: Value::new(Data::Map(Map::from_iter(settings)), place.clone()),
        dependencies: Vec::new(),
        scope: None,
        share: None,
        place,
        ..application.clone()
    })
}
