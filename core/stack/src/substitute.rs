//! What `${name}` stands for: a parameter, a predefined name, the export of an application or a `--var`; and the
//! filling of values with it. Every name that stands for nothing is reported where it is used, with a hint.

use std::cell::Cell;
use std::collections::BTreeMap;

use smack_model::{Place, Problem, Problems};

use crate::exports::Exports;
use crate::near::near;
use crate::text::{Piece, Stretch, Text, stretches};
use crate::value::{Data, Value};

/// What all substitutions of one run may add up to, in bytes.
const SUBSTITUTED_MAX: usize = 64 << 20;
/// How many problems of one run are worth a search for what was meant.
pub(crate) const SEARCHES_MAX: usize = 100;

/// Where a variable comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Predefined,
    Parameter,
    /// `--var` without a declaration.
    Var,
}

struct Variable {
    value: Value,
    origin: Origin,
    used: Cell<bool>,
}

/// All names of a run that have a value before anything starts.
#[derive(Default)]
pub(crate) struct Variables {
    known: BTreeMap<String, Variable>,
    /// Parameters that a layer sets, declared or not.
    set_by_layers: BTreeMap<String, Place>,
    spent: Cell<usize>,
}

impl Variables {
    /// The first to take a name keeps it.
    pub(crate) fn add(&mut self, name: &str, value: Value, origin: Origin) {
        let used = Cell::new(false);
        self.known.entry(name.to_owned()).or_insert(Variable {
            value,
            origin,
            used,
        });
    }

    pub(crate) fn note_layer(&mut self, name: &str, place: &Place) {
        self.set_by_layers.insert(name.to_owned(), place.clone());
    }

    pub(crate) fn is_predefined(&self, name: &str) -> bool {
        self.known
            .get(name)
            .is_some_and(|variable| variable.origin == Origin::Predefined)
    }

    /// Undeclared `--var`s that nothing used.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &str> {
        let is_unused =
            |variable: &Variable| variable.origin == Origin::Var && !variable.used.get();
        self.known
            .iter()
            .filter(move |(_, variable)| is_unused(variable))
            .map(|(name, _)| name.as_str())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// Fills what has a value now and leaves every other reference as text; reports nothing.
    pub(crate) fn fill_quietly(&self, value: &Value) -> Value {
        let mut ignored = Problems::default();
        let no_exports = Exports::default();
        let mut filling = Filling {
            variables: self,
            exports: &no_exports,
            problems: &mut ignored,
            uses: Vec::new(),
            is_quiet: true,
            is_text: false,
        };
        filling.fill(value.clone())
    }

    /// The list that a text which is exactly `${name}` stands for; anything else as it is.
    pub(crate) fn expand_list(&self, value: Value) -> Value {
        let is_list = match value.to_literal().as_deref().map(stretches).as_deref() {
            Some([Stretch::Reference(name)]) => self
                .known
                .get(*name)
                .is_some_and(|variable| variable.value.as_list().is_some()),
            _ => false,
        };
        if is_list {
            self.fill_quietly(&value)
        } else {
            value
        }
    }

    /// Whether both say the same once filled.
    pub(crate) fn says_the_same(&self, a: &Value, b: &Value) -> bool {
        a.says_the_same(b) || self.fill_quietly(a).says_the_same(&self.fill_quietly(b))
    }

    /// False once substitution has produced absurdly much.
    fn afford(&self, bytes: usize) -> bool {
        let spent = self.spent.get().saturating_add(bytes);
        self.spent.set(spent);
        spent <= SUBSTITUTED_MAX
    }
}

/// One place where an application refers to an export.
pub(crate) struct Use {
    /// The number of the application that publishes it.
    pub(crate) application: usize,
    pub(crate) name: String,
    pub(crate) place: Place,
}

/// Fills values and collects what goes wrong and which exports are used.
pub(crate) struct Filling<'a> {
    pub(crate) variables: &'a Variables,
    pub(crate) exports: &'a Exports,
    pub(crate) problems: &'a mut Problems,
    pub(crate) uses: Vec<Use>,
    /// Leave unknown names as they are and say nothing.
    pub(crate) is_quiet: bool,
    /// `${name}` alone is text too, as all values of a legacy task are.
    pub(crate) is_text: bool,
}

impl<'a> Filling<'a> {
    pub(crate) fn new(
        variables: &'a Variables,
        exports: &'a Exports,
        problems: &'a mut Problems,
    ) -> Self {
        Self {
            variables,
            exports,
            problems,
            uses: Vec::new(),
            is_quiet: false,
            is_text: false,
        }
    }

    /// The value with all its texts filled. A text that is exactly `${name}` takes the type of what it stands for.
    pub(crate) fn fill(&mut self, mut value: Value) -> Value {
        match value.data {
            Data::Text(ref text) => {
                let Some(raw) = text.as_literal() else {
                    return value;
                };
                if !raw.contains("${") {
                    return value;
                }
                if !self.is_text
                    && let [Stretch::Reference(name)] = stretches(raw).as_slice()
                    && let Some(typed) = self.typed(name, &value.place)
                {
                    value.written = typed.written;
                    value.data = typed.data;
                    return value;
                }
                let mut filled = Text::default();
                self.fill_text(raw, &value.place, false, &mut filled);
                value.data = Data::Text(filled);
            }
            Data::List(items) => {
                value.data = Data::List(items.into_iter().map(|item| self.fill(item)).collect())
            }
            Data::Map(map) => {
                value.data = Data::Map(
                    map.into_iter()
                        .map(|(key, item)| (key, self.fill(item)))
                        .collect(),
                );
            }
            Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Number(_) => {}
        }
        value
    }

    /// The value of a parameter: predefined names and exports may stand in it, other parameters may not.
    pub(crate) fn fill_parameter(&mut self, mut value: Value) -> Value {
        match value.data {
            Data::Text(ref text) => {
                let Some(raw) = text.as_literal() else {
                    return value;
                };
                let mut filled = Text::default();
                self.fill_text(raw, &value.place, true, &mut filled);
                value.data = Data::Text(filled);
            }
            Data::List(items) => {
                value.data = Data::List(
                    items
                        .into_iter()
                        .map(|item| self.fill_parameter(item))
                        .collect(),
                );
            }
            Data::Map(_) | Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Number(_) => {}
        }
        value
    }

    /// The value that `${name}` alone stands for, if it is more than a text.
    fn typed(&mut self, name: &str, place: &Place) -> Option<Value> {
        let variable = self.variables.known.get(name)?;
        match &variable.value.data {
            Data::Text(_) => None,
            Data::List(_) => {
                variable.used.set(true);
                if !self
                    .variables
                    .afford(variable.value.as_list().map_or(0, <[_]>::len) * 64)
                {
                    self.report_size(place);
                    return None;
                }
                let value = variable.value.clone();
                // Its texts are filled as those of a parameter; what is wrong with them is said at the parameter.
                let mut ignored = Problems::default();
                let mut inner = Filling {
                    variables: self.variables,
                    exports: self.exports,
                    problems: &mut ignored,
                    uses: Vec::new(),
                    is_quiet: self.is_quiet,
                    is_text: self.is_text,
                };
                let filled = inner.fill_parameter(value);
                let uses = std::mem::take(&mut inner.uses);
                self.uses.extend(uses.into_iter().map(|used| Use {
                    place: place.clone(),
                    ..used
                }));
                Some(filled)
            }
            Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Number(_) | Data::Map(_) => {
                variable.used.set(true);
                Some(variable.value.clone())
            }
        }
    }

    fn fill_text(&mut self, raw: &str, place: &Place, in_parameter: bool, out: &mut Text) {
        for stretch in stretches(raw) {
            match stretch {
                Stretch::Literal(text) => out.push_literal(text),
                Stretch::Escape => out.push_literal("${"),
                Stretch::Reference(name) => self.fill_reference(name, place, in_parameter, out),
                Stretch::NotAName(inside) => {
                    out.push_literal("${");
                    out.push_literal(inside);
                    out.push_literal("}");
                    self.report(place, || {
                        Problem::error(Some(place), format!("${{{inside}}} is no reference"))
                            .hint(format!("a name has letters, digits, _, - and dots; for the shell write $${{{inside}}}"))
                    });
                }
                Stretch::Unclosed => {
                    out.push_literal("${");
                    self.report(place, || {
                        Problem::error(Some(place), "a ${ without its }")
                            .hint("a literal ${ is written $${")
                    });
                }
            }
        }
    }

    fn fill_reference(&mut self, name: &str, place: &Place, in_parameter: bool, out: &mut Text) {
        let variables = self.variables;
        let variable = variables.known.get(name);
        // As of old, what an application publishes goes before a --var of the same name.
        let export = match variable {
            Some(variable) if variable.origin != Origin::Var => None,
            _ => self.exports.find(name, |id| self.exports.by_id(id)),
        };
        if let Some((application, export)) = export {
            out.pieces.push(Piece::Export {
                application: self.exports.name(application).clone(),
                name: export.to_owned(),
                shown: name.to_owned(),
            });
            self.uses.push(Use {
                application,
                name: export.to_owned(),
                place: place.clone(),
            });
            return;
        }
        let Some(variable) = variable else {
            out.push_literal(&format!("${{{name}}}"));
            if !self.is_quiet {
                let problem = self.unknown(name, place);
                self.problems.push(problem);
            }
            return;
        };
        variable.used.set(true);
        if in_parameter && variable.origin != Origin::Predefined {
            out.push_literal(&format!("${{{name}}}"));
            self.report(place, || {
                Problem::error(
                    Some(place),
                    format!("the value of a parameter may not use ${{{name}}}"),
                )
                .hint("only predefined names (zone, stack, vdc, run) and exports may stand there")
            });
            return;
        }
        match &variable.value.data {
            Data::Text(text) => {
                let raw = text.as_literal().unwrap_or_default();
                if !self.variables.afford(raw.len()) {
                    self.report_size(place);
                } else if variable.origin == Origin::Parameter && raw.contains("${") {
                    // What is wrong in a parameter's value is said once, at the parameter.
                    let quiet = std::mem::replace(&mut self.is_quiet, true);
                    self.fill_text(raw, place, true, out);
                    self.is_quiet = quiet;
                } else {
                    out.push_literal(raw);
                }
            }
            Data::Bool(_) | Data::Integer(_) | Data::Number(_) => {
                out.push_literal(&variable.value.written)
            }
            Data::Null | Data::List(_) | Data::Map(_) => {
                let what = format!(
                    "${{{name}}} is {} and cannot be part of a text",
                    variable.value.sort()
                );
                let is_text = self.is_text;
                self.report(place, || {
                    Problem::error(Some(place), what).hint(if is_text {
                        "the values of tasks are texts".to_owned()
                    } else {
                        format!("write ${{{name}}} alone to take it as it is")
                    })
                });
            }
        }
    }

    fn report(&mut self, _place: &Place, problem: impl FnOnce() -> Problem) {
        if !self.is_quiet {
            self.problems.push(problem());
        }
    }

    fn report_size(&mut self, place: &Place) {
        self.report(place, || {
            Problem::error(
                Some(place),
                "the references of this stack add up to more than 64 MiB",
            )
        });
    }

    /// Why a name stands for nothing, and what to write instead.
    fn unknown(&self, name: &str, place: &Place) -> Problem {
        let problem = Problem::error(Some(place), format!("${{{name}}} stands for nothing"));
        if self.exports.is_empty() && name.contains('.') {
            return problem
                .hint("this must be known before anything starts, so an export cannot stand here");
        }
        if let Some(place) = self.variables.set_by_layers.get(name) {
            return problem.hint(format!("{place} sets it, but no stack declares it: parameters: {{{name}: {{type: string}}}}"));
        }
        if let Some(advice) = self.exports.advice(name) {
            return problem.hint(advice);
        }
        if let Some((number, export)) = self.exports.find(name, |key| self.exports.by_key(key)) {
            let id = self.exports.shown(number);
            return problem.hint(format!(
                "an export is named by the id of its application: ${{{id}.{export}}}"
            ));
        }
        if self.problems.0.len() < SEARCHES_MAX {
            if let Some(word) = near(name, self.variables.names()) {
                return problem.hint(format!("did you mean ${{{word}}}?"));
            }
            if let Some((id, export)) = name.rsplit_once('.')
                && let Some(word) = near(id, self.exports.ids())
            {
                return problem.hint(format!("did you mean ${{{word}.{export}}}?"));
            }
        }
        if name
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        {
            return problem.hint(format!(
                "for the task's environment write ${name} or $${{{name}}}"
            ));
        }
        match name.split_once('.') {
            Some((id, _)) => problem.hint(format!(
                "no application has the id {id}; or give it: --var {name}=…"
            )),
            None => problem.hint(format!(
                "declare it: parameters: {{{name}: {{type: string}}}}, or give it: --var {name}=…"
            )),
        }
    }
}
