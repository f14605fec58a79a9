//! The tasks of one application of old: what they say, key by key, and the settings of today that come of it.

use std::collections::{BTreeMap, BTreeSet};

use smack_model::{Name, Place, Problem, Problems, did_you_mean};
use smack_stack::{Application, Data, Map, Piece, Text, Value, duration_milliseconds};

/// What is read of the tasks, and written of today.
pub(super) struct Tasks<'a> {
    pub(super) application: &'a Application,
    /// All applications of the stack, as they were written.
    pub(super) all: &'a BTreeMap<Name, Application>,
    tasks: Vec<Task<'a>>,
    read: BTreeSet<String>,
    out: Map,
    pub(super) problems: &'a mut Problems,
}

/// One task of old.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) place: &'a Place,
    pub(super) map: &'a Map,
}

impl<'a> Tasks<'a> {
    /// `kept`: what the application says in today's words, which goes over what its tasks say.
    pub(super) fn new(
        application: &'a Application,
        all: &'a BTreeMap<Name, Application>,
        kept: Map,
        problems: &'a mut Problems,
    ) -> Self {
        let said = application
            .settings
            .as_map()
            .and_then(|map| map.get("tasks"));
        let values: Vec<&Value> = match said.map(|value| &value.data) {
            Some(Data::Map(map)) => map.values().collect(),
            // As they were before tasks had names.
            Some(Data::List(items)) => items.iter().collect(),
            _ => Vec::new(),
        };
        let task = |value: &'a Value| {
            let map = value.as_map()?;
            let place = &value.place;
            Some(Task { place, map })
        };
        let tasks: Vec<Task<'a>> = values.into_iter().filter_map(task).collect();
        if tasks.is_empty() {
            let place = said.map_or(&application.place, |value| &value.place);
            let what = format!(
                "{} has no tasks, so nothing of it would run",
                application.shown_id
            );
            let hint =
                "its scheduler of old waited for them; for example tasks: {all: {id: \"0..2\"}}";
            problems.push(Problem::error(Some(place), what).hint(hint));
        }
        Self {
            application,
            all,
            tasks,
            read: BTreeSet::new(),
            out: kept,
            problems,
        }
    }

    pub(super) fn tasks(&self) -> Vec<Task<'a>> {
        self.tasks.clone()
    }

    /// The value of a key in every task that says it.
    pub(super) fn each(&mut self, key: &str) -> Vec<&'a Value> {
        self.read.insert(key.to_owned());
        let values = self.tasks.iter().filter_map(|task| task.map.get(key));
        values.filter(|value| is_said(value)).collect()
    }

    /// The value of a key for all tasks: they must say the same.
    pub(super) fn same(&mut self, key: &str) -> Option<&'a Value> {
        let values = self.each(key);
        let first = *values.first()?;
        let other = values
            .iter()
            .find(|value| value.to_text() != first.to_text());
        if let Some(other) = other {
            let what = format!("tasks say {key}: {} and {}", first.shown(), other.shown());
            let hint = format!(
                "the other is at {}; all tasks of one application share it",
                first.place
            );
            self.problems
                .push(Problem::error(Some(&other.place), what).hint(hint));
        }
        Some(first)
    }

    /// The larger of different numbers, which is told.
    pub(super) fn largest(&mut self, key: &str) -> Option<&'a Value> {
        let values = self.each(key);
        let number = |value: &Value| value.to_literal().and_then(|text| text.parse::<f64>().ok());
        let mut largest = *values.first()?;
        for value in &values {
            if number(value) > number(largest) {
                largest = value;
            }
        }
        if let Some(other) = values.iter().find(|value| number(value) != number(largest)) {
            let what = format!(
                "{key}: {} holds for all tasks, also where it is {}",
                largest.shown(),
                other.shown()
            );
            let hint = format!("the other is at {}", other.place);
            self.problems
                .push(Problem::notice(Some(&largest.place), what).hint(hint));
        }
        Some(largest)
    }

    /// Writes a setting of today, unless the application says it itself.
    pub(super) fn put(&mut self, key: &str, value: Value) {
        self.out.entry(key.to_owned()).or_insert(plainly(value));
    }

    /// Writes a setting below another one.
    pub(super) fn put_below(&mut self, key: &str, below: &str, value: Value) {
        let place = value.place.clone();
        let map = Value::new(Data::Map(Map::new()), place);
        let outer = self.out.entry(key.to_owned()).or_insert(map);
        if let Data::Map(map) = &mut outer.data {
            map.entry(below.to_owned()).or_insert(plainly(value));
        }
    }

    /// Writes a setting two below another one.
    pub(super) fn put_two_below(&mut self, key: &str, below: &str, lowest: &str, value: Value) {
        let outer = self.out.get_mut(key).map(|outer| &mut outer.data);
        if let Some(Data::Map(map)) = outer
            && let Some(Data::Map(inner)) = map.get_mut(below).map(|inner| &mut inner.data)
        {
            inner.entry(lowest.to_owned()).or_insert(plainly(value));
        }
    }

    /// The numbers of all tasks, without filters by attribute.
    pub(super) fn ids(&mut self, key: &str) {
        let mut ids: Vec<String> = Vec::new();
        let values = self.each(key);
        for value in &values {
            let text = value.to_literal().unwrap_or_default();
            let (numbers, filter) = match text.split_once('[') {
                Some((numbers, filter)) => (numbers, Some(filter)),
                None => (text.as_str(), None),
            };
            if let Some(filter) = filter {
                let what = format!("{key}: [{filter} is dropped");
                let hint = "all nodes are considered; constraints say which will do";
                self.problems
                    .push(Problem::notice(Some(&value.place), what).hint(hint));
            }
            ids.push(numbers.to_owned());
        }
        for task in self.tasks() {
            if !task.map.contains_key(key) {
                let what = format!("a task says no {key}");
                let hint = format!("for example {key}: \"0..2\"");
                self.problems
                    .push(Problem::error(Some(task.place), what).hint(hint));
            }
        }
        if let Some(first) = values.first() {
            self.put("ids", literal(&ids.join(","), first));
        }
    }

    /// `cpu`, `mem` and `heap`. What is not larger than the heap was meant for the heap alone.
    pub(super) fn resources(&mut self, cpu: &str) {
        if let Some(cpu) = self.largest(cpu) {
            self.put("cpu", cpu.clone());
        }
        let (heap, mem) = (self.largest("heap"), self.largest("mem"));
        let number = |value: Option<&Value>| value?.to_literal()?.parse::<f64>().ok();
        let is_heap_alone = number(heap)
            .zip(number(mem))
            .is_some_and(|(heap, mem)| mem <= heap);
        if let Some(mem) = mem {
            if is_heap_alone {
                let what = "mem is not larger than the heap, so it is counted anew";
                self.problems.push(Problem::notice(Some(&mem.place), what));
            } else {
                self.put("mem", mem.clone());
            }
        }
        if let Some(heap) = heap {
            self.put("heap", heap.clone());
        }
    }

    /// A port, or a range as `31000..31100`.
    pub(super) fn port(&mut self, key: &str, name: &str) {
        if let Some(value) = self.same(key) {
            let text = value.to_literal().unwrap_or_default();
            self.put_below("ports", name, literal(&text.replace("..", "-"), value));
        }
    }

    /// A time in the words of today: `30min` is `30m`.
    pub(super) fn period(&mut self, key: &str, today: &str) {
        if let Some(value) = self.largest_period(key) {
            let text = period(&value.to_literal().unwrap_or_default());
            // Of old 0 was not to wait.
            if duration_milliseconds(&text) != Some(0) {
                self.put(today, literal(&text, value));
            }
        }
    }

    fn largest_period(&mut self, key: &str) -> Option<&'a Value> {
        let length = |value: &Value| {
            let text = period(&value.to_literal().unwrap_or_default());
            duration_milliseconds(&text)
        };
        let values = self.each(key).into_iter();
        values.reduce(|longest, value| {
            if length(value) > length(longest) {
                value
            } else {
                longest
            }
        })
    }

    /// As `start` of old waited, and as it tried again.
    pub(super) fn times(&mut self) {
        self.period("timeout", "ready-within");
        for (old, dashed) in [
            ("failoverDelay", "failover-delay"),
            ("failoverMaxDelay", "failover-max-delay"),
        ] {
            self.period(old, old);
            self.period(dashed, old);
        }
        for key in ["failoverMaxTries", "failover-max-tries"] {
            if let Some(tries) = self.largest(key) {
                self.put("failoverMaxTries", tries.clone());
            }
        }
    }

    pub(super) fn constraints(&mut self) {
        if let Some(constraints) = self.same("constraints") {
            self.put("constraints", constraints.clone());
        }
    }

    /// Options of the virtual machine in one line.
    pub(super) fn jvm_options(&mut self, key: &str) {
        let Some(value) = self.same(key) else { return };
        let text = value.to_literal().unwrap_or_default();
        let options = text.split_whitespace().map(|word| literal(word, value));
        let list = Value::new(Data::List(options.collect()), value.place.clone());
        self.put("jvm-options", list);
    }

    /// `key=value` with commas becomes `config:`; what smack writes itself is left out.
    pub(super) fn config(&mut self, key: &str, ours: &[&str]) {
        let Some(value) = self.same(key) else { return };
        for (name, text) in pairs(&value.to_text().unwrap_or_default()) {
            if ours.iter().any(|start| name.starts_with(start)) || text.source().contains("$id") {
                let what = format!("{key}: {name} is dropped");
                let hint = "smack gives it: each task has its own";
                self.problems
                    .push(Problem::notice(Some(&value.place), what).hint(hint));
                continue;
            }
            let setting = Value::new(Data::Text(text), value.place.clone());
            self.put_below("config", &name, setting);
        }
    }

    /// Keys that mean nothing any more: one notice for all of a reason.
    pub(super) fn dropped(&mut self, keys: &[&str], why: &str) {
        let mut said: Vec<(&str, &'a Place)> = Vec::new();
        for key in keys {
            let first = self.each(key).first().map(|value| &value.place);
            said.extend(first.map(|place| (*key, place)));
        }
        if let Some((_, place)) = said.first() {
            let keys: Vec<&str> = said.iter().map(|(key, _)| *key).collect();
            let are = if keys.len() == 1 { "is" } else { "are" };
            let what = format!(
                "{} of the tasks of {} {are} without effect",
                keys.join(", "),
                self.application.shown_id
            );
            self.problems
                .push(Problem::notice(Some(place), what).hint(why));
        }
    }

    /// All other keys of the tasks, as those of `dropped`.
    pub(super) fn rest_dropped(&mut self, why: &str) {
        let rest: Vec<String> = self.unread().into_iter().map(|(key, _)| key).collect();
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        self.dropped(&rest, why);
    }

    fn unread(&self) -> Vec<(String, &'a Place)> {
        let mut unread: Vec<(String, &'a Place)> = Vec::new();
        for (key, value) in self.tasks.iter().flat_map(|task| task.map) {
            let is_new = !unread.iter().any(|(known, _)| known == key);
            if !self.read.contains(key) && is_new {
                unread.push((key.clone(), &value.place));
            }
        }
        unread
    }

    /// The settings of today. As of old an unknown key is no error, but told.
    pub(super) fn finish(self) -> Map {
        for (key, place) in self.unread() {
            let what = format!(
                "{} of old knew no {key} of a task: it is ignored",
                self.application.kind.value
            );
            let problem = Problem::notice(Some(place), what);
            let known = self.read.iter().map(String::as_str);
            self.problems.push(match did_you_mean(&key, known) {
                Some(near) => problem.hint(format!("did you mean {near}?")),
                None => problem,
            });
        }
        self.out
    }
}

/// An empty text clears, as of old.
fn is_said(value: &Value) -> bool {
    !matches!(value.to_literal().as_deref(), Some("" | "<nil>"))
}

/// Values of tasks are texts of old; as a setting of today a number is a number.
pub(super) fn plainly(value: Value) -> Value {
    let text = value.to_literal().unwrap_or_default();
    let data = match text.as_str() {
        "true" => Data::Bool(true),
        "false" => Data::Bool(false),
        text => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(number), _) if number.to_string() == text => Data::Integer(number),
            (_, Ok(number)) if number.to_string() == text => Data::Number(number),
            _ => return value,
        },
    };
    Value {
        data,
        written: text.into(),
        ..value
    }
}

/// A text at the place of another value.
pub(super) fn literal(text: &str, at: &Value) -> Value {
    Value::text(text, at.place.clone())
}

/// `30min` and `1hour` as today's units.
fn period(text: &str) -> String {
    let number: String = text.chars().take_while(char::is_ascii_digit).collect();
    let unit = text[number.len()..].trim();
    let unit = match unit {
        "min" | "mins" | "minute" | "minutes" => "m",
        "sec" | "secs" | "second" | "seconds" => "s",
        "hour" | "hours" => "h",
        "day" | "days" => "d",
        "millis" => "ms",
        "" if number == "0" => "s",
        other => other,
    };
    format!("{number}{unit}")
}

/// `a=b,c=d`, `a=b;c=d` or `a=b&c=d`, where a piece without a `=` goes on the value before it: the hosts of a list.
pub(super) fn pairs(text: &Text) -> Vec<(String, Text)> {
    let mut pairs: Vec<(String, Text)> = Vec::new();
    for mut stretch in stretches(text) {
        let split = match stretch.pieces.first() {
            Some(Piece::Literal(first)) => first.split_once('='),
            Some(Piece::Export { .. }) | None => None,
        };
        match (split, pairs.last_mut()) {
            (Some((key, value)), _) => {
                let (key, value) = (key.trim().to_owned(), value.to_owned());
                stretch.pieces[0] = Piece::Literal(value);
                pairs.push((key, tidied(stretch)));
            }
            (None, Some((_, before))) => {
                before.pieces.push(Piece::Literal(",".to_owned()));
                before.pieces.extend(stretch.pieces);
                *before = tidied(std::mem::take(before));
            }
            (None, None) => {}
        }
    }
    pairs
}

/// The parts between commas and semicolons.
fn stretches(text: &Text) -> Vec<Text> {
    let mut parts = vec![Text::default()];
    for piece in &text.pieces {
        match piece {
            Piece::Export { .. } => {
                let last = parts.last_mut().expect("never empty");
                last.pieces.push(piece.clone());
            }
            Piece::Literal(literal) => {
                for (index, part) in literal.split([',', ';', '&']).enumerate() {
                    if index > 0 {
                        parts.push(Text::default());
                    }
                    let last = parts.last_mut().expect("never empty");
                    last.pieces.push(Piece::Literal(part.to_owned()));
                }
            }
        }
    }
    parts
        .into_iter()
        .map(tidied)
        .filter(|part| !part.is_empty())
        .collect()
}

/// Neighbouring literals as one, empty ones gone.
fn tidied(text: Text) -> Text {
    let mut pieces: Vec<Piece> = Vec::with_capacity(text.pieces.len());
    for piece in text.pieces {
        match (pieces.last_mut(), piece) {
            (_, Piece::Literal(empty)) if empty.is_empty() => {}
            (Some(Piece::Literal(last)), Piece::Literal(more)) => last.push_str(&more),
            (_, piece) => pieces.push(piece),
        }
    }
    Text { pieces }
}

#[cfg(test)]
mod tests {
    use super::{pairs, period};
    use smack_stack::Text;

    #[test]
    fn periods_of_old_are_read() {
        for (old, today) in [
            ("30min", "30m"),
            ("60s", "60s"),
            ("10m", "10m"),
            ("0", "0s"),
            ("1hour", "1h"),
            ("soon", "soon"),
        ] {
            assert_eq!(period(old), today);
        }
    }

    #[test]
    fn pairs_keep_lists_together() {
        let told = |text: &str| -> Vec<String> {
            let pairs = pairs(&Text::literal(text));
            pairs
                .iter()
                .map(|(key, value)| format!("{key} -> {value}"))
                .collect()
        };
        assert_eq!(told("A=1,B=2"), ["A -> 1", "B -> 2"]);
        assert_eq!(told("A=h:1,g:2,B=x=y"), ["A -> h:1,g:2", "B -> x=y"]);
        assert_eq!(told("A=1;B=,"), ["A -> 1", "B -> "]);
        assert!(told("").is_empty() && told("nothing").is_empty());
    }
}
