//! Runs described in one text: files below `== stack FILE`, `== from NAME FILE`, `== zone NAME FILE [PARENT]` (and
//! cluster, datacenter), options in `== run [--zone Z] [--as N] [--var k=v] [--known k=v]`. A text without a heading is
//! one stack.

use std::collections::BTreeMap;

use smack_stack::{LayerSource, Level, Request, Resolved, Source, render, resolve, resolve_sound};

pub(crate) struct Run {
    stack: Source,
    parents: BTreeMap<String, Source>,
    layers: BTreeMap<String, LayerSource>,
    zone: String,
    run: Option<String>,
    vars: Vec<(String, String)>,
    known: BTreeMap<String, String>,
}

impl Run {
    pub(crate) fn parse(text: &str) -> Self {
        let mut run = Self {
            stack: Source::new("stack.yaml", ""),
            parents: BTreeMap::new(),
            layers: BTreeMap::new(),
            zone: "default".to_owned(),
            run: None,
            vars: Vec::new(),
            known: BTreeMap::new(),
        };
        let text = text.strip_prefix('\n').unwrap_or(text);
        if !text.starts_with("== ") {
            run.stack = Source::new("stack.yaml", text);
            return run;
        }
        for section in format!("\n{text}").split("\n== ").skip(1) {
            let (heading, body) = section.split_once('\n').unwrap_or((section, ""));
            let body = format!("{body}\n");
            let words: Vec<&str> = heading.split_whitespace().collect();
            match words.as_slice() {
                ["stack", file] => run.stack = Source::new(*file, body),
                ["from", name, file] => {
                    run.parents
                        .insert((*name).to_owned(), Source::new(*file, body));
                }
                ["run", options @ ..] => run.options(options),
                [level, name, file, parent @ ..] => {
                    let level = Level::parse(level).expect("a level");
                    let parent = parent.first().map(|&parent| parent.to_owned());
                    let layer = LayerSource {
                        level,
                        parent,
                        source: Source::new(*file, body),
                    };
                    run.layers.insert((*name).to_owned(), layer);
                }
                _ => panic!("no heading: {heading}"),
            }
        }
        run
    }

    fn options(&mut self, options: &[&str]) {
        for pair in options.chunks(2) {
            let [option, value] = pair else {
                panic!("an option without a value: {pair:?}")
            };
            let assignment = || {
                let (name, text) = value.split_once('=').expect("name=value");
                (name.to_owned(), text.to_owned())
            };
            match *option {
                "--zone" => (*value).clone_into(&mut self.zone),
                "--as" => self.run = Some((*value).to_owned()),
                "--var" => self.vars.push(assignment()),
                "--known" => self.known.extend([assignment()]),
                _ => panic!("no option: {option}"),
            }
        }
    }

    /// `stack`, which may extend `base`, in the zone `qa`: three texts that may hold anything.
    pub(crate) fn of(stack: &str, base: &str, zone: &str) -> Self {
        let mut run = Self::parse(
            "== zone qa qa.yaml\n== from base base.yaml\n== run --zone qa --var n=3 --var x=y\n",
        );
        run.stack = Source::new("s.yaml", stack);
        run.parents
            .insert("base".to_owned(), Source::new("base.yaml", base));
        let layer = run.layers.get_mut("qa").expect("declared above");
        layer.source = Source::new("qa.yaml", zone);
        run
    }

    /// The rendered stack with its origins and notices, or the problems.
    pub(crate) fn outcome(&self) -> String {
        match self.resolve() {
            Ok(resolved) => {
                let notices = if resolved.notices.0.is_empty() {
                    String::new()
                } else {
                    format!("{}\n", resolved.notices)
                };
                render(&resolved, true) + &notices
            }
            Err(problems) => format!("{problems}\n"),
        }
    }

    pub(crate) fn resolve(&self) -> Result<Resolved, smack_model::Problems> {
        resolve(&self.request())
    }

    /// The applications that none of the errors touches.
    pub(crate) fn sound(&self) -> Vec<String> {
        let (resolved, problems) = resolve_sound(&self.request());
        assert!(problems.has_errors(), "{problems}");
        let ids = |resolved: Resolved| resolved.applications.into_keys();
        let ids = resolved.into_iter().flat_map(ids);
        ids.map(|id| id.to_string()).collect()
    }

    fn request(&self) -> Request<'_> {
        Request {
            stack: &self.stack,
            parents: &self.parents,
            layers: &self.layers,
            zone: &self.zone,
            run: self.run.as_deref(),
            vars: &self.vars,
            predefined: &self.known,
        }
    }
}

/// [`Run::outcome`] of a described run.
pub(crate) fn outcome(text: &str) -> String {
    Run::parse(text).outcome()
}
