//! Whom an application depends on: others of its stack by id, those of other virtual data centers by use and id. What is
//! none of them is told with what may have been meant.

use smack_model::{Name, Place, Problem};

use super::{Builder, Entry};
use crate::exports::Exports;
use crate::near::near;
use crate::substitute::{Filling, SEARCHES_MAX};
use crate::uses::Found;
use crate::value::Data;

impl Builder<'_> {
    /// Each dependency once, as the number of its application.
    pub(super) fn dependencies(
        &mut self,
        entry: &Entry,
        exports: &mut Exports,
    ) -> Vec<(usize, Place)> {
        let Some(value) = entry
            .map
            .get("dependencies")
            .filter(|value| !value.is_null())
        else {
            return Vec::new();
        };
        let none = Exports::default();
        let filled = Filling::new(self.variables, &none, self.problems).fill(value.clone());
        let items = match &filled.data {
            Data::List(items) => items.as_slice(),
            Data::Text(_) => std::slice::from_ref(&filled),
            Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Number(_) | Data::Map(_) => {
                let what = format!(
                    "dependencies of {} wants a list, found {}",
                    entry.shown_id,
                    filled.described()
                );
                self.problems.push(
                    Problem::error(Some(&value.place), what)
                        .hint("write dependencies: [zookeeper]"),
                );
                &[]
            }
        };
        let mut found: Vec<(usize, Place)> = Vec::with_capacity(items.len());
        for item in items {
            let Some(wanted) = item.to_literal() else {
                let what = format!(
                    "a dependency is the id of an application, found {}",
                    item.described()
                );
                self.problems.push(Problem::error(Some(&item.place), what));
                continue;
            };
            let own = exports.by_id(&wanted).or_else(|| {
                let number = exports.by_key(&wanted)?;
                let what = format!(
                    "dependency {wanted} is the key of {}",
                    exports.shown(number)
                );
                let hint = format!("dependencies go by id: write {}", exports.shown(number));
                self.problems
                    .push(Problem::notice(Some(&item.place), what).hint(hint));
                Some(number)
            });
            let number = match own {
                Some(number) => Some(number),
                None => match self.uses.find(&wanted, &item.place, self.problems) {
                    Found::Application(path) => Some(exports.add_used(path, &wanted)),
                    Found::Wrong => continue,
                    Found::Nothing => None,
                },
            };
            match number {
                Some(number) if found.iter().any(|(known, _)| *known == number) => {}
                Some(number) => found.push((number, item.place.clone())),
                None => self.unknown_dependency(entry, &wanted, &item.place, exports),
            }
        }
        found
    }

    fn unknown_dependency(
        &mut self,
        entry: &Entry,
        wanted: &str,
        place: &Place,
        exports: &Exports,
    ) {
        let problem = Problem::error(
            Some(place),
            format!(
                "{} depends on {wanted}, which is no application",
                entry.shown_id
            ),
        );
        let hint = self.advice(wanted, exports);
        self.problems.push(problem.hint(hint));
    }

    /// What may have been meant by a dependency that is no application.
    fn advice(&self, wanted: &str, exports: &Exports) -> String {
        if self.uses.names().any(|name| name == wanted) {
            return format!(
                "{wanted} is another virtual data center; name its application, too: {wanted}.kafka"
            );
        }
        let of_use = wanted.split_once('.');
        let near_use = of_use.and_then(|(name, rest)| {
            let name = near(name, self.uses.names())?;
            Some(format!("{name}.{rest}"))
        });
        let is_searched = self.problems.0.len() < SEARCHES_MAX;
        let near_own = || near(wanted, exports.ids().filter(|_| is_searched)).map(str::to_owned);
        if let Some(word) = near_use.or_else(near_own) {
            return format!("did you mean {word}?");
        }
        let mut documents = self.documents.iter();
        if documents.any(|document| document.applications.contains_key(wanted)) {
            return format!("{wanted} is mentioned, but it does not run");
        }
        match of_use.filter(|(name, _)| Name::new(name).is_ok()) {
            Some((name, _)) => format!(
                "of another virtual data center? name it at the top: uses: {{{name}: {{run: {name}}}}}"
            ),
            None => "dependencies go by the id of an application of this stack".to_owned(),
        }
    }
}
