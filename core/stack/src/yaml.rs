//! YAML text -> a tree of values with places. Budgets bound what a text can cost: nodes, nesting, copies made by
//! aliases. Knows nothing of stacks.

use std::collections::BTreeMap;
use std::sync::Arc;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag, options};
use smack_model::{Place, Problem, Problems};

use crate::resolve::Source;
use crate::scalar;
use crate::text::Text;
use crate::value::{Data, Map, Value};

/// Nodes of one text.
const NODES_MAX: usize = 5_000_000;
/// Lists and maps within each other.
const DEPTH_MAX: usize = 64;
/// What all aliases of one text may copy: nodes, and text in units of 16 bytes.
const COPIES_MAX: usize = 200_000;

/// Reads one document. None if it could not be read at all; then a problem says why. Plain texts keep what was written
/// until [`settle`], so that [`settle_tasks`] can tell them from quoted ones.
pub(crate) fn load(source: &Source, problems: &mut Problems) -> Option<Value> {
    let options = options! { emit_comments: false };
    let mut loader = Loader {
        source,
        layer: Arc::from(""),
        problems,
        frames: Vec::new(),
        anchors: BTreeMap::new(),
        root: None,
        nodes: 0,
        copies: 0,
    };
    for event in Parser::<StrInput>::new_from_str_with_options(&source.text, options) {
        let read = match event {
            Ok((event, span)) => loader.take(event, span),
            Err(error) => Err(loader.syntax(*error.marker(), &error.info())),
        };
        if let Err(problem) = read {
            loader.problems.push(problem);
            return None;
        }
    }
    if loader.root.is_none() {
        let place = loader.place(Marker::new(0, 0, 0));
        loader
            .problems
            .push(Problem::error(Some(&place), "the file is empty"));
    }
    loader.root
}

struct Loader<'a> {
    source: &'a Source,
    layer: Arc<str>,
    problems: &'a mut Problems,
    frames: Vec<Frame>,
    anchors: BTreeMap<usize, Anchor>,
    root: Option<Value>,
    nodes: usize,
    copies: usize,
}

/// A list or map that is not closed yet.
struct Frame {
    place: Place,
    anchor: usize,
    open: Open,
    /// Nesting inside, so far.
    height: usize,
}

enum Open {
    List(Vec<Value>),
    Map {
        map: Map,
        key: Option<(String, Place)>,
        merges: Vec<Value>,
    },
}

struct Anchor {
    value: Value,
    weight: usize,
    height: usize,
}

impl Loader<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        let place = self.place(span.start);
        if event.is_node() {
            self.nodes += 1;
            if self.nodes > NODES_MAX {
                return Err(Problem::error(
                    Some(&place),
                    format!("more than {NODES_MAX} values in one file"),
                ));
            }
        }
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                return Err(
                    Problem::error(Some(&place), "a second document in one file")
                        .hint("write each stack and each layer to a file of its own"),
                );
            }
            Event::Scalar(text, style, anchor, tag) => {
                return self.scalar(&text, style, anchor, tag.as_deref(), place);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), "seq", &place);
                return self.open(Open::List(Vec::new()), anchor, place);
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), "map", &place);
                return self.open(
                    Open::Map {
                        map: Map::new(),
                        key: None,
                        merges: Vec::new(),
                    },
                    anchor,
                    place,
                );
            }
            Event::SequenceEnd | Event::MappingEnd => return self.close(),
            Event::Alias(anchor) => return self.alias(anchor, place),
            // Unresolved aliases and anchors are not asked for; an unknown anchor is a syntax error.
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::Anchor(..)
            | Event::UnresolvedAlias(_)
            | _ => {}
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        place: Place,
    ) -> Result<(), Problem> {
        let is_plain = style == ScalarStyle::Plain;
        if self.awaits_key() && anchor == 0 {
            self.set_key(text.to_owned(), is_plain, place);
            return Ok(());
        }
        let data = match tag.map(|tag| (tag, tag.core_suffix())) {
            None if is_plain => scalar::plain(text),
            None | Some((_, Some("str"))) => Data::Text(Text::literal(text)),
            Some((_, Some("null" | "bool" | "int" | "float"))) => scalar::plain(text),
            Some((tag, _)) => {
                self.refuse_tag(tag, &place);
                Data::Text(Text::literal(text))
            }
        };
        let mut value = Value::new(data, place);
        if is_plain || !matches!(value.data, Data::Text(_)) {
            value.written = text.into();
        }
        self.finish(value, anchor, 0)
    }

    fn open(&mut self, open: Open, anchor: usize, place: Place) -> Result<(), Problem> {
        if self.awaits_key() {
            return Err(
                Problem::error(Some(&place), "a list or map as the key of a map")
                    .hint("in {…} or […] quote a reference: \"${name}\""),
            );
        }
        if self.frames.len() >= DEPTH_MAX {
            return Err(too_deep(&place));
        }
        self.frames.push(Frame {
            place,
            anchor,
            open,
            height: 0,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Problem> {
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        let data = match frame.open {
            Open::List(items) => Data::List(items),
            Open::Map {
                mut map, merges, ..
            } => {
                for merge in merges {
                    self.merge_into(&mut map, merge);
                }
                Data::Map(map)
            }
        };
        self.finish(
            Value::new(data, frame.place),
            frame.anchor,
            frame.height + 1,
        )
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<(), Problem> {
        let Some(known) = self.anchors.get(&anchor) else {
            return Err(Problem::error(
                Some(&place),
                "an alias inside the very value that it names",
            ));
        };
        self.copies += known.weight;
        if self.copies > COPIES_MAX {
            return Err(Problem::error(Some(&place), "the aliases of this file copy too much")
                .hint(format!("all aliases together may copy {COPIES_MAX} values; write them out or use parameters")));
        }
        if self.frames.len() + known.height > DEPTH_MAX {
            return Err(too_deep(&place));
        }
        let (value, height) = (
            Value {
                place: place.clone(),
                ..known.value.clone()
            },
            known.height,
        );
        if self.awaits_key() {
            match value.to_literal() {
                Some(key) => self.set_key(key, false, place),
                None => {
                    return Err(Problem::error(
                        Some(&place),
                        "a list or map as the key of a map",
                    ));
                }
            }
            return Ok(());
        }
        self.finish(value, 0, height)
    }

    /// Puts a complete value where it belongs.
    fn finish(&mut self, mut value: Value, anchor: usize, height: usize) -> Result<(), Problem> {
        if anchor != 0 {
            let weight = weight(&value);
            self.copies += weight;
            if self.copies > COPIES_MAX {
                return Err(Problem::error(
                    Some(&value.place),
                    "the anchors of this file hold too much",
                ));
            }
            self.anchors.insert(
                anchor,
                Anchor {
                    value: value.clone(),
                    weight,
                    height,
                },
            );
        }
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(value);
            return Ok(());
        };
        frame.height = frame.height.max(height);
        match &mut frame.open {
            Open::List(items) => items.push(value),
            Open::Map { map, key, merges } => match key.take() {
                None => {
                    // A scalar with an anchor in the position of a key.
                    let text = value.to_literal().unwrap_or_default();
                    self.set_key(text, false, value.place);
                }
                Some((key, place)) if key == "<<" => {
                    value.place = place;
                    merges.push(value);
                }
                Some((key, place)) => {
                    value.place = place;
                    if let Some(first) = map.get(&key) {
                        let what = format!("{key} is there twice in one map");
                        let hint = format!("the first is at {}; keep one", first.place);
                        self.problems
                            .push(Problem::error(Some(&value.place), what).hint(hint));
                    } else {
                        map.insert(key, value);
                    }
                }
            },
        }
        Ok(())
    }

    /// `<<: *base` and `<<: [*a, *b]`: keys that the map does not have itself; of several, the first wins.
    fn merge_into(&mut self, map: &mut Map, merge: Value) {
        let bases = match merge.data {
            Data::Map(base) => vec![base],
            Data::List(items) if items.iter().all(|item| item.as_map().is_some()) => items
                .into_iter()
                .filter_map(|item| {
                    if let Data::Map(base) = item.data {
                        Some(base)
                    } else {
                        None
                    }
                })
                .collect(),
            Data::Null
            | Data::Bool(_)
            | Data::Integer(_)
            | Data::Number(_)
            | Data::Text(_)
            | Data::List(_) => {
                self.problems.push(
                    Problem::error(Some(&merge.place), "<< wants a map or a list of maps")
                        .hint("write <<: *anchor"),
                );
                Vec::new()
            }
        };
        for (key, value) in bases.into_iter().flatten() {
            map.entry(key).or_insert(value);
        }
    }

    fn awaits_key(&self) -> bool {
        matches!(
            self.frames.last(),
            Some(Frame {
                open: Open::Map { key: None, .. },
                ..
            })
        )
    }

    fn set_key(&mut self, text: String, is_plain: bool, place: Place) {
        if text == "<<" && !is_plain {
            self.problems
                .push(Problem::error(Some(&place), "a key named <<"));
        }
        if let Some(Frame {
            open: Open::Map { key, .. },
            ..
        }) = self.frames.last_mut()
        {
            *key = Some((text, place));
        }
    }

    fn check_tag(&mut self, tag: Option<&Tag>, wanted: &str, place: &Place) {
        if let Some(tag) = tag.filter(|tag| tag.core_suffix() != Some(wanted)) {
            self.refuse_tag(tag, place);
        }
    }

    fn refuse_tag(&mut self, tag: &Tag, place: &Place) {
        let what = format!("the tag {} means nothing in a stack", tag.original());
        self.problems.push(
            Problem::error(Some(place), what).hint("remove it; quote a value to make it a text"),
        );
    }

    fn place(&self, at: Marker) -> Place {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Place {
            file: self.source.file.clone(),
            line: number(at.line().max(1)),
            column: number(at.col() + 1),
            layer: self.layer.clone(),
        }
    }

    fn syntax(&self, at: Marker, info: &str) -> Problem {
        let place = self.place(at);
        let problem = Problem::error(Some(&place), format!("not valid YAML: {info}"));
        let line = self
            .source
            .text
            .lines()
            .nth(at.line().saturating_sub(1))
            .unwrap_or_default();
        if info.contains("flow") && line.contains("${") {
            problem.hint("in {…} or […] quote a reference: \"${name}\"")
        } else if info.starts_with("mapping values are not allowed") {
            // `kind: kafka` with a deeper `instances: 3` below: a text of two lines, as YAML sees it.
            problem.hint("is this line indented deeper than the one above? align them; quote a text that contains `: `")
        } else if line.contains('\t') {
            problem.hint("indent with blanks, not with tabs")
        } else {
            problem
        }
    }
}

fn too_deep(place: &Place) -> Problem {
    Problem::error(
        Some(place),
        format!("more than {DEPTH_MAX} lists and maps within each other"),
    )
}

/// What a copy costs, in nodes.
fn weight(value: &Value) -> usize {
    match &value.data {
        Data::Text(text) => 1 + text.as_literal().map_or(0, str::len) / 16,
        Data::List(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Data::Map(map) => {
            1 + map
                .iter()
                .map(|(key, item)| key.len() / 16 + weight(item))
                .sum::<usize>()
        }
        Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Number(_) => 1,
    }
}

/// Reads the scalars of legacy tasks again, by the original's rules.
pub(crate) fn settle_tasks(value: &mut Value) {
    match &mut value.data {
        Data::List(items) => items.iter_mut().for_each(settle_tasks),
        Data::Map(map) => map.values_mut().for_each(settle_tasks),
        Data::Text(_) if value.written.is_empty() => {}
        Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Number(_) | Data::Text(_) => {
            value.data = Data::Text(Text::literal(scalar::legacy_task(&value.written)));
            value.written = Box::default();
        }
    }
}

/// Writes the layer into the places of a loaded tree; forgets which texts were plain.
pub(crate) fn settle(value: &mut Value, layer: &Arc<str>) {
    value.place.layer = layer.clone();
    match &mut value.data {
        Data::List(items) => items.iter_mut().for_each(|item| settle(item, layer)),
        Data::Map(map) => map.values_mut().for_each(|item| settle(item, layer)),
        Data::Text(_) => value.written = Box::default(),
        Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Number(_) => {}
    }
}
