//! What a stack says about a product of the catalog: its version, the Java machine it runs on and its own configuration.

use std::collections::BTreeMap;

use smack_model::{JavaNeed, Problem, Resources, Template};
use smack_stack::{Reader, Setting, Text};

use crate::catalog::{Catalog, Entry, JavaRange};
use crate::jvm::{Jvm, refused_option};
use crate::shape;
use crate::text::template;

/// A version that the stack names, or `newest`. After an unknown one `is_known` is false: go on, but do not judge keys.
pub(crate) struct Chosen<'a> {
    pub(crate) entry: &'a Entry,
    pub(crate) is_known: bool,
}

/// Reads `version:`. `None` only if the catalog has no version of the product at all.
pub(crate) fn version<'a>(
    reader: &mut Reader<'_>,
    catalog: &'a Catalog,
    product: &'a str,
    newest: impl Fn(&Entry) -> bool,
) -> Option<Chosen<'a>> {
    let newest = catalog.versions(product).rev().find(|entry| newest(entry));
    let newest = newest.or_else(|| catalog.versions(product).next_back());
    let Some(entry) = newest else {
        reader.refuse(
            "type",
            &format!("the catalog has no {product}"),
            "this program was built without it",
        );
        return None;
    };
    let Some(wanted) = reader.string("version") else {
        return Some(Chosen {
            entry,
            is_known: !reader.has("version"),
        });
    };
    match catalog.find(product, &wanted) {
        Ok(entry) => Some(Chosen {
            entry,
            is_known: true,
        }),
        Err(unknown) => {
            reader.refuse("version", &unknown.to_string(), &unknown.hint());
            Some(Chosen {
                entry,
                is_known: false,
            })
        }
    }
}

/// Reads `heap:`, `java:` and `jvm-options:`.
pub(crate) fn jvm<'a>(reader: &mut Reader<'_>, entry: &'a Entry) -> Jvm<'a> {
    Jvm {
        entry,
        heap_mib: shape::memory(reader, "heap", 16).unwrap_or(entry.heap_mib),
        options: options(reader),
        java: java(reader, entry),
    }
}

/// What a process with that heap takes: the heap and what the product needs beside it.
pub(crate) fn memory_mib(jvm: &Jvm<'_>) -> u32 {
    jvm.heap_mib.saturating_add(beside_heap(jvm.entry))
}

fn beside_heap(entry: &Entry) -> u32 {
    entry.memory_mib.saturating_sub(entry.heap_mib)
}

/// A heap that is larger than the memory is an error, one that fills it a notice.
pub(crate) fn check_memory(reader: &mut Reader<'_>, jvm: &Jvm<'_>, needs: Resources) {
    let (heap, mem, beside) = (jvm.heap_mib, needs.memory_mib, beside_heap(jvm.entry));
    let hint = format!("leave mem out (then it is {heap} + {beside} MiB) or lower the heap");
    if heap > mem {
        reader.refuse(
            "mem",
            &format!("a heap of {heap} MiB does not fit into {mem} MiB"),
            &hint,
        );
    } else if mem - heap < beside / 2 {
        let what = format!(
            "mem: {mem} MiB leave {} MiB beside the heap of {heap} MiB",
            mem - heap
        );
        let place = reader.place_of("mem").clone();
        let hint = format!(
            "{} needs about {beside} MiB beside its heap",
            jvm.entry.product
        );
        reader
            .problems()
            .push(Problem::notice(Some(&place), what).hint(hint));
    }
}

fn options(reader: &mut Reader<'_>) -> Vec<Template> {
    let options = reader.texts("jvm-options").unwrap_or_default();
    for Setting { value, place } in &options {
        let shown = value.to_string();
        let problem = if !shown.starts_with('-') {
            Some((
                "is no option of a Java machine".to_owned(),
                "an option starts with -, one per item of the list",
            ))
        } else {
            refused_option(&shown).map(|hint| ("is given by smack".to_owned(), hint))
        };
        if let Some((what, hint)) = problem {
            let what = format!("jvm-options: {shown} {what}");
            reader
                .problems()
                .push(Problem::error(Some(place), what).hint(hint));
        }
    }
    options
        .iter()
        .map(|option| template(&option.value))
        .collect()
}

/// The product's range, narrowed by the stack.
fn java(reader: &mut Reader<'_>, entry: &Entry) -> JavaNeed {
    let mut range = entry.java.range;
    if let Some(text) = reader.string("java") {
        match java_range(&text) {
            Ok(wanted) => match narrowed(range, wanted) {
                Some(both) => range = both,
                None => {
                    let what = format!(
                        "{} {} does not run on Java {text}",
                        entry.product, entry.version
                    );
                    reader.refuse("java", &what, &format!("it runs on Java {range}"));
                }
            },
            Err(why) => reader.refuse(
                "java",
                &why,
                "write a version or bounds: 17, \">=17\" or \">=17 <22\"",
            ),
        }
    }
    let preferred = entry
        .java
        .prefer
        .iter()
        .copied()
        .find(|&version| range.contains(version));
    JavaNeed {
        versions: range.to_string(),
        preferred: preferred.unwrap_or(range.from),
    }
}

fn java_range(text: &str) -> Result<JavaRange, String> {
    match text.trim().parse::<u32>() {
        Ok(version) => Ok(JavaRange {
            from: version,
            below: version.checked_add(1),
        }),
        Err(_) => JavaRange::try_from(text.trim().to_owned()),
    }
}

fn narrowed(a: JavaRange, b: JavaRange) -> Option<JavaRange> {
    let from = a.from.max(b.from);
    let below = match (a.below, b.below) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    };
    below
        .is_none_or(|below| from < below)
        .then_some(JavaRange { from, below })
}

/// A key that smack writes itself, alone or as a prefix ending in a dot, and what to write instead.
pub(crate) type Owned = (&'static str, &'static str);

/// Reads `config:`: keys that the product version does not know, or that smack owns, are errors.
pub(crate) fn config(
    reader: &mut Reader<'_>,
    chosen: &Chosen<'_>,
    owned: &[Owned],
) -> BTreeMap<String, Setting<Text>> {
    let mut config = BTreeMap::new();
    for (key, value) in reader.text_map("config").unwrap_or_default() {
        if let Some((_, hint)) = owned.iter().find(|(owned, _)| owns(owned, &key)) {
            let what = format!("config.{key} is written by smack");
            reader
                .problems()
                .push(Problem::error(Some(&value.place), what).hint(*hint));
        } else if chosen.is_known && !chosen.entry.knows_key(&key) {
            let entry = chosen.entry;
            let what = format!(
                "config.{key} is not known to {} {}",
                entry.product, entry.version
            );
            let problem = Problem::error(Some(&value.place), what);
            reader.problems().push(match entry.nearest_key(&key) {
                Some(near) => problem.hint(format!("did you mean {near}?")),
                None => problem.hint(format!(
                    "it has {} keys, none like this",
                    entry.locked.config_keys.len()
                )),
            });
        } else {
            config.insert(key, value);
        }
    }
    config
}

fn owns(owned: &str, key: &str) -> bool {
    owned == key
        || owned.strip_suffix('.').is_some_and(|prefix| {
            key.strip_prefix(prefix)
                .is_some_and(|rest| rest.starts_with('.'))
        })
}

/// The values alone.
pub(crate) fn templates(config: &BTreeMap<String, Setting<Text>>) -> BTreeMap<String, Template> {
    config
        .iter()
        .map(|(key, value)| (key.clone(), template(&value.value)))
        .collect()
}
